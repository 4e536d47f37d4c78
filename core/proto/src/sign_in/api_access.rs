//! Signing users in for an API of which only the URL is known (spec 12.18): what is fetched, what is registered, what
//! is kept beside the sign-ins, and what the sign-in needs in the end.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::metadata::ServerMetadata;
use super::registration::{ClientRegistration, RegisteredClient};
use super::resource::{ResourceMetadata, address};
use crate::credential::Secret;
use crate::dialect::ClientAuth;
use crate::error::{ErrorKind, Failure};
use crate::machine::{note, read_note};
use crate::store::Unavailable;
use crate::time::Wall;

/// What the keys of kept registrations begin with.
pub const CLIENT_KEYS: &str = "rekindle.client:";

/// How long metadata is used before it is fetched again.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest URL in a key; a store's keys have at most 1,024 bytes.
const LONGEST_URL: usize = 900;

/// The API that users are to be signed in for, and the program that asks. The example is at [`ApiSearch`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ApiRequest {
    /// The API's URL.
    pub resource: String,
    /// The program's name, which the server shows to users; required without a `client_id`.
    pub name: Option<String>,
    /// The redirect URI; if it is `None`, [`ClientRegistration::LOOPBACK`].
    pub redirect_uri: Option<String>,
    /// The scope to request; if it is `None`, all scopes that the API lists.
    pub scope: Option<String>,
    /// The client's id, if the program is registered already.
    pub client_id: Option<String>,
    /// Whether users sign in on another device (RFC 8628).
    pub device: bool,
    /// Whether another process finishes the sign-in, or the same page after it was loaded again: it has to know the
    /// client.
    pub outlives: bool,
}

/// The settings of a session for an API, and of its sign-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiAccess {
    /// The API's resource identifier: the `resource` of the sign-in (RFC 8707).
    pub resource: String,
    /// The API's origin: its requests get the token.
    pub origin: String,
    /// The metadata of the API's authorization server.
    pub server: ServerMetadata,
    /// The scope to request, if it is known.
    pub scope: Option<String>,
    /// The client's id.
    pub client_id: String,
    /// The client's secret, if it was registered with one.
    pub client_secret: Option<Secret>,
    /// How a registered client authenticates.
    pub client_auth: Option<ClientAuth>,
}

/// What a search needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiStep {
    /// Fetch the metadata of the API and of its authorization server: [`ApiSearch::found`] or [`ApiSearch::not_found`].
    Discover,
    /// Register this client at [`ApiSearch::server`]: [`ApiSearch::registered`].
    Register(ClientRegistration),
    /// Save this record in the store, if there is one: [`ApiSearch::kept`].
    Keep(Bytes),
    /// Nothing: this is the result.
    Done(Box<ApiAccess>),
}

/// The search for an API's authorization server and for this program's client there.
///
/// ```
/// use rekindle_proto::Wall;
/// use rekindle_proto::sign_in::{ApiRequest, ApiSearch, ApiStep, RegisteredClient, ResourceMetadata, ServerMetadata};
///
/// let asked = ApiRequest::new("https://mcp.example.com/mcp").name("My tool");
/// let mut search = ApiSearch::new(asked, Wall(0))?;
/// assert_eq!(search.next()?, ApiStep::Discover);
///
/// let api = br#"{"resource": "https://mcp.example.com/mcp", "authorization_servers": ["https://auth.example.com"]}"#;
/// let server = br#"{"issuer": "https://auth.example.com", "registration_endpoint": "https://auth.example.com/clients"}"#;
/// search.found(
///     ResourceMetadata::read("https://mcp.example.com/mcp", api)?,
///     ServerMetadata::read("https://auth.example.com", server)?,
/// );
/// let ApiStep::Register(client) = search.next()? else { panic!() };
/// search.registered(client, RegisteredClient::read(br#"{"client_id": "c-1"}"#)?);
/// let ApiStep::Keep(_record) = search.next()? else { panic!() };
/// search.kept();
/// let ApiStep::Done(access) = search.next()? else { panic!() };
/// assert_eq!((access.client_id.as_str(), access.origin.as_str()), ("c-1", "https://mcp.example.com"));
/// # Ok::<(), rekindle_proto::Failure>(())
/// ```
#[derive(Debug)]
pub struct ApiSearch {
    asked: ApiRequest,
    now: Wall,
    known: Option<Known>,
    /// The metadata need not be fetched.
    is_current: bool,
    /// What is known differs from what is kept.
    is_new: bool,
}

/// What is known of an API, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    asked: String,
    found_at: Wall,
    api: ResourceMetadata,
    server: ServerMetadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<Client>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Client {
    asked: ClientRegistration,
    given: RegisteredClient,
}

impl ApiRequest {
    /// A request for the API at that URL.
    ///
    /// The example is at [`ApiSearch`].
    pub fn new(resource: impl Into<String>) -> Self {
        Self { resource: resource.into(), ..Self::default() }
    }

    /// The program's name, which the server shows to users.
    ///
    /// The example is at [`ApiSearch`].
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Fails if the program would have to register itself and cannot. `room`: the store can keep the registration.
    /// `shared`: the store outlives the process.
    ///
    /// ```
    /// use rekindle_proto::sign_in::ApiRequest;
    ///
    /// let asked = ApiRequest::new("https://mcp.example.com/mcp").name("My tool");
    /// assert!(asked.check(true, true).is_ok());
    /// assert_eq!(asked.check(false, true).unwrap_err().argument.as_deref(), Some("client_id"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the name is missing, or the next process would be another client than this sign-in's.
    pub fn check(&self, room: bool, shared: bool) -> Result<(), Failure> {
        if given(&self.client_id).is_some() {
            return Ok(());
        }
        if given(&self.name).is_none() {
            let what = " is missing: without a client id this program registers itself, and users see its name there";
            return Err(Failure::config("name", what));
        }
        if !room && (shared || self.outlives) {
            let what = " is missing: there is no store that could keep a registration, and the next start would be another client; \
                        give a store with a record for each key, or register once and give the client id";
            return Err(Failure::config("client_id", what));
        }
        Ok(())
    }

    /// The key under which a store keeps what is known of the API.
    ///
    /// ```
    /// use rekindle_proto::sign_in::ApiRequest;
    ///
    /// let asked = ApiRequest::new("https://mcp.example.com/mcp");
    /// assert_eq!(asked.key()?, "rekindle.client:https://mcp.example.com/mcp");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the URL is not that of an API.
    pub fn key(&self) -> Result<String, Failure> {
        let url = self.url()?;
        // ASCII: a URL's text has no other characters.
        Ok(format!("{CLIENT_KEYS}{}", url.get(..LONGEST_URL).unwrap_or(&url)))
    }

    /// The same text for each way to write the URL.
    fn url(&self) -> Result<String, Failure> {
        Ok(address(&self.resource)?.into())
    }

    fn registration(&self) -> ClientRegistration {
        let redirect_uri = given(&self.redirect_uri).unwrap_or(ClientRegistration::LOOPBACK);
        // Without a scope: an API's scopes need not be known to the registration endpoint.
        let client = ClientRegistration::new(given(&self.name).unwrap_or_default(), redirect_uri);
        if self.device { client.device_flow() } else { client }
    }
}

impl ApiSearch {
    /// A search without anything kept.
    ///
    /// The example is at the type.
    ///
    /// # Errors
    ///
    /// InvalidConfig: the URL is not that of an API.
    pub fn new(asked: ApiRequest, now: Wall) -> Result<Self, Failure> {
        asked.url()?;
        Ok(Self { asked, now, known: None, is_current: false, is_new: false })
    }

    /// A search that goes on from a kept record.
    ///
    /// ```
    /// use rekindle_proto::Wall;
    /// use rekindle_proto::sign_in::{ApiRequest, ApiSearch};
    ///
    /// let asked = ApiRequest::new("https://mcp.example.com/mcp");
    /// assert!(ApiSearch::from_kept(asked, b"no record", Wall(0)).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the URL is not that of an API, or the record is another API's. StoreUnavailable: the record is not
    /// one of [`ApiStep::Keep`].
    pub fn from_kept(asked: ApiRequest, record: &[u8], now: Wall) -> Result<Self, Failure> {
        let text = read_note(record).map_err(|unavailable| unavailable_store(&unavailable))?;
        let mut search = Self::new(asked, now)?;
        // What another version wrote is replaced.
        let Ok(mut known) = serde_json::from_str::<Known>(&text) else { return Ok(search) };
        if known.asked != search.asked.url()? {
            let what = format!(
                " keeps the registration for {}, and has room for one: give each API a store of its own",
                known.asked
            );
            return Err(Failure::config("store", what));
        }
        search.is_current = now.since(known.found_at) < FRESH && known.found_at <= now;
        let wanted = search.asked.registration();
        known.client = known.client.filter(|client| client.is(&wanted) && !client.has_expired(now));
        search.known = Some(known);
        Ok(search)
    }

    /// What is needed next.
    ///
    /// The example is at the type.
    ///
    /// # Errors
    ///
    /// InvalidResponse: the server registered the client for an unknown authentication method.
    #[allow(clippy::should_implement_trait, reason = "it fails, and does not move on by itself")]
    pub fn next(&self) -> Result<ApiStep, Failure> {
        let Some(known) = self.known.as_ref().filter(|_| self.is_current) else {
            return Ok(ApiStep::Discover);
        };
        if given(&self.asked.client_id).is_none() && known.client.is_none() {
            return Ok(ApiStep::Register(self.asked.registration()));
        }
        if self.is_new {
            let text = serde_json::to_string(known)
                .map_err(|_| Failure::config("resource", " cannot be written as JSON"))?;
            return Ok(ApiStep::Keep(note(&self.asked.key()?, &text)));
        }
        Ok(ApiStep::Done(Box::new(self.asked.access(known)?)))
    }

    /// The metadata was fetched. A client stays registered as long as the API names the same server.
    ///
    /// The example is at the type.
    pub fn found(&mut self, api: ResourceMetadata, server: ServerMetadata) {
        let before = self.known.take().filter(|known| known.server.issuer == server.issuer);
        let client = before.and_then(|known| known.client);
        let asked = self.asked.url().unwrap_or_default();
        self.known = Some(Known { asked, found_at: self.now, api, server, client });
        (self.is_current, self.is_new) = (true, true);
    }

    /// The metadata could not be fetched. Whether the search goes on with what is kept.
    ///
    /// ```
    /// use rekindle_proto::{ErrorKind, Wall};
    /// use rekindle_proto::sign_in::{ApiRequest, ApiSearch};
    ///
    /// let mut search = ApiSearch::new(ApiRequest::new("https://mcp.example.com/mcp"), Wall(0))?;
    /// assert!(!search.not_found(ErrorKind::Connection)); // nothing is kept
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn not_found(&mut self, kind: ErrorKind) -> bool {
        let is_transient = matches!(kind, ErrorKind::Connection | ErrorKind::Timeout);
        self.is_current = is_transient && self.known.is_some();
        self.is_current
    }

    /// The server registered the client.
    ///
    /// The example is at the type.
    pub fn registered(&mut self, asked: ClientRegistration, given: RegisteredClient) {
        if let Some(known) = &mut self.known {
            known.client = Some(Client { asked, given });
            self.is_new = true;
        }
    }

    /// The record was saved, or there is no store.
    ///
    /// The example is at the type.
    pub fn kept(&mut self) {
        self.is_new = false;
    }

    /// The authorization server, once it was found.
    #[must_use]
    pub fn server(&self) -> Option<&ServerMetadata> {
        self.known.as_ref().map(|known| &known.server)
    }
}

impl ApiRequest {
    fn access(&self, known: &Known) -> Result<ApiAccess, Failure> {
        let own = given(&self.client_id);
        let registered = known.client.as_ref().map(|client| &client.given).filter(|_| own.is_none());
        let listed = Some(known.api.scopes_supported.join(" ")).filter(|all| !all.is_empty());
        let id = own.or(registered.map(|client| client.client_id.as_str()));
        Ok(ApiAccess {
            resource: known.api.resource.clone(),
            origin: address(&known.api.resource)?.origin().ascii_serialization(),
            server: known.server.clone(),
            scope: given(&self.scope).map(ToOwned::to_owned).or(listed),
            client_id: id.unwrap_or_default().to_owned(),
            client_secret: registered.and_then(|client| client.client_secret.clone()),
            client_auth: registered.map(RegisteredClient::client_auth).transpose()?,
        })
    }
}

impl Client {
    /// Whether it may do what is wanted now. Its name is for people alone.
    fn is(&self, wanted: &ClientRegistration) -> bool {
        let renamed = ClientRegistration { client_name: self.asked.client_name.clone(), ..wanted.clone() };
        renamed == self.asked
    }

    fn has_expired(&self, now: Wall) -> bool {
        let end = self.given.client_secret_expires_at;
        end != 0 && now.0 / 1_000 >= end
    }
}

/// Languages without an absent text leave it empty.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn unavailable_store(unavailable: &Unavailable) -> Failure {
    Failure::new(ErrorKind::StoreUnavailable, format!("the store is not available: {unavailable}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "https://mcp.example/mcp";
    const AUTH: &str = "https://auth.example";
    const DAY: i64 = 24 * 60 * 60 * 1_000;

    fn asked() -> ApiRequest {
        ApiRequest::new(API).name("tool")
    }

    fn metadata(issuer: &str) -> (ResourceMetadata, ServerMetadata) {
        let api = format!(
            "{{\"resource\":\"{API}\",\"authorization_servers\":[\"{issuer}\"],\"scopes_supported\":[\"a\",\"b\"]}}"
        );
        let server = format!("{{\"issuer\":\"{issuer}\"}}");
        let api = ResourceMetadata::read(API, api.as_bytes()).unwrap();
        (api, ServerMetadata::read(issuer, server.as_bytes()).unwrap())
    }

    /// When a start happens, with what request, what its metadata is, and what it does.
    type Case<'a> = (&'a str, ApiRequest, i64, Result<&'a str, ErrorKind>, &'a [&'a str]);

    /// What one start did, and what it kept.
    struct Start {
        steps: Vec<&'static str>,
        access: ApiAccess,
        record: Option<Bytes>,
    }

    fn start(asked: ApiRequest, kept: Option<&Bytes>, now: i64, issuer: Result<&str, ErrorKind>) -> Start {
        start_with(
            asked,
            kept,
            now,
            issuer,
            br#"{"client_id":"c-1","client_secret":"s","client_secret_expires_at":600}"#,
        )
    }

    fn start_with(
        asked: ApiRequest,
        kept: Option<&Bytes>,
        now: i64,
        issuer: Result<&str, ErrorKind>,
        client: &[u8],
    ) -> Start {
        let mut search = match kept {
            Some(record) => ApiSearch::from_kept(asked, record, Wall(now)).unwrap(),
            None => ApiSearch::new(asked, Wall(now)).unwrap(),
        };
        let (mut steps, mut record) = (Vec::new(), kept.cloned());
        loop {
            match search.next().unwrap() {
                ApiStep::Discover => {
                    steps.push("discover");
                    match issuer {
                        Ok(issuer) => {
                            let (api, server) = metadata(issuer);
                            search.found(api, server);
                        }
                        Err(kind) => assert!(search.not_found(kind)),
                    }
                }
                ApiStep::Register(asked) => {
                    steps.push("register");
                    search.registered(asked, RegisteredClient::read(client).unwrap());
                }
                ApiStep::Keep(new) => {
                    steps.push("keep");
                    record = Some(new);
                    search.kept();
                }
                ApiStep::Done(access) => return Start { steps, access: *access, record },
            }
        }
    }

    // spec 12.18
    #[test]
    fn each_start_does_only_what_is_not_known_yet() {
        let forever = br#"{"client_id":"c-1"}"#;
        let first = start_with(asked(), None, 0, Ok(AUTH), forever);
        assert_eq!(first.steps, ["discover", "register", "keep"]);
        let kept = first.record.as_ref();
        let web = || ApiRequest { redirect_uri: Some("https://app.example/cb".into()), ..asked() };
        let device = || ApiRequest { device: true, ..asked() };
        let narrow = || ApiRequest { scope: Some("a".into()), ..asked() };
        let own = || ApiRequest { client_id: Some("own".into()), ..asked() };
        let unreachable = Err(ErrorKind::Connection);
        let late = Err(ErrorKind::Timeout);
        let (all, none): (&[&str], &[&str]) = (&["discover", "register", "keep"], &[]);
        let cases: [Case<'_>; 13] = [
            ("at once", asked(), 1, Ok(AUTH), none),
            ("within the day", asked(), DAY - 1, Ok(AUTH), none),
            ("after a day", asked(), DAY, Ok(AUTH), &["discover", "keep"]),
            ("with a clock that went back", asked(), -1, Ok(AUTH), &["discover", "keep"]),
            ("after a day, unreachable", asked(), DAY, unreachable, &["discover"]),
            ("after a day, too slow", asked(), DAY, late, &["discover"]),
            ("after a day, another server", asked(), DAY, Ok("https://new.example"), all),
            ("with another redirect URI", web(), 1, Ok(AUTH), &["register", "keep"]),
            ("on another device", device(), 1, Ok(AUTH), &["register", "keep"]),
            ("with another scope", narrow(), 1, Ok(AUTH), none),
            ("under another name", asked().name("Tool 2"), 1, Ok(AUTH), none),
            ("with a client id", own(), 1, Ok(AUTH), none),
            (
                "with an empty client id",
                ApiRequest { client_id: Some(String::new()), ..asked() },
                1,
                Ok(AUTH),
                none,
            ),
        ];
        for (when, asked, now, issuer, steps) in cases {
            let again = start_with(asked, kept, now, issuer, forever);
            assert_eq!(again.steps, steps, "{when}");
        }
        let without_store = start_with(own(), None, 0, Ok(AUTH), forever);
        assert_eq!(
            (without_store.steps, without_store.access.client_id.as_str()),
            (vec!["discover", "keep"], "own")
        );
    }

    // spec 12.18
    #[test]
    fn a_client_is_registered_again_once_its_secret_has_expired() {
        let first = start(asked(), None, 0, Ok(AUTH));
        assert_eq!(start(asked(), first.record.as_ref(), 599_999, Ok(AUTH)).steps, [""; 0]);
        assert_eq!(start(asked(), first.record.as_ref(), 600_000, Ok(AUTH)).steps, ["register", "keep"]);
    }

    // spec 12.18
    #[test]
    fn a_sign_in_gets_the_apis_own_resource_origin_and_scopes() {
        let first = start(asked(), None, 0, Ok(AUTH)).access;
        assert_eq!((first.resource.as_str(), first.origin.as_str()), (API, "https://mcp.example"));
        assert_eq!(first.scope.as_deref(), Some("a b"));
        assert_eq!(
            (first.client_id.as_str(), first.client_auth),
            ("c-1", Some(ClientAuth::ClientSecretBasic))
        );
        assert!(first.client_secret.is_some());
        let own = ApiRequest { client_id: Some("own".into()), scope: Some("a".into()), ..asked() };
        let own = start(own, None, 0, Ok(AUTH)).access;
        assert_eq!((own.scope.as_deref(), own.client_id.as_str(), own.client_auth), (Some("a"), "own", None));
    }

    // spec 12.18
    #[test]
    fn what_is_kept_is_no_sign_in_and_no_other_apis() {
        let record = start(asked(), None, 0, Ok(AUTH)).record.unwrap();
        let other =
            ApiSearch::from_kept(ApiRequest::new("https://other.example"), &record, Wall(0)).unwrap_err();
        assert_eq!(other.argument.as_deref(), Some("store"));
        assert!(other.message.contains(API), "{other}");
        let session = br#"{"format":1,"write":"w","fence":1,"lineage":"l","binding":{"token_endpoint":""}}"#;
        let session = ApiSearch::from_kept(asked(), session, Wall(0)).unwrap_err();
        assert_eq!(session.kind, ErrorKind::StoreUnavailable);
        let same = ApiRequest { resource: "HTTPS://mcp.example:443/mcp".into(), ..asked() };
        assert!(ApiSearch::from_kept(same, &record, Wall(0)).is_ok());
        let later = note(&asked().key().unwrap(), "{\"format\": 2}");
        assert_eq!(
            ApiSearch::from_kept(asked(), &later, Wall(0)).unwrap().next().unwrap(),
            ApiStep::Discover
        );
        assert!(!format!("{:?}", ApiSearch::from_kept(asked(), &record, Wall(0))).contains("\"s\""));
    }

    // spec 12.18
    #[test]
    fn a_program_that_cannot_keep_its_registration_needs_a_client_id() {
        let own = ApiRequest { client_id: Some("own".into()), ..ApiRequest::new(API) };
        assert!(own.check(false, true).is_ok());
        assert_eq!(ApiRequest::new(API).check(true, false).unwrap_err().argument.as_deref(), Some("name"));
        assert!(asked().check(false, false).is_ok());
        let page = ApiRequest { outlives: true, ..asked() };
        assert_eq!(page.check(false, false).unwrap_err().argument.as_deref(), Some("client_id"));
        assert!(page.check(true, true).is_ok());
        assert!(ApiRequest::new("mcp").key().is_err());
        assert!(ApiRequest::new(format!("{API}/{}", "\u{e4}".repeat(900))).key().unwrap().len() <= 1_024);
    }
}
