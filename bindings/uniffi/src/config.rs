//! Settings.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rekindle::app::Builder;
use rekindle_bindings::Dialect;
use rekindle_bindings::{ClientSettings, Settings};

use crate::error::RekindleError;
use crate::http::HttpConfig;
use crate::key::SigningKey;
use crate::records::Header;

/// What a session is made of. What is left out has core's own default.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct SessionConfig {
    /// How the server speaks.
    pub dialect: Dialect,
    /// Where tokens are refreshed. Some presets know it.
    #[uniffi(default = None)]
    pub token_url: Option<String>,
    /// Where users sign in. Some presets know it.
    #[uniffi(default = None)]
    pub authorization_url: Option<String>,
    /// What the server says of itself, as `discover` gave it.
    #[uniffi(default = None)]
    pub server: Option<String>,
    /// Whether authorization requests are pushed to the server where it takes that (RFC 9126).
    #[uniffi(default = true)]
    pub pushed_requests: bool,
    /// The client's id at the server.
    #[uniffi(default = None)]
    pub client_id: Option<String>,
    /// Its secret, if it has one. An app that is handed out has none.
    #[uniffi(default = None)]
    pub client_secret: Option<String>,
    /// How it says who it is, where it is registered otherwise than the dialect says.
    #[uniffi(default = None)]
    pub client_auth: Option<ClientAuth>,
    /// What to begin with where the store is empty. Not with an app: its sessions have one each.
    #[uniffi(default = None)]
    pub credential: Option<Credential>,
    /// What stands in the dialect's URLs: `tenant` and the like.
    #[uniffi(default)]
    pub variables: HashMap<String, String>,
    /// Where the token may go. A client's base URL is added by itself.
    #[uniffi(default = [])]
    pub origins: Vec<String>,
    /// Origins and token endpoints that may be asked without TLS; loopback always may.
    #[uniffi(default = [])]
    pub insecure_origins: Vec<String>,
    /// What the server does with a used refresh token, where the dialect does not know.
    #[uniffi(default = None)]
    pub rotation: Option<Rotation>,
    /// Whether a token is refreshed shortly before its end, beside its users.
    #[uniffi(default = true)]
    pub background: bool,
    /// How long a caller waits for a token at most (30 s).
    #[uniffi(default = None)]
    pub wait_timeout: Option<Duration>,
    /// How long one refresh may take (60 s).
    #[uniffi(default = None)]
    pub send_timeout: Option<Duration>,
    /// How long callers wait for the login handler (5 min); zero: they get LoginRequired at once.
    #[uniffi(default = None)]
    pub login_timeout: Option<Duration>,
    /// How long others with the same store leave a refresh to whoever began it (90 s).
    #[uniffi(default = None)]
    pub lease: Option<Duration>,
    /// Signs who the client is (`private_key_jwt`), instead of a secret.
    #[uniffi(default = None)]
    pub client_key: Option<Arc<SigningKey>>,
    /// Signs that a token is this client's own (DPoP).
    #[uniffi(default = None)]
    pub dpop_key: Option<Arc<SigningKey>>,
    /// Whether a token that the server did not bind to `dpop_key` is refused (RFC 9449 section 5).
    #[uniffi(default = true)]
    pub require_dpop: bool,
    /// What the client asks for on its own behalf, without a user (RFC 6749 section 4.4).
    #[uniffi(default = None)]
    pub client_credentials: Option<ClientCredentials>,
    /// How connections are made, for token requests and for the clients of the session.
    #[uniffi(default = None)]
    pub http: Option<HttpConfig>,
    /// For tests: shares no state with other sessions of this process, as if each were a process of its own.
    #[uniffi(default = false)]
    pub alone: bool,
}

/// How a client says who it is to the token endpoint, by the names of OpenID Connect Core section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ClientAuth {
    /// `none`: `client_id` in the body, no secret. (`none` would read as an absent value in Swift.)
    Public,
    /// HTTP Basic; a client without a secret sends `client_id` in the body.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the body.
    ClientSecretPost,
    /// `client_id` and an assertion in the body that the secret signs (RFC 7523).
    ClientSecretJwt,
    /// `client_id` and a signed assertion in the body (RFC 7523): with `client_key`.
    PrivateKeyJwt,
}

impl From<ClientAuth> for rekindle::ClientAuth {
    fn from(auth: ClientAuth) -> Self {
        match auth {
            ClientAuth::Public => Self::None,
            ClientAuth::ClientSecretBasic => Self::ClientSecretBasic,
            ClientAuth::ClientSecretPost => Self::ClientSecretPost,
            ClientAuth::ClientSecretJwt => Self::ClientSecretJwt,
            ClientAuth::PrivateKeyJwt => Self::PrivateKeyJwt,
        }
    }
}

impl From<rekindle::ClientAuth> for ClientAuth {
    fn from(auth: rekindle::ClientAuth) -> Self {
        match auth {
            rekindle::ClientAuth::ClientSecretBasic => Self::ClientSecretBasic,
            rekindle::ClientAuth::ClientSecretPost => Self::ClientSecretPost,
            rekindle::ClientAuth::ClientSecretJwt => Self::ClientSecretJwt,
            rekindle::ClientAuth::PrivateKeyJwt => Self::PrivateKeyJwt,
            _ => Self::Public,
        }
    }
}

/// What a client asks for on its own behalf.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ClientCredentials {
    /// `scope`: names with spaces between them.
    #[uniffi(default = None)]
    pub scope: Option<String>,
    /// `audience`, where the server knows it.
    #[uniffi(default = None)]
    pub audience: Option<String>,
    /// `resource`: the URLs of what the token is for (RFC 8707).
    #[uniffi(default = [])]
    pub resource: Vec<String>,
    /// Further fields, as the server wants them.
    #[uniffi(default)]
    pub parameters: HashMap<String, String>,
}

impl From<ClientCredentials> for rekindle_bindings::ClientCredentials {
    fn from(given: ClientCredentials) -> Self {
        let ClientCredentials { scope, audience, resource, parameters } = given;
        Self { scope, audience, resource, parameters: parameters.into_iter().collect() }
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rekindle_bindings::ClientCredentials::from(self.clone()).fmt(f)
    }
}

/// What a server does with a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Rotation {
    /// There is none: the old one stays usable. (`none` would read as an absent value in Swift.)
    Reusable,
    /// The old one works for this long after its first use.
    Grace {
        /// So long.
        time: Duration,
    },
    /// The old one works until its successor is used.
    UntilSuccessorUsed,
    /// A replay fails; the successor lives.
    Strict,
    /// A replay revokes everything that came from the sign-in.
    StrictFamily,
    /// It changes only now and then.
    Sometimes,
    /// Not known.
    Unknown,
}

/// The tokens of one sign-in.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Credential {
    /// The access token, if there is one already.
    #[uniffi(default = None)]
    pub access_token: Option<String>,
    /// The refresh token. Without one the access token is served to its end.
    #[uniffi(default = None)]
    pub refresh_token: Option<String>,
    /// How long the access token lives from now on. This or `expires_at`.
    #[uniffi(default = None)]
    pub expires_in: Option<Duration>,
    /// When it ends.
    #[uniffi(default = None)]
    pub expires_at: Option<SystemTime>,
    /// When the refresh token ends, if the server said so.
    #[uniffi(default = None)]
    pub refresh_token_expires_at: Option<SystemTime>,
    /// The granted scope, as the server wrote it.
    #[uniffi(default = None)]
    pub scope: Option<String>,
    /// `Bearer` unless the server said otherwise.
    #[uniffi(default = None)]
    pub token_type: Option<String>,
    /// What must come back with the tokens: instance URL, issuer, and the like.
    #[uniffi(default)]
    pub extra: HashMap<String, String>,
}

/// What an HTTP client is made of.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ClientConfig {
    /// What relative URLs are below; the session's token is for its origin.
    #[uniffi(default = None)]
    pub base_url: Option<String>,
    /// Sent with every request.
    #[uniffi(default = [])]
    pub headers: Vec<Header>,
    /// How long a request may take, refreshes, replays and its body included (60 s).
    #[uniffi(default = None)]
    pub timeout: Option<Duration>,
    /// How many redirects are followed (10).
    #[uniffi(default = None)]
    pub max_redirects: Option<u32>,
    /// How often a request is sent at most where it failed by itself (3).
    #[uniffi(default = None)]
    pub max_sends: Option<u32>,
    /// The statuses after which it is sent again, where that is safe (408, 429, 502, 503, 504).
    #[uniffi(default = None)]
    pub retry_statuses: Option<Vec<u16>>,
    /// How long a body may be that is read whole, in bytes (256 MiB).
    #[uniffi(default = None)]
    pub max_body_bytes: Option<u64>,
    /// Where `graphql` asks (`/graphql`).
    #[uniffi(default = None)]
    pub graphql_path: Option<String>,
    /// How connections are made, where that differs from the session's.
    #[uniffi(default = None)]
    pub http: Option<HttpConfig>,
}

impl ClientConfig {
    /// All but how connections are made.
    pub(crate) fn plain(self) -> ClientSettings {
        ClientSettings {
            base_url: self.base_url,
            graphql_path: self.graphql_path,
            headers: self.headers.into_iter().map(Into::into).collect(),
            timeout: self.timeout,
            max_redirects: self.max_redirects,
            max_body_bytes: self.max_body_bytes,
            max_sends: self.max_sends,
            retry_statuses: self.retry_statuses,
            ..ClientSettings::default()
        }
    }
}

impl SessionConfig {
    /// A builder with all that is in here, but for the credential.
    pub(crate) fn described<T>(self, builder: Builder<T>) -> Result<Builder<T>, RekindleError> {
        let plain = Settings {
            token_url: self.token_url,
            authorization_url: self.authorization_url,
            server: self.server.as_deref().map(server).transpose()?,
            pushed_requests: Some(self.pushed_requests),
            login_timeout: self.login_timeout,
            client_id: self.client_id,
            client_secret: self.client_secret,
            require_dpop: self.dpop_key.as_ref().map(|_| self.require_dpop),
            variables: self.variables.into_iter().collect(),
            origins: self.origins,
            insecure_origins: self.insecure_origins,
            background: Some(self.background),
            wait_timeout: self.wait_timeout,
            send_timeout: self.send_timeout,
            lease: self.lease,
            client_credentials: self.client_credentials.map(Into::into),
            alone: self.alone,
            ..Settings::default()
        };
        let mut builder = plain.apply(builder)?;
        builder =
            self.client_auth.into_iter().fold(builder, |builder, auth| builder.client_auth(auth.into()));
        builder = self.rotation.into_iter().fold(builder, |builder, given| builder.rotation(given.into()));
        builder = self.client_key.into_iter().fold(builder, |builder, key| builder.client_key(key.inner()));
        Ok(self.dpop_key.into_iter().fold(builder, |builder, key| builder.dpop_key(key.inner())))
    }
}

fn server(text: &str) -> Result<serde_json::Value, RekindleError> {
    serde_json::from_str(text)
        .map_err(|_| RekindleError::config("server", "must be the text that `discover` returned"))
}

impl Credential {
    pub(crate) fn checked(self) -> Result<rekindle::Credential, RekindleError> {
        let credential = rekindle_bindings::Credential {
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            expires_in: self.expires_in.map(|left| left.as_secs_f64()),
            expires_at_ms: self.expires_at.map(epoch_ms),
            refresh_token_expires_at_ms: self.refresh_token_expires_at.map(epoch_ms),
            scope: self.scope,
            token_type: self.token_type,
            extra: self.extra.into_iter().collect(),
        };
        Ok(credential.checked()?)
    }
}

fn epoch_ms(at: SystemTime) -> f64 {
    rekindle::Wall::from(at).0 as f64
}

impl From<Rotation> for rekindle::Rotation {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::Reusable => Self::None,
            Rotation::Grace { time } => Self::Grace(time),
            Rotation::UntilSuccessorUsed => Self::UntilSuccessorUsed,
            Rotation::Strict => Self::Strict,
            Rotation::StrictFamily => Self::StrictFamily,
            Rotation::Sometimes => Self::Sometimes,
            Rotation::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("dialect", &self.dialect)
            .field("client_id", &self.client_id)
            .field("credential", &self.credential)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("access_token", &self.access_token.as_ref().map(|_| "***"))
            .field("refresh_token", &self.refresh_token.as_ref().map(|_| "***"))
            .field("expires_in", &self.expires_in)
            .field("expires_at", &self.expires_at)
            .field("refresh_token_expires_at", &self.refresh_token_expires_at)
            .field("scope", &self.scope)
            .field("token_type", &self.token_type)
            .field("extra", &self.extra.keys())
            .finish()
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").field("headers", &self.headers).finish_non_exhaustive()
    }
}
