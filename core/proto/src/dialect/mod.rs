//! How one server speaks and rotates, as data.
//!
//! A dialect is a TOML file: how an expired token looks, how a refresh is asked for, what its answers mean, how
//! refresh tokens rotate. What a file leaves out is as RFC 6749 and RFC 6750 say. The presets come along; a
//! user can write one. Rules are ordered; the first one whose conditions are all met decides.
//!
//! ```
//! # let text = r#"
//! name = "acme"                          # description, rotation, old_token_dies, proactive, [variables]
//! rotation = { grace_seconds = 30 }      # or "none", "strict", "strict-family", "until-successor-used", ...
//! [token]                                # where the access token goes: header + scheme, or cookie
//! scheme = "Bearer"                      # header, cookie, types, credential_headers, extra_characters
//! [token_endpoint]                       # url, method, encoding = form | json | graphql, client_auth, names, query,
//! url = "https://{tenant}.acme.example/token" # extra, headers
//! client_auth = "client_secret_basic"    # none | client_secret_basic | client_secret_post | client_secret_jwt | private_key_jwt
//! names = { refresh_token = "refreshToken" } # how fields are spelled; "" = not sent
//! [refresh_token]                        # one grant: what it adds. grant_type, document, query, extra, headers;
//! extra = { device = "{device}" }        # fallback_document; token_header and token_scheme, or token_cookie
//! [client_credentials]                   # another one, with the same fields
//! extra = { audience = "https://{tenant}.acme.example/api" }
//! [authorization_code]                   # the request that ends a sign-in, with the same fields; so are device_code,
//! [password]                             # token_exchange, jwt_bearer. With a user's name and password: url, encoding,
//! url = "https://{tenant}.acme.example/login" # grant_type, document, query, extra, headers; answer: as below
//! names = { username = "email" }
//! [sign_in]                              # where users sign in: issuer, names_itself (RFC 9207), authorization_url,
//! issuer = "https://{tenant}.acme.example" # device_authorization_url, loopback_host, scope, parameters
//! authorization_url = "https://{tenant}.acme.example/authorize"
//! [answer]                               # access_token, refresh_token, token_type, scope, expires_in, expires_at,
//! access_token = "data.token"            # refresh_token_expires_in, keep, default_lifetime_seconds, jwt_exp, success,
//! cookies = { refresh_token = "rt" }     # headers, expires_in_ms
//! [[answer.rules]]                       # status, empty_body; path, header or text = true with equals, starts_with,
//! status = [400, "5xx"]                  # contains or any; also = [{...}]
//! path = "error.code"
//! equals = "used"
//! outcome = "dead"                       # lost_race, retry_same, rate_limited, clock_skew, step_up, client_config,
//! reason = "reuse_detected"              # lost, unknown, fallback; after_seconds; confirm = true: asked twice
//! [[api.rules]]                          # the same conditions, and past_end = true: our token is over by the clock
//! path = "errors[*].extensions.code"
//! equals = "UNAUTHENTICATED"
//! verdict = "expired"                    # insufficient_scope, step_up, rate_limited, unavailable, denied, accepted
//! applied = "no"                         # reason = expired | invalid | revoked | unknown; scope = path
//! [retry_after]                          # beside Retry-After: seconds_headers, epoch_headers, body_seconds
//! epoch_headers = "x-ratelimit-reset"
//! [redact]                               # where bodies hold secrets that no name gives away
//! paths = "errors[*].message"
//! [revoke]                               # RFC 7009: url, field
//! url = "https://{tenant}.acme.example/revoke"
//! # "#;
//! # assert_eq!(rekindle_proto::Dialect::from_toml(text, "acme.toml").map(|one| one.name().to_owned()), Ok("acme".into()));
//! ```

mod body;
mod clock_hint;
#[cfg(feature = "toml")]
mod document;
mod effect;
mod expiry_fields;
mod fields;
mod file;
pub(crate) mod json;
mod judge;
mod load;
mod located;
mod mistake;
mod path;
mod placement;
mod preset;
mod request;
mod retry_after;
mod rotation_text;
mod rule;
mod scalar;
mod server_message;
mod template;
#[cfg(test)]
mod tests;
mod token_answer;
mod token_text;
mod types;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use url::Url;

use crate::credential::{Fingerprint, Secret};
use crate::error::Failure;
use crate::grant::GrantRequest;
use crate::rotation::Rotation;
use crate::sign_in::SignInServer;
use crate::time::Wall;
use crate::verdict::{Exchange, Outcome, Verdict};

#[cfg(feature = "toml")]
pub use document::Document;
pub use file::ClientAuth;
pub use mistake::{Mistake, read};
pub use path::Path;
pub use preset::Preset;
pub use types::{Answer, AskAgain, ClientIdentity, Placement, TokenRequest};

/// One server's way of speaking. Cheap to clone.
#[derive(Clone)]
pub struct Dialect {
    spec: Arc<file::Spec>,
}

/// Name and rotation only: a dialect file may hold an API key among its extra fields.
impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect").field("name", &self.spec.name).field("rotation", &self.rotation()).finish()
    }
}

impl Dialect {
    fn new(spec: file::Spec) -> Self {
        Self { spec: Arc::new(spec) }
    }

    /// A preset by its name.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// assert_eq!(Dialect::preset("oauth2")?.name(), "oauth2");
    /// assert!(Dialect::preset("nobody").unwrap_err().message.contains("oauth2"));
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn preset(name: &str) -> Result<Self, Failure> {
        preset::dialect(name)
    }

    /// Tells dialects of different content apart, whatever their names are. Shows nothing of it.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    ///
    /// let one = Dialect::from_toml("[token_endpoint]\nmethod = \"PUT\"", "acme.toml")?;
    /// let other = Dialect::from_toml("[token_endpoint]\nmethod = \"POST\"", "acme.toml")?;
    /// assert_eq!(one.name(), other.name());
    /// assert_ne!(one.fingerprint(), other.fingerprint());
    /// assert_eq!(one.fingerprint(), one.clone().fingerprint());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Secret::new(format!("{:?}", self.spec)).fingerprint()
    }

    /// The names of all presets.
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset_names().any(|name| name == "graphql"));
    /// ```
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        preset::ALL.iter().map(|(name, _)| *name)
    }

    /// All presets with what a list shows of them.
    ///
    /// ```
    /// let all: Vec<_> = rekindle_proto::Dialect::presets().collect();
    /// assert!(all.iter().all(|preset| !preset.description.is_empty()));
    /// ```
    pub fn presets() -> impl Iterator<Item = Preset> {
        preset::all()
    }

    /// The text of a preset: a file to start one's own dialect from.
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset_text("json").is_some_and(|text| text.contains("refreshToken")));
    /// ```
    #[must_use]
    pub fn preset_text(name: &str) -> Option<&'static str> {
        preset::ALL.iter().find(|(one, _)| *one == name).map(|(_, text)| *text)
    }

    #[cfg(feature = "toml")]
    /// A dialect file; `file` names it in errors.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Rotation};
    /// let dialect = Dialect::from_toml("rotation = \"strict\"", "acme.toml")?;
    /// assert_eq!((dialect.name(), dialect.rotation()), ("acme", Rotation::Strict));
    /// let failure = Dialect::from_toml("[token_endpoint]\nmethod = \"GET\"", "acme.toml").unwrap_err();
    /// assert!(failure.message.starts_with("acme.toml, line 2, field `token_endpoint.method`"));
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn from_toml(text: &str, file: &str) -> Result<Self, Failure> {
        file::Spec::from_toml(text, file).map(Self::new)
    }

    /// A dialect as JSON data (a dict in the bindings), of the same shape as a file.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Rotation};
    /// let dialect = Dialect::from_json(&serde_json::json!({"rotation": {"grace_seconds": 30}}))?;
    /// assert_eq!(dialect.rotation().to_string(), "grace(30)");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn from_json(value: &serde_json::Value) -> Result<Self, Failure> {
        file::Spec::from_json(value).map(Self::new)
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Dialect::preset("json").unwrap().name(), "json");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Whose dialect it is, and what is special about it.
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset("oauth2").unwrap().description().contains("RFC 6749"));
    /// ```
    #[must_use]
    pub fn description(&self) -> &str {
        &self.spec.description
    }

    /// Its rotation.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Rotation};
    /// assert_eq!(Dialect::preset("google").unwrap().rotation(), Rotation::None);
    /// ```
    #[must_use]
    pub fn rotation(&self) -> Rotation {
        self.spec.rotation.0
    }

    /// The same dialect with another rotation (where it is the tenant's setting).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Rotation};
    /// let dialect = Dialect::preset("keycloak").unwrap().with_rotation(Rotation::StrictFamily);
    /// assert_eq!(dialect.rotation(), Rotation::StrictFamily);
    /// ```
    #[must_use]
    pub fn with_rotation(mut self, rotation: Rotation) -> Self {
        Arc::make_mut(&mut self.spec).rotation.0 = rotation;
        self
    }

    /// The same dialect with another way of client authentication (where it is the client's registration).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientAuth};
    /// let dialect = Dialect::preset("oauth2").unwrap().with_client_auth(ClientAuth::ClientSecretBasic);
    /// assert_eq!(dialect.client_auth(), ClientAuth::ClientSecretBasic);
    /// ```
    #[must_use]
    pub fn with_client_auth(mut self, auth: ClientAuth) -> Self {
        Arc::make_mut(&mut self.spec).token_endpoint.client_auth = auth;
        self
    }

    /// How a client says who it is (spec 5.5).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientAuth};
    /// assert_eq!(Dialect::preset("oauth2").unwrap().client_auth(), ClientAuth::ClientSecretPost);
    /// ```
    #[must_use]
    pub fn client_auth(&self) -> ClientAuth {
        self.spec.token_endpoint.client_auth
    }

    /// When a token that somebody brings ends, by the `exp` of its JWT: only with `jwt_exp` (spec 1.4).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Wall};
    ///
    /// let dialect = Dialect::from_toml("[answer]\njwt_exp = true", "acme.toml").unwrap();
    /// // {"exp":1893456000}
    /// let token = "e30.eyJleHAiOjE4OTM0NTYwMDB9.c2ln".into();
    /// assert_eq!(dialect.end_by_jwt(&token), Some(Wall(1_893_456_000_000)));
    /// assert_eq!(Dialect::preset("oauth2").unwrap().end_by_jwt(&token), None);
    /// ```
    #[must_use]
    pub fn end_by_jwt(&self, access_token: &Secret) -> Option<Wall> {
        self.spec.answer.jwt_exp.then(|| expiry_fields::jwt_end_at(access_token.expose()))?
    }

    /// Whether the old access token dies when a refresh succeeds (spec 5.4).
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset("django-oauth-toolkit").unwrap().old_token_dies());
    /// ```
    #[must_use]
    pub fn old_token_dies(&self) -> bool {
        self.spec.old_token_dies
    }

    /// Whether a refresh may be made before the token ends (spec 1.2).
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset("oauth2").unwrap().proactive());
    /// ```
    #[must_use]
    pub fn proactive(&self) -> bool {
        self.spec.proactive
    }

    /// Whether API errors come with status 200, so that accepted bodies must be looked into (spec 2.6).
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// assert!(Dialect::preset("graphql").unwrap().errors_with_success_status());
    /// assert!(!Dialect::preset("oauth2").unwrap().errors_with_success_status());
    /// ```
    #[must_use]
    pub fn errors_with_success_status(&self) -> bool {
        self.spec.errors_with_success_status()
    }

    /// Whether a response with a status below 400 may turn the token away, by its body or by its headers.
    ///
    /// ```
    /// use rekindle_proto::dialect::Dialect;
    ///
    /// assert!(Dialect::preset("graphql").unwrap().may_reject_success());
    /// assert!(!Dialect::preset("oauth2").unwrap().may_reject_success());
    /// ```
    #[must_use]
    pub fn may_reject_success(&self) -> bool {
        self.spec.may_reject_success()
    }

    /// The token endpoint as this identity reaches it.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    /// let mut identity = ClientIdentity::default();
    /// identity.variables.insert("domain".into(), "acme.eu.auth0.com".into());
    /// let url = Dialect::preset("auth0")?.token_url(&identity)?;
    /// assert_eq!(url.as_str(), "https://acme.eu.auth0.com/oauth/token");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn token_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        self.spec.token_url(identity)
    }

    /// The request for new tokens.
    ///
    /// ```
    /// use rekindle_proto::{ClientCredentials, Dialect, GrantRequest, dialect::ClientIdentity};
    /// let mut identity = ClientIdentity { token_url: "https://idp.example/token".parse().ok(), ..Default::default() };
    /// let refresh =
    ///     GrantRequest::RefreshToken { refresh_token: "abc".into(), scope: None, extra: Default::default() };
    /// let request = Dialect::preset("oauth2")?.token_request(&identity, &refresh)?;
    /// assert_eq!(request.body.expose(), "grant_type=refresh_token&refresh_token=abc");
    ///
    /// identity.client_id = Some("app".into());
    /// let own = ClientCredentials::new().scope("read").into();
    /// let own = GrantRequest::ClientCredentials { request: own, extra: Default::default() };
    /// let request = Dialect::preset("oauth2")?.token_request(&identity, &own)?;
    /// assert_eq!(request.body.expose(), "grant_type=client_credentials&scope=read&client_id=app");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn token_request(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<TokenRequest, Failure> {
        self.spec.token_request(identity, grant)
    }

    /// The same for a server that does not know a field of the first document; `None` where there is no other one.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, GrantRequest, dialect::ClientIdentity};
    /// let identity = ClientIdentity { token_url: "https://api.example/graphql".parse().ok(), ..Default::default() };
    /// let refresh =
    ///     GrantRequest::RefreshToken { refresh_token: "abc".into(), scope: None, extra: Default::default() };
    /// assert!(Dialect::preset("graphql")?.fallback_request(&identity, &refresh)?.is_some());
    /// assert!(Dialect::preset("oauth2")?.fallback_request(&identity, &refresh)?.is_none());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn fallback_request(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<Option<TokenRequest>, Failure> {
        self.spec.fallback_request(identity, grant)
    }

    /// Whether an answer is worth asking a second time before its outcome counts.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Wall, dialect::{Answer, AskAgain}};
    ///
    /// let answer = Answer {
    ///     status: http::StatusCode::BAD_REQUEST,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"errors":[{"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#,
    ///     sent_at: Wall(0),
    ///     received_at: Wall(0),
    /// };
    /// assert_eq!(Dialect::preset("graphql").unwrap().asks_again(&answer), Some(AskAgain::WithFallback));
    /// ```
    #[must_use]
    pub fn asks_again(&self, answer: &Answer<'_>) -> Option<AskAgain> {
        self.spec.asks_again(answer)
    }

    /// Tells a variable that is missing, or that the dialect does not have. `kept`: what came with the tokens.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let mistake = Dialect::preset("supabase")?.check_variables(&ClientIdentity::default(), &BTreeSet::new());
    /// assert!(mistake.unwrap_err().message.contains("`apikey`"));
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the variable.
    pub fn check_variables(&self, identity: &ClientIdentity, kept: &BTreeSet<String>) -> Result<(), Failure> {
        self.spec.check_variables(identity, kept)
    }

    /// Where a user signs in, as this identity reaches it; at `authorization_url`, if one is given.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let server = Dialect::preset("google")?.sign_in_server(&ClientIdentity::default(), None)?;
    /// assert_eq!(server.issuer.as_deref(), Some("https://accounts.google.com"));
    /// assert!(Dialect::preset("json")?.sign_in_server(&ClientIdentity::default(), None).is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the dialect does not say, or a variable is missing.
    pub fn sign_in_server(
        &self,
        identity: &ClientIdentity,
        authorization_url: Option<&Url>,
    ) -> Result<SignInServer, Failure> {
        self.spec.sign_in_server(identity, authorization_url)
    }

    /// What a sign-in asks for where it names no scope.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Dialect::preset("google").unwrap().default_scope(), Some("openid"));
    /// ```
    #[must_use]
    pub fn default_scope(&self) -> Option<&str> {
        self.spec.sign_in.scope.as_deref()
    }

    /// Where device codes come from (RFC 8628), as this identity reaches it.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let url = Dialect::preset("google")?.device_authorization_url(&ClientIdentity::default())?;
    /// assert_eq!(url.as_str(), "https://oauth2.googleapis.com/device/code");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the dialect does not say, or a variable is missing.
    pub fn device_authorization_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        self.spec.device_authorization_url(identity)
    }

    /// The dialect of the server's sign-in with a user's name and password, where it has one; and whether its URL is its
    /// own, not the token endpoint's.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    ///
    /// let text = "[password]\nurl = \"https://api.example.com/login\"\nnames = { username = \"email\" }";
    /// assert!(Dialect::from_toml(text, "acme.toml")?.for_password()?.1);
    /// assert!(Dialect::preset("google")?.for_password().is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: it has none.
    pub fn for_password(&self) -> Result<(Self, bool), Failure> {
        let has_url = self.spec.password.as_ref().is_some_and(|section| section.url.is_some());
        self.spec.for_password().map(|spec| (Self::new(spec), has_url))
    }

    /// A form with these fields and the client's authentication: for endpoints beside the token endpoint.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let identity = ClientIdentity { client_id: Some("app".into()), ..ClientIdentity::default() };
    /// let url = "https://auth.example.com/device".parse().expect("a URL");
    /// let fields = [("scope".to_owned(), "read".to_owned())];
    /// let request = Dialect::preset("oauth2")?.client_form(&identity, url, &fields)?;
    /// assert_eq!(request.body.expose(), "scope=read&client_id=app");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: id and secret cannot stand in a header.
    pub fn client_form(
        &self,
        identity: &ClientIdentity,
        url: Url,
        fields: &[(String, String)],
    ) -> Result<TokenRequest, Failure> {
        self.spec.client_form(identity, url, fields)
    }

    /// Fails where the dialect cannot ask for client credentials: one that speaks GraphQL needs a document for it.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// assert!(Dialect::preset("oauth2")?.grants_client_credentials().is_ok());
    /// assert!(Dialect::preset("graphql")?.grants_client_credentials().is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn grants_client_credentials(&self) -> Result<(), Failure> {
        self.spec.grants_client_credentials()
    }

    /// The request that revokes a refresh token, where the dialect has one (RFC 7009). `None` too where the
    /// session's token endpoint is on another origin than the dialect's revocation endpoint.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    /// let identity = ClientIdentity::default();
    /// assert!(Dialect::preset("google")?.revoke_request(&identity, &"abc".into())?.is_some());
    /// assert!(Dialect::preset("json")?.revoke_request(&identity, &"abc".into())?.is_none());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn revoke_request(
        &self,
        identity: &ClientIdentity,
        refresh_token: &Secret,
    ) -> Result<Option<TokenRequest>, Failure> {
        self.spec.revoke_request(identity, refresh_token)
    }

    /// What a token endpoint's answer means (spec 5.1).
    ///
    /// ```
    /// use rekindle_proto::{DeadReason, Dialect, Outcome, Wall, dialect::Answer};
    /// let answer = Answer {
    ///     status: http::StatusCode::BAD_REQUEST,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"error":"invalid_grant"}"#,
    ///     sent_at: Wall(0),
    ///     received_at: Wall(0),
    /// };
    /// assert_eq!(Dialect::preset("oauth2").unwrap().outcome(&answer), Outcome::Dead(DeadReason::Rejected));
    /// ```
    #[must_use]
    pub fn outcome(&self, answer: &Answer<'_>) -> Outcome {
        self.spec.outcome(answer)
    }

    /// What is wrong with an answer that grants nothing, where neither its code nor its words tell: where it
    /// redirects to (spec 5.14), that its access token is none (spec 5.12), or that its clock and ours disagree (spec 5.20).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Wall, dialect::Answer};
    ///
    /// let answer = Answer {
    ///     status: http::StatusCode::OK,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"access_token":"error: token is expired"}"#,
    ///     sent_at: Wall(0),
    ///     received_at: Wall(0),
    /// };
    /// assert!(Dialect::preset("oauth2").unwrap().complaint(&answer).unwrap().contains("RFC 6750"));
    /// ```
    #[must_use]
    pub fn complaint(&self, answer: &Answer<'_>) -> Option<String> {
        self.spec.complaint(answer)
    }

    /// When a response's headers ask to come back: `Retry-After` in seconds or as a date, and what the dialect names.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
    /// use rekindle_proto::{Dialect, Wall};
    ///
    /// let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
    /// let dialect = Dialect::preset("oauth2").unwrap();
    /// assert_eq!(dialect.retry_after(&headers, Wall(0)), Some(Duration::from_secs(7)));
    /// ```
    #[must_use]
    pub fn retry_after(
        &self,
        headers: &http::HeaderMap,
        now: crate::time::Wall,
    ) -> Option<std::time::Duration> {
        self.spec.retry_after.read(headers, None, Some(now))
    }

    /// What an API response says about our token (spec 2).
    ///
    /// ```
    /// use rekindle_proto::{Applied, Dialect, Exchange, ExpiredReason, Operation, Verdict};
    /// let exchange = Exchange {
    ///     method: &http::Method::POST,
    ///     url: &"https://api.example/graphql".parse().unwrap(),
    ///     operation: Operation::GraphqlMutation,
    ///     replayable: true,
    ///     status: http::StatusCode::OK,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#,
    /// };
    /// let expired = Verdict::Expired { reason: ExpiredReason::Unknown, applied: Applied::No };
    /// assert_eq!(Dialect::preset("graphql").unwrap().judge(&exchange), expired);
    /// ```
    #[must_use]
    pub fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        self.spec.judge(exchange, false)
    }

    /// The same about a token that is past its end by the clock: rules with `past_end = true` apply to it too, for
    /// servers and gateways that answer an expired token like any other failure.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Exchange, Operation};
    /// let text = "[[api.rules]]\nstatus = 404\npast_end = true\nverdict = \"expired\"";
    /// let dialect = Dialect::from_toml(text, "gateway.toml")?;
    /// let exchange = Exchange {
    ///     method: &http::Method::GET,
    ///     url: &"https://api.example/data".parse().unwrap(),
    ///     operation: Operation::Http,
    ///     replayable: true,
    ///     status: http::StatusCode::NOT_FOUND,
    ///     headers: &http::HeaderMap::new(),
    ///     body: b"",
    /// };
    /// assert_eq!(dialect.judge_past_end(&exchange).name(), "expired");
    /// assert_eq!(dialect.judge(&exchange).name(), "accepted");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn judge_past_end(&self, exchange: &Exchange<'_>) -> Verdict {
        self.spec.judge(exchange, true)
    }

    /// Whether [`Dialect::judge_past_end`] may say something else than [`Dialect::judge`].
    ///
    /// ```
    /// assert!(!rekindle_proto::Dialect::preset("oauth2").unwrap().asks_for_the_clock());
    /// ```
    #[must_use]
    pub fn asks_for_the_clock(&self) -> bool {
        self.spec.asks_for_the_clock()
    }

    /// How long after a refresh the API may not know the new token yet. Zero: it does at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::Dialect;
    /// assert_eq!(Dialect::preset("oauth2").unwrap().settle(), Duration::ZERO);
    /// assert!(Dialect::preset("github-app").unwrap().settle() > Duration::ZERO);
    /// ```
    #[must_use]
    pub fn settle(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.spec.api.settle_ms.into())
    }

    /// Where the token goes. Fails if it cannot be a header value (a newline in it), or if the dialect does not
    /// know the type that the server gave it. `token_type` is the server's.
    ///
    /// ```
    /// let placement = rekindle_proto::Dialect::preset("oauth2")?.place(&"abc".into(), Some("bearer"))?;
    /// assert_eq!(placement.name, "authorization");
    /// assert_eq!(placement.value, "Bearer abc");
    /// assert!(placement.value.is_sensitive());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn place(&self, token: &Secret, token_type: Option<&str>) -> Result<Placement, Failure> {
        self.spec.place(token, token_type)
    }

    /// Whether a token of this type may be served; one of another type is persisted only (spec 5.4).
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("oauth2").unwrap();
    /// assert!(dialect.understands(None) && dialect.understands(Some("bearer")));
    /// assert!(!dialect.understands(Some("mac")));
    /// ```
    #[must_use]
    pub fn understands(&self, token_type: Option<&str>) -> bool {
        self.spec.understands(token_type)
    }

    /// The header that the access token goes into. A request of the caller's that has it carries a credential of its
    /// own, and no token of ours goes along.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// assert_eq!(Dialect::preset("supabase").unwrap().token_header(), "authorization");
    /// assert_eq!(Dialect::preset("shopify").unwrap().token_header(), "x-shopify-access-token");
    /// ```
    #[must_use]
    pub fn token_header(&self) -> HeaderName {
        self.spec.token_header()
    }

    /// The headers that hold credentials in this dialect, beside the usual ones: dropped when a redirect
    /// leaves the origin (spec 9.2).
    ///
    /// ```
    /// let names = rekindle_proto::Dialect::preset("shopify").unwrap().credential_headers();
    /// assert_eq!(names, ["x-shopify-access-token"]);
    /// ```
    #[must_use]
    pub fn credential_headers(&self) -> Vec<HeaderName> {
        self.spec.credential_headers()
    }

    /// A server's body made fit to be shown: the dialect's own hiding places blanked, then redacted (spec 2.7).
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("fitbit").unwrap();
    /// let body = br#"{"errors":[{"errorType":"expired_token","message":"Access token expired: s3cr3t"}]}"#;
    /// assert!(!dialect.redact(body, &[]).contains("s3cr3t"));
    /// ```
    #[must_use]
    pub fn redact(&self, body: &[u8], known: &[&Secret]) -> String {
        self.spec.redact(body, known)
    }

    /// What the server says in its own words, redacted: `error_description`, `message` and their like.
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("oauth2").unwrap();
    /// let body = br#"{"error":"invalid_grant","error_description":"Session not active"}"#;
    /// assert_eq!(dialect.server_message(body, &[]).as_deref(), Some("Session not active"));
    /// ```
    #[must_use]
    pub fn server_message(&self, body: &[u8], known: &[&Secret]) -> Option<String> {
        self.spec.server_message(body, known)
    }

    /// The code of an error, fit to be shown: `invalid_grant` and its like.
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("oauth2").unwrap();
    /// assert_eq!(dialect.error_code(br#"{"error":"invalid_grant"}"#).as_deref(), Some("invalid_grant"));
    /// assert_eq!(dialect.error_code(b"<html>"), None);
    /// ```
    #[must_use]
    pub fn error_code(&self, body: &[u8]) -> Option<String> {
        self.spec.error_code(body)
    }
}
