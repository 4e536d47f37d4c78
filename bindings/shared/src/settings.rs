//! What a session or an app is made of, but for objects: keys, stores, transports, functions.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rekindle::app::Builder;
use rekindle::sign_in::ServerMetadata;
use rekindle::{ClientAuth, Dialect, DialectSource, Error, Expiry, Rotation, Secret, SigningKey, Wall};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::store::StoreSettings;
use crate::time::millis;

/// The plain settings of a session or an app. What is left out has core's own default; an unknown name is a mistake.
///
/// ```
/// use rekindle_bindings::Settings;
///
/// let settings = r#"{ "token_url": "https://auth.example.com/token", "wait_timeout_ms": 5000, "rotation": "strict" }"#;
/// let settings: Settings = serde_json::from_str(settings).unwrap();
/// let session = settings.apply(rekindle::Session::builder("oauth2"))?.build()?;
/// assert_eq!(session.dialect().rotation(), rekindle::Rotation::Strict);
/// # Ok::<(), rekindle::Error>(())
/// ```
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How the server speaks: a preset's name, or a dialect as data; see [`Settings::source`].
    pub dialect: Option<Value>,
    /// What a session alone begins with where the store is empty.
    pub tokens: Option<Credential>,
    /// Whose sign-in a session alone is, in a store that keeps several.
    pub key: Option<String>,
    /// The host keeps the record: what it says of that.
    pub store: Option<StoreSettings>,
    /// Whether the host has a refresh function.
    pub refresh: bool,
    /// Where tokens are refreshed.
    pub token_url: Option<String>,
    /// Where users sign in.
    pub authorization_url: Option<String>,
    /// What the server says of itself, as discovery gave it.
    pub server: Option<Value>,
    /// Whether authorization requests are pushed to the server where it takes that (RFC 9126).
    pub pushed_requests: Option<bool>,
    /// The client's id at the server.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<String>,
    /// How it says who it is, by the names of OpenID Connect Core section 9.
    pub client_auth: Option<String>,
    /// The key with which the client says who it is (`private_key_jwt`), where the host has it.
    pub client_key: Option<HostKey>,
    /// The key that tokens are bound to (DPoP), where the host has it.
    pub dpop_key: Option<HostKey>,
    /// Whether a token that is not bound to the session's key is refused.
    pub require_dpop: Option<bool>,
    /// What stands in the dialect's URLs.
    pub variables: BTreeMap<String, String>,
    /// Where the token may go.
    pub origins: Vec<String>,
    /// What may be asked without TLS.
    pub insecure_origins: Vec<String>,
    /// What the server does with a used refresh token, as a dialect writes it, or as `grace:<seconds>`.
    pub rotation: Option<Value>,
    /// Whether a token is refreshed shortly before its end.
    pub background: Option<bool>,
    /// How long a caller waits for a token at most.
    #[serde(rename = "wait_timeout_ms", deserialize_with = "millis::deserialize")]
    pub wait_timeout: Option<Duration>,
    /// How long one refresh may take.
    #[serde(rename = "send_timeout_ms", deserialize_with = "millis::deserialize")]
    pub send_timeout: Option<Duration>,
    /// Whether the host signs the user in again where the session cannot be kept alive.
    pub login: bool,
    /// How long callers wait for the login handler.
    #[serde(rename = "login_timeout_ms", deserialize_with = "millis::deserialize")]
    pub login_timeout: Option<Duration>,
    /// How long others with the same store leave a refresh to whoever began it.
    #[serde(rename = "lease_ms", deserialize_with = "millis::deserialize")]
    pub lease: Option<Duration>,
    /// What the client asks for on its own behalf.
    pub client_credentials: Option<ClientCredentials>,
    /// Shares no state with other sessions of this process.
    pub alone: bool,
}

/// A key that the host signs with: see [`SigningKey::of_host`].
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostKey {
    /// Its public half.
    pub jwk: Value,
    /// What stands in a signature's place until the host has replaced it.
    pub stand_in: String,
}

/// What a client asks for on its own behalf.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientCredentials {
    /// `scope`: names with spaces between them.
    pub scope: Option<String>,
    /// `audience`, where the server knows it.
    pub audience: Option<String>,
    /// `resource`: the URLs of what the token is for (RFC 8707).
    pub resource: Vec<String>,
    /// Further fields, as the server wants them.
    pub parameters: BTreeMap<String, String>,
}

/// The tokens of one sign-in. Debug shows none of it.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credential {
    /// The access token.
    pub access_token: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// How many seconds the access token lives from now on. This or `expires_at_ms`.
    pub expires_in: Option<f64>,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: Option<f64>,
    /// When the refresh token ends, in milliseconds since 1970.
    pub refresh_token_expires_at_ms: Option<f64>,
    /// The granted scope, as the server wrote it.
    pub scope: Option<String>,
    /// `Bearer` unless the server said otherwise.
    pub token_type: Option<String>,
    /// What must come back with the tokens.
    pub extra: BTreeMap<String, String>,
}

impl Settings {
    /// How the server speaks: the dialect that is given as data, or what `named` makes of a name; `oauth2` if nothing is said.
    ///
    /// ```
    /// use rekindle_bindings::Settings;
    ///
    /// let settings: Settings = serde_json::from_str(r#"{ "dialect": { "rotation": "strict" } }"#).unwrap();
    /// let dialect = settings.source(|name| Ok(name.into()))?;
    /// let session = rekindle::Session::builder(dialect).token_url("https://auth.example.com/token").build()?;
    /// assert_eq!(session.dialect().rotation(), rekindle::Rotation::Strict);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig.
    pub fn source(
        &self,
        named: impl FnOnce(&str) -> Result<DialectSource, Error>,
    ) -> Result<DialectSource, Error> {
        match &self.dialect {
            None => named("oauth2"),
            Some(Value::String(name)) => named(name),
            Some(data) => Ok(Dialect::from_json(data)?.into()),
        }
    }

    /// A builder with all that is in here, but for what its binding reads: dialect, tokens, key, store and refresh.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the setting.
    pub fn apply<T>(self, mut builder: Builder<T>) -> Result<Builder<T>, Error> {
        if let Some(name) = &self.client_auth {
            builder = builder.client_auth(client_auth(name)?);
        }
        if let Some(value) = &self.rotation {
            builder = builder.rotation(rotation(value)?);
        }
        if let Some(key) = self.client_key {
            builder = builder.client_key(SigningKey::of_host(&key.jwk, &key.stand_in)?);
        }
        if let Some(key) = self.dpop_key {
            builder = builder.dpop_key(SigningKey::of_host(&key.jwk, &key.stand_in)?);
        }
        if let Some(found) = self.server {
            builder = builder.server(server(found)?);
        }
        builder = self.token_url.into_iter().fold(builder, Builder::token_url);
        builder = self.authorization_url.into_iter().fold(builder, Builder::authorization_url);
        builder = self.pushed_requests.into_iter().fold(builder, Builder::pushed_requests);
        builder = self.login_timeout.into_iter().fold(builder, Builder::login_timeout);
        builder = self.client_id.into_iter().fold(builder, Builder::client_id);
        builder = self.client_secret.into_iter().fold(builder, Builder::client_secret);
        builder = self.require_dpop.into_iter().fold(builder, Builder::require_dpop);
        builder = self.background.into_iter().fold(builder, Builder::background);
        builder = self.wait_timeout.into_iter().fold(builder, Builder::wait_timeout);
        builder = self.send_timeout.into_iter().fold(builder, Builder::send_timeout);
        builder = self.lease.into_iter().fold(builder, Builder::lease);
        let asked = self.client_credentials.map(rekindle::ClientCredentials::from);
        builder = asked.into_iter().fold(builder, Builder::client_credentials);
        builder =
            self.variables.into_iter().fold(builder, |builder, (name, value)| builder.variable(name, value));
        builder = self.insecure_origins.into_iter().fold(builder, Builder::insecure_origin);
        builder = builder.origins(self.origins);
        Ok(if self.alone { builder.alone() } else { builder })
    }
}

impl Credential {
    /// The same as core has it.
    ///
    /// ```
    /// use rekindle_bindings::Credential;
    ///
    /// let both = Credential { expires_in: Some(900.0), expires_at_ms: Some(1.9e12), ..Credential::default() };
    /// assert_eq!(both.checked().unwrap_err().argument(), Some("expires_in"));
    /// let negative = Credential { expires_in: Some(-1.0), ..Credential::default() };
    /// assert_eq!(negative.checked().unwrap_err().argument(), Some("expires_in"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the field.
    pub fn checked(self) -> Result<rekindle::Credential, Error> {
        Ok(rekindle::Credential {
            expiry: self.expiry()?,
            refresh_token_expiry: self.refresh_token_expiry()?,
            access_token: self.access_token.map(Secret::from),
            refresh_token: self.refresh_token.map(Secret::from),
            scope: self.scope,
            token_type: self.token_type,
            extra: self.extra,
        })
    }

    fn refresh_token_expiry(&self) -> Result<Option<Expiry>, Error> {
        let Some(at) = self.refresh_token_expires_at_ms else { return Ok(None) };
        let what = "must be a finite number of seconds since 1970";
        let at =
            Some(at).filter(|at| at.is_finite()).ok_or_else(|| wrong("refresh_token_expires_at", what))?;
        Ok(Some(Expiry::At(Wall(at as i64))))
    }

    fn expiry(&self) -> Result<Option<Expiry>, Error> {
        match (self.expires_in, self.expires_at_ms) {
            (Some(_), Some(_)) => Err(wrong("expires_in", "and expires_at are both given: give one")),
            (Some(left), None) if left.is_finite() && left > 0.0 => {
                let left =
                    Duration::try_from_secs_f64(left).map_err(|_| wrong("expires_in", "is too large"))?;
                Ok(Some(Expiry::In(left)))
            }
            (Some(_), None) => {
                let what = "must be a finite number of seconds above 0: leave it out if unknown";
                Err(wrong("expires_in", what))
            }
            (None, Some(at)) if at.is_finite() => Ok(Some(Expiry::At(Wall(at as i64)))),
            (None, Some(_)) => Err(wrong("expires_at", "must be a finite number of seconds since 1970")),
            (None, None) => Ok(None),
        }
    }
}

impl From<ClientCredentials> for rekindle::ClientCredentials {
    fn from(given: ClientCredentials) -> Self {
        let mut request = Self::new();
        (request.scope, request.audience) = (given.scope, given.audience);
        (request.resource, request.parameters) = (given.resource, given.parameters);
        request
    }
}

/// A dialect of nothing but a rotation: core reads the words.
fn rotation(value: &Value) -> Result<Rotation, Error> {
    let seconds = value.as_str().and_then(|text| text.strip_prefix("grace:")?.parse::<u64>().ok());
    let value = seconds.map_or_else(|| value.clone(), |seconds| json!({ "grace_seconds": seconds }));
    let what =
        "must be none, grace:<seconds>, until-successor-used, strict, strict-family, sometimes or unknown";
    let dialect = Dialect::from_json(&json!({ "rotation": value })).map_err(|_| wrong("rotation", what))?;
    Ok(dialect.rotation())
}

fn client_auth(name: &str) -> Result<ClientAuth, Error> {
    let what = "must be none, client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt";
    let dialect = Dialect::from_json(&json!({ "token_endpoint": { "client_auth": name } }))
        .map_err(|_| wrong("client_auth", what))?;
    Ok(dialect.client_auth())
}

fn server(found: Value) -> Result<ServerMetadata, Error> {
    serde_json::from_value(found)
        .map_err(|_| wrong("server", "is not a result of discovery: run discovery again"))
}

/// As core's own: `expires_in must be ..`, without a colon.
fn wrong(setting: &str, what: &str) -> Error {
    rekindle::Failure::config(setting, format_args!(" {what}")).into()
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("token_url", &self.token_url)
            .field("client_id", &self.client_id)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostKey").field("jwk", &self.jwk).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("scope", &self.scope).finish_non_exhaustive()
    }
}
