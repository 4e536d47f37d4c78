//! The callback (RFC 6749 section 4.1.2) and its validation (RFC 9207, RFC 9700).

use std::borrow::Cow;
use std::time::Duration;

use url::Url;

use super::pending::PendingSignIn;
use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};
use crate::redact;
use crate::time::Wall;

/// The longest time that a sign-in may take: codes live for minutes, and the pending state is discarded.
pub const LONGEST_SIGN_IN: Duration = Duration::from_secs(60 * 60);

/// A longer address is none that a server sends.
const LONGEST_CALLBACK: usize = 16 * 1024;

impl PendingSignIn {
    /// Returns the callback's code if the callback has this sign-in's redirect URI, state and server.
    ///
    /// The example is in the module's documentation.
    ///
    /// # Errors
    ///
    /// InvalidResponse if the callback does not belong to this sign-in and must be ignored. LoginRequired if the user
    /// declined or took too long. ClientRejected if the server does not allow this client's request.
    pub fn code(&self, callback: &str, now: Wall) -> Result<Secret, Failure> {
        let url = self.address(callback)?;
        let parameters = Parameters::of(&url)?;
        // First of all: what another sign-in's browser brings is not even looked at.
        self.check_state(&parameters)?;
        self.check_issuer(&parameters)?;
        self.check_age(now)?;
        if let Some(error) = parameters.get("error") {
            return Err(refused(error, parameters.get("error_description")));
        }
        match parameters.get("code") {
            Some(code) if !code.is_empty() => Ok(Secret::new(code)),
            _ => Err(invalid(no_code(&url))),
        }
    }

    /// Whether a callback has this sign-in's state. If not, a listener should keep waiting.
    ///
    /// ```
    /// # use rekindle_proto::{Wall, machine::Entropy, sign_in::{SignIn, SignInServer}};
    /// # let url = |text: &str| text.parse().expect("a URL");
    /// # let server = SignInServer::new(url("https://auth.example.com/authorize"), url("https://auth.example.com/token"));
    /// # let asked = SignIn::new().redirect_uri("https://app.example.com/callback");
    /// let (_, pending) = server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0))?;
    /// assert!(pending.brings_state(&format!("https://app.example.com/callback?state={}", pending.state())));
    /// assert!(!pending.brings_state("https://app.example.com/callback?state=guess"));
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn brings_state(&self, callback: &str) -> bool {
        let url = self.address(callback).ok();
        let parameters = url.as_ref().and_then(|url| Parameters::of(url).ok());
        parameters.is_some_and(|parameters| self.check_state(&parameters).is_ok())
    }

    /// Whether a callback's address is the redirect URI: another origin's page, or another route, is not.
    fn address(&self, callback: &str) -> Result<Url, Failure> {
        if callback.len() > LONGEST_CALLBACK {
            return Err(invalid(format!(
                "the callback is longer than {LONGEST_CALLBACK} bytes, and is not read"
            )));
        }
        let expected = Url::parse(&self.redirect_uri)
            .map_err(|_| invalid("the redirect URI is not a URL".to_owned()))?;
        // Web frameworks know the path and the query only.
        let given = if callback.starts_with('/') && !callback.starts_with("//") {
            expected.join(callback).ok()
        } else {
            Url::parse(callback).ok()
        };
        let given = given.ok_or_else(|| {
            invalid(
                "the callback is not a URL: pass the whole address that the browser returned to".to_owned(),
            )
        })?;
        let place = |url: &Url| {
            let host = url.host().map(|host| host.to_owned());
            (
                url.scheme().to_owned(),
                host,
                url.port_or_known_default(),
                url.path().trim_end_matches('/').to_owned(),
            )
        };
        let carries = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
            given.query_pairs().any(|(other, given)| (other, given) == (name.clone(), value.clone()))
        };
        let is_bare = given.username().is_empty() && given.password().is_none();
        if place(&given) == place(&expected) && expected.query_pairs().all(carries) && is_bare {
            return Ok(given);
        }
        Err(invalid(format!(
            "the callback came to {} and the redirect URI of this sign-in is {}: they must be the same",
            bare(&given),
            bare(&expected)
        )))
    }

    fn check_state(&self, parameters: &Parameters<'_>) -> Result<(), Failure> {
        match parameters.get("state") {
            Some(state) if same(state, self.state.expose()) => Ok(()),
            Some(_) => Err(invalid(
                "the callback's state is not that of this sign-in: the callback belongs to another sign-in, or is forged; \
                 start the sign-in again"
                    .to_owned(),
            )),
            None => Err(invalid("the callback has no state, so it belongs to no known sign-in; start the sign-in again".to_owned())),
        }
    }

    /// A code of another server must not go to this one (RFC 9207 section 2.4).
    fn check_issuer(&self, parameters: &Parameters<'_>) -> Result<(), Failure> {
        match (parameters.get("iss"), &self.issuer) {
            (Some(given), Some(issuer)) if given != issuer => Err(invalid(format!(
                "the callback says it is from {}, and this sign-in is with {issuer}: two servers were mixed up; start \
                 the sign-in again",
                shown(given)
            ))),
            (None, Some(issuer)) if self.names_itself => Err(invalid(format!(
                "the callback does not say which server it is from, though {issuer} always does (RFC 9207): two servers \
                 may have been mixed up; start the sign-in again"
            ))),
            _ => Ok(()),
        }
    }

    fn check_age(&self, now: Wall) -> Result<(), Failure> {
        let age = now.since(Wall(self.began_at));
        if age <= LONGEST_SIGN_IN {
            return Ok(());
        }
        let message = format!(
            "this sign-in began {} minutes ago and has expired: start the sign-in again",
            age.as_secs() / 60
        );
        Err(Failure::new(ErrorKind::LoginRequired, message))
    }
}

/// The query of a callback. None of its names may come twice (RFC 6749 section 3.1).
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    fn of(url: &'a Url) -> Result<Self, Failure> {
        let pairs: Vec<_> = url.query_pairs().collect();
        for name in ["state", "code", "iss", "error"] {
            if pairs.iter().filter(|(other, _)| other == name).count() > 1 {
                return Err(invalid(format!(
                    "the callback has {name} twice, so it may have been tampered with; start the sign-in again"
                )));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_ref())
    }
}

/// The server says no (RFC 6749 section 4.1.2.1).
fn refused(error: &str, description: Option<&str>) -> Failure {
    let (error, words) =
        (shown(error), description.map(|text| format!(" (\"{}\")", shown(text))).unwrap_or_default());
    let (kind, what) = match error.as_str() {
        "access_denied" => {
            (ErrorKind::LoginRequired, "the sign-in was declined; ask the user, then start it again")
        }
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => (
            ErrorKind::LoginRequired,
            "the server must interact with the user: start the sign-in again without prompt=none",
        ),
        "server_error" | "temporarily_unavailable" => {
            (ErrorKind::Connection, "the server could not sign anybody in now; try again later")
        }
        "invalid_scope" => (ErrorKind::ClientRejected, "the server does not give this client that scope"),
        "invalid_target" => (ErrorKind::ClientRejected, "the server does not know that resource (RFC 8707)"),
        "unauthorized_client" | "unsupported_response_type" => {
            (ErrorKind::ClientRejected, "this client is not registered for authorization codes")
        }
        _ => (ErrorKind::ClientRejected, "the server refused the authorization request"),
    };
    Failure { oauth_error: Some(error.clone()), ..Failure::new(kind, format!("{what}: {error}{words}")) }
}

fn no_code(url: &Url) -> String {
    let fragment = url
        .fragment()
        .is_some_and(|fragment| fragment.contains("code=") || fragment.contains("access_token="));
    if fragment {
        return "the callback has its answer in the fragment, which is another flow: have the client registered for \
                response_type=code and response_mode=query"
            .to_owned();
    }
    "the callback has no code: pass the whole address that the browser returned to, including its query"
        .to_owned()
}

/// Without looking at where they differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Somebody else's text: short, and nothing in it that is a secret or steers a terminal.
fn shown(text: &str) -> String {
    let short: String = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
    redact::text(&short, &[])
}

fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    shown(url.as_str())
}

fn invalid(message: String) -> Failure {
    Failure::new(ErrorKind::InvalidResponse, message)
}

#[cfg(test)]
mod tests {
    use super::super::{SignIn, SignInServer};
    use super::*;
    use crate::machine::Entropy;

    const ISSUER: &str = "https://auth.example";

    fn pending(names_itself: bool) -> PendingSignIn {
        let url = |text: &str| text.parse().unwrap();
        let mut server =
            SignInServer::new(url("https://auth.example/authorize"), url("https://auth.example/token"))
                .issuer(ISSUER);
        server.names_itself = names_itself;
        let asked = SignIn::new().redirect_uri("https://app.example/callback?tenant=1");
        server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0)).unwrap().1
    }

    fn answer(pending: &PendingSignIn, query: &str) -> Result<Secret, Failure> {
        let query = query.replace("STATE", pending.state());
        pending.code(&format!("https://app.example/callback?tenant=1&{query}"), Wall(1000))
    }

    fn refused_with(query: &str) -> (ErrorKind, String) {
        let failure = answer(&pending(true), query).unwrap_err();
        (failure.kind, failure.message)
    }

    // spec 12.3
    #[test]
    fn a_callback_of_this_sign_in_brings_its_code() {
        let pending = pending(true);
        let query = "code=a%2Fb&state=STATE&iss=https%3A%2F%2Fauth.example";
        assert_eq!(answer(&pending, query).unwrap().expose(), "a/b");
        let path = format!("/callback?tenant=1&code=c&state={}&iss={ISSUER}", pending.state());
        assert_eq!(pending.code(&path, Wall(0)).unwrap().expose(), "c");
    }

    // spec 12.3: forged requests, injected codes
    #[test]
    fn a_wrong_or_missing_state_is_refused_whatever_else_it_brings() {
        for query in [
            "code=c&state=guess",
            "code=c",
            "code=c&state=",
            "error=access_denied",
            "code=c&state=STATE&state=x",
        ] {
            let (kind, message) = refused_with(query);
            assert!(kind == ErrorKind::InvalidResponse && message.contains("state"), "{query}: {message}");
        }
    }

    // spec 12.3: mixed-up servers
    #[test]
    fn a_foreign_issuer_is_refused_and_a_missing_one_where_the_server_names_itself() {
        let (kind, message) = refused_with("code=c&state=STATE&iss=https%3A%2F%2Fevil.example");
        assert!(
            kind == ErrorKind::InvalidResponse
                && message.contains("evil.example")
                && message.contains(ISSUER)
        );
        assert!(refused_with("code=c&state=STATE").1.contains("RFC 9207"));
        // Not even a slash apart.
        assert_eq!(
            refused_with("code=c&state=STATE&iss=https://auth.example/").0,
            ErrorKind::InvalidResponse
        );
        // An error is not believed either.
        assert_eq!(
            refused_with("error=access_denied&state=STATE&iss=https://evil.example").0,
            ErrorKind::InvalidResponse
        );
        assert!(answer(&pending(false), "code=c&state=STATE").is_ok());
        assert!(answer(&pending(false), "code=c&state=STATE&iss=https://evil.example").is_err());
    }

    // spec 12.3
    #[test]
    fn a_callback_to_another_address_is_refused_and_both_are_shown() {
        let pending = pending(false);
        let elsewhere = [
            "https://evil.example/callback?tenant=1&",
            "http://app.example/callback?tenant=1&",
            "https://app.example:444/callback?tenant=1&",
            "https://app.example/other?tenant=1&",
            "https://app.example/callback?tenant=2&",
            "https://u@app.example/callback?tenant=1&",
            "//evil.example/callback?tenant=1&",
            "not an address?",
        ];
        for place in elsewhere {
            let failure = pending
                .code(&format!("{place}code=SENTINEL&state={}", pending.state()), Wall(0))
                .unwrap_err();
            assert!(
                failure.kind == ErrorKind::InvalidResponse && !failure.message.contains("SENTINEL"),
                "{failure}"
            );
        }
        let failure = pending
            .code(&format!("https://evil.example/callback?state={}", pending.state()), Wall(0))
            .unwrap_err();
        assert!(
            failure.message.contains("https://evil.example/callback")
                && failure.message.contains("https://app.example/callback")
        );
    }

    // spec 12.3
    #[test]
    fn what_comes_too_late_or_is_too_long_is_refused() {
        let pending = pending(false);
        let callback = format!("https://app.example/callback?tenant=1&code=c&state={}", pending.state());
        assert!(pending.code(&callback, Wall(LONGEST_SIGN_IN.as_millis() as i64)).is_ok());
        let late = pending.code(&callback, Wall(LONGEST_SIGN_IN.as_millis() as i64 + 1)).unwrap_err();
        assert_eq!(late.kind, ErrorKind::LoginRequired);
        let long = format!("{callback}&x={}", "x".repeat(LONGEST_CALLBACK));
        assert_eq!(pending.code(&long, Wall(0)).unwrap_err().kind, ErrorKind::InvalidResponse);
    }

    // spec 12.4
    #[test]
    fn a_refusal_names_what_it_is_and_what_to_do() {
        let pending = pending(false);
        let cases = [
            ("access_denied", ErrorKind::LoginRequired),
            ("login_required", ErrorKind::LoginRequired),
            ("temporarily_unavailable", ErrorKind::Connection),
            ("invalid_scope", ErrorKind::ClientRejected),
            ("unauthorized_client", ErrorKind::ClientRejected),
            ("something_else", ErrorKind::ClientRejected),
        ];
        for (error, kind) in cases {
            let failure =
                answer(&pending, &format!("error={error}&error_description=why%1b&state=STATE")).unwrap_err();
            assert_eq!((failure.kind, failure.oauth_error.as_deref()), (kind, Some(error)));
            assert!(failure.message.contains("\"why\""), "{failure}");
        }
        assert!(answer(&pending, "state=STATE").unwrap_err().message.contains("no code"));
        assert!(answer(&pending, "state=STATE#code=c").unwrap_err().message.contains("fragment"));
    }
}
