//! The settings of a session or an app, except objects: keys, stores, transports, functions.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rekindle::app::Builder;
use rekindle::sign_in::ServerMetadata;
use rekindle::{ClientAuth, Dialect, DialectSource, Error, Expiry, Rotation, Secret, SigningKey, Wall};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::store::StoreSettings;
use crate::time::Millis;

/// The plain settings of a session or an app. A missing setting has core's default; an unknown name is an error.
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
#[derive(Clone, Default)]
pub struct Settings {
    /// The dialect: the name of a preset, or a dialect as data; see [`Settings::source`].
    pub dialect: Option<Value>,
    /// The initial credential of a session without an app, used if the store has none.
    pub tokens: Option<Credential>,
    /// The key of a session without an app, in a store with several records.
    pub key: Option<String>,
    /// The host's description of its store, if the host stores the record.
    pub store: Option<StoreSettings>,
    /// Whether the host has a refresh function.
    pub refresh: bool,
    /// The token endpoint.
    pub token_url: Option<String>,
    /// The authorization endpoint, where users sign in.
    pub authorization_url: Option<String>,
    /// The server's metadata, as returned by discovery.
    pub server: Option<Value>,
    /// Whether to use pushed authorization requests if the server supports them (RFC 9126).
    pub pushed_requests: Option<bool>,
    /// The client id.
    pub client_id: Option<String>,
    /// The client secret.
    pub client_secret: Option<String>,
    /// How the client authenticates, by the names of OpenID Connect Core section 9.
    pub client_auth: Option<String>,
    /// The key that authenticates the client (`private_key_jwt`), if the host holds it.
    pub client_key: Option<HostKey>,
    /// The key that tokens are bound to (DPoP), if the host holds it.
    pub dpop_key: Option<HostKey>,
    /// Whether a token that is not bound to the session's key is refused.
    pub require_dpop: Option<bool>,
    /// The values of the variables in the dialect's URLs.
    pub variables: BTreeMap<String, String>,
    /// The origins that the token may be sent to.
    pub origins: Vec<String>,
    /// The origins that tokens may be sent to without TLS.
    pub insecure_origins: Vec<String>,
    /// What the server does with a used refresh token, as in a dialect file, or as `grace:<seconds>`.
    pub rotation: Option<Value>,
    /// Whether a token is refreshed shortly before it expires.
    pub background: Option<bool>,
    /// The longest time that a caller waits for a token.
    pub wait_timeout: Option<Duration>,
    /// How long one token request may take.
    pub send_timeout: Option<Duration>,
    /// Whether the host signs the user in again when the session can no longer be kept alive.
    pub login: bool,
    /// How long callers wait for the login handler.
    pub login_timeout: Option<Duration>,
    /// How long a lease lasts without being renewed, before other processes take over the refresh.
    pub lease: Option<Duration>,
    /// What the client credentials grant requests.
    pub client_credentials: Option<ClientCredentials>,
    /// Whether to share no state with other sessions of this process.
    pub alone: bool,
}

rekindle_proto::members!(Settings {
    dialect, tokens, key, store, refresh, token_url, authorization_url, server, pushed_requests, client_id,
    client_secret, client_auth, client_key, dpop_key, require_dpop, variables, origins, insecure_origins,
    rotation, background, wait_timeout = "wait_timeout_ms" as Millis,
    send_timeout = "send_timeout_ms" as Millis, login, login_timeout = "login_timeout_ms" as Millis,
    lease = "lease_ms" as Millis, client_credentials, alone,
});

/// A key that the host signs with: see [`SigningKey::of_host`].
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostKey {
    /// The public key.
    pub jwk: Value,
    /// The placeholder in a signature's place, which the host replaces by the signature.
    pub stand_in: String,
}

/// The parameters of the client credentials grant.
#[derive(Clone, Default)]
pub struct ClientCredentials {
    /// `scope`: scope names, separated by spaces.
    pub scope: Option<String>,
    /// `audience`, for servers that support it.
    pub audience: Option<String>,
    /// `resource`: the URLs of the resources that the token is for (RFC 8707).
    pub resource: Vec<String>,
    /// Further parameters of the token request.
    pub parameters: BTreeMap<String, String>,
}

rekindle_proto::members!(ClientCredentials { scope, audience, resource, parameters });

/// The tokens of one sign-in. Debug shows none of it.
#[derive(Clone, Default)]
pub struct Credential {
    /// The access token.
    pub access_token: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The lifetime of the access token from now on, in seconds. Give this or `expires_at_ms`.
    pub expires_in: Option<f64>,
    /// When the access token expires, in milliseconds since 1970.
    pub expires_at_ms: Option<f64>,
    /// When the refresh token expires, in milliseconds since 1970.
    pub refresh_token_expires_at_ms: Option<f64>,
    /// The granted scope, as the server wrote it.
    pub scope: Option<String>,
    /// The token type; `Bearer` by default.
    pub token_type: Option<String>,
    /// Data to store with the tokens.
    pub extra: BTreeMap<String, String>,
}

rekindle_proto::members!(Credential {
    access_token,
    refresh_token,
    expires_in,
    expires_at_ms,
    refresh_token_expires_at_ms,
    scope,
    token_type,
    extra,
});

impl Settings {
    /// The dialect that is given as data, or the result of `named` for a name; `oauth2` by default.
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

    /// A builder with all these settings, except those that the binding reads: dialect, tokens, key, store and
    /// refresh.
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
    /// The credential as core's type.
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

/// A dialect with only a rotation, to let core parse it.
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

/// The wording of core's own errors: `expires_in must be ..`, without a colon.
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
