//! A server's protocol and refresh token rotation, as data.
//!
//! A dialect is a TOML file: how an expired token is reported, how tokens are requested, what the responses mean, and
//! how refresh tokens rotate. Missing fields follow RFC 6749 and RFC 6750. The presets are built in; users can write
//! their own. Rules are ordered; the first one whose conditions are all met decides.
//!
//! ```
//! # let text = r#"
//! name = "acme"                          # description, rotation, old_token_dies, proactive, [variables]
//! # extends = "json"                     # a preset: only what differs from it is said here; own rules come first
//! rotation = { grace_seconds = 30 }      # or "none", "strict", "strict-family", "until-successor-used", ...
//! [token]                                # where the access token goes: header + scheme, or cookie
//! scheme = "Bearer"                      # header, cookie, types, credential_headers, extra_characters
//! [token_endpoint]                       # url, method, encoding = form | json | graphql, client_auth, names, query,
//! url = "https://{tenant}.acme.example/token" # extra, headers
//! client_auth = "client_secret_basic"    # none | client_secret_basic | client_secret_post | client_secret_jwt | private_key_jwt
//! names = { refresh_token = "refreshToken" } # how fields are spelled; "" = not sent
//! [refresh_token]                        # one grant: what it adds. grant_type, document, query, extra, headers;
//! extra = { device = "{device}" }        # fallback_document; token_header and token_scheme, or token_cookie; or
//! credential = "token"                   # "cookie": the host's HTTP stack keeps it, as a browser does
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
//! [response_tokens]                      # new tokens in the headers of API responses: headers, cookies, expires_in,
//! headers = { access_token = "x-access-token" } # expires_at
//! [retry_after]                          # beside Retry-After: seconds_headers, epoch_headers, body_seconds
//! epoch_headers = "x-ratelimit-reset"
//! [redact]                               # where bodies hold secrets that no name gives away
//! paths = "errors[*].message"
//! [revoke]                               # RFC 7009: url, field
//! url = "https://{tenant}.acme.example/revoke"
//! # "#;
//! # assert_eq!(rekindle_proto::Dialect::from_toml(text, "acme.toml").map(|one| one.name().to_owned()), Ok("acme".into()));
//! ```

mod api;
mod authorization_server;
mod body;
mod clock_hint;
mod config_error;
#[cfg(feature = "toml")]
mod document;
mod effect;
mod endpoints;
mod expiry_fields;
mod extends;
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
mod reference;
mod request;
mod response_tokens;
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
mod variables;

use std::fmt;
use std::sync::Arc;

use crate::credential::{Fingerprint, Secret};
use crate::error::Failure;
use crate::rotation::Rotation;
use crate::time::Wall;

pub use body::is_html;
#[cfg(feature = "toml")]
pub use document::Document;
pub use file::ClientAuth;
pub use mistake::{Mistake, read};
pub use path::Path;
pub use preset::Preset;
pub use reference::reference;
pub use types::{Answer, AskAgain, ClientIdentity, Placement, TokenRequest};

/// One server's protocol. Cheap to clone.
#[derive(Clone)]
pub struct Dialect {
    spec: Arc<file::Spec>,
}

/// Only the name and rotation are shown: a dialect may contain an API key among its extra fields.
impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect").field("name", &self.spec.name).field("rotation", &self.rotation()).finish()
    }
}

impl Dialect {
    fn new(spec: file::Spec) -> Self {
        Self { spec: Arc::new(spec) }
    }

    /// Returns a preset by name.
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

    /// A tag that distinguishes dialects of different content, regardless of their names, without revealing the
    /// content.
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

    /// Returns the text of a preset, as a starting point for a custom dialect.
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset_text("json").is_some_and(|text| text.contains("refreshToken")));
    /// ```
    #[must_use]
    pub fn preset_text(name: &str) -> Option<&'static str> {
        preset::ALL.iter().find(|(one, _)| *one == name).map(|(_, text)| *text)
    }

    #[cfg(feature = "toml")]
    /// Parses a dialect file; `file` names it in errors.
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

    /// Reads a dialect from JSON data (a dict in the bindings) with the same structure as a file.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Rotation};
    /// let dialect = Dialect::from_json(&serde_json::json!({"rotation": {"grace_seconds": 30}}))?;
    /// assert_eq!(dialect.rotation().to_string(), "grace(30)");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn from_json(value: &serde_json::Value) -> Result<Self, Failure> {
        Self::from_json_over(value, &preset::data)
    }

    /// Like [`Self::from_json`], in a build without the presets: `preset` returns the data of the preset to extend.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// use serde_json::json;
    ///
    /// let own = json!({"extends": "house", "token": {"scheme": "Token"}});
    /// let house = |_: &str| Ok(json!({"rotation": "strict", "token": {"header": "X-Token"}}));
    /// let dialect = Dialect::from_json_over(&own, &house)?;
    /// assert_eq!(dialect.place(&"abc".into(), None)?.name, "x-token");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn from_json_over(
        value: &serde_json::Value,
        preset: &dyn Fn(&str) -> Result<serde_json::Value, Failure>,
    ) -> Result<Self, Failure> {
        file::Spec::from_json(value, preset).map(Self::new)
    }

    /// The dialect's name.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Dialect::preset("json").unwrap().name(), "json");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The server that it is for, and what is special about it.
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset("oauth2").unwrap().description().contains("RFC 6749"));
    /// ```
    #[must_use]
    pub fn description(&self) -> &str {
        &self.spec.description
    }

    /// How the server rotates refresh tokens.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Rotation};
    /// assert_eq!(Dialect::preset("google").unwrap().rotation(), Rotation::None);
    /// ```
    #[must_use]
    pub fn rotation(&self) -> Rotation {
        self.spec.rotation.0
    }

    /// Returns the dialect with another rotation (if the tenant configures it).
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

    /// Returns the dialect with another client authentication method (if set by the client's registration).
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

    /// The client authentication method (spec 5.5).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientAuth};
    /// assert_eq!(Dialect::preset("oauth2").unwrap().client_auth(), ClientAuth::ClientSecretPost);
    /// ```
    #[must_use]
    pub fn client_auth(&self) -> ClientAuth {
        self.spec.token_endpoint.client_auth
    }

    /// When a supplied access token expires, by the `exp` claim of its JWT: only with `jwt_exp` (spec 1.4).
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

    /// Whether a refresh may happen before the token expires (spec 1.2).
    ///
    /// ```
    /// assert!(rekindle_proto::Dialect::preset("oauth2").unwrap().proactive());
    /// ```
    #[must_use]
    pub fn proactive(&self) -> bool {
        self.spec.proactive.0
    }

    /// Whether a refresh uses a cookie from the host's HTTP stack: the session has no refresh token
    /// (spec 5.21).
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// let dialect = serde_json::json!({ "refresh_token": { "credential": "cookie" } });
    /// assert!(Dialect::from_json(&dialect)?.refreshes_by_cookie());
    /// assert!(!Dialect::preset("oauth2")?.refreshes_by_cookie());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn refreshes_by_cookie(&self) -> bool {
        self.spec.refreshes_by_cookie()
    }

    /// Whether API errors come with status 200, so that successful bodies must be inspected (spec 2.6).
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

    /// Whether a response with a status below 400 may reject the token, by its body or headers.
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
}
