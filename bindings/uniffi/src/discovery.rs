//! What servers and APIs say of themselves, and registering a client there.

use std::fmt;
use std::sync::Arc;

use rekindle::clock::SystemClock;
use rekindle::sign_in::{ClientRegistration, RegisteredClient};
use rekindle::transport::Transport as CoreTransport;
use rekindle_bindings::transport::ForeignTransport;
use url::Url;

use self::kept::Found;
use crate::cancel::{CancelToken, unless};
use crate::config::ClientAuth;
use crate::error::RekindleError;
use crate::host::Hosted;
use crate::http::HttpConfig;
use crate::runtime::run;
use crate::transport::Transport;

mod kept;

/// What a server says of itself (RFC 8414, OpenID Connect), by its issuer, as text: for `SessionConfig.server`. It can be
/// kept. It is asked through `transport`, else as `http` says.
///
/// # Errors
///
/// InvalidConfig, InvalidResponse, Connection, Timeout; Cancelled.
#[uniffi::export(default(http = None, transport = None, cancel = None))]
pub async fn discover(
    issuer: String,
    http: Option<HttpConfig>,
    transport: Option<Arc<dyn Transport>>,
    cancel: Option<Arc<CancelToken>>,
) -> Result<String, RekindleError> {
    let road = road(http, transport)?;
    let work = async move {
        let found = rekindle::sign_in::discover_with(&issuer, &road, &SystemClock).await?;
        Ok(serde_json::to_string(&found).unwrap_or_default())
    };
    unless(cancel, run(work)).await
}

/// An API whose users are to be signed in, and who asks.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ApiRequest {
    /// Its address: `https://mcp.example.com/mcp`.
    pub resource: String,
    /// What users see that they let in.
    pub client_name: String,
    /// Where the browser comes back to; without it, to this machine.
    #[uniffi(default = None)]
    pub redirect_uri: Option<String>,
    /// `scope`; without it, all that the API knows.
    #[uniffi(default = None)]
    pub scope: Option<String>,
    /// The client's id, where it is registered already.
    #[uniffi(default = None)]
    pub client_id: Option<String>,
    /// The file that keeps what was found: another registration would be another client.
    #[uniffi(default = None)]
    pub kept_at: Option<String>,
}

/// Who signs users in for an API, and what this client is called there.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ApiAccess {
    /// What the API calls itself: the `resource` of the sign-in.
    pub resource: String,
    /// Where the token may go.
    pub origin: String,
    /// For `SessionConfig.server`.
    pub server: String,
    /// What to ask for, if that is known.
    pub scope: Option<String>,
    /// The client's id.
    pub client_id: String,
    /// Its secret, if it has one.
    pub client_secret: Option<String>,
    /// How it says who it is.
    pub client_auth: Option<ClientAuth>,
}

/// Finds out who signs users in for an API (RFC 9728), what that server says of itself (RFC 8414), and registers this client
/// there (RFC 7591): what a client does that knows nothing but the API's address, as MCP has it.
///
/// # Errors
///
/// InvalidConfig: an address is neither https nor loopback, the server registers nobody by itself, or `kept_at` is another
/// program's file. InvalidResponse, ClientRejected, Connection, Timeout; Cancelled.
#[uniffi::export(default(http = None, transport = None, cancel = None))]
pub async fn find_api(
    asked: ApiRequest,
    http: Option<HttpConfig>,
    transport: Option<Arc<dyn Transport>>,
    cancel: Option<Arc<CancelToken>>,
) -> Result<ApiAccess, RekindleError> {
    let road = road(http, transport)?;
    unless(cancel, run(async move { found(asked, &road).await })).await
}

async fn found(asked: ApiRequest, road: &Arc<dyn CoreTransport>) -> Result<ApiAccess, RekindleError> {
    let kept = asked.kept_at.as_deref().map(|path| kept::read(path, &asked.resource)).transpose()?.flatten();
    if let Some(found) = kept.filter(|found| asked.client_id.is_some() || found.client.is_some()) {
        return found.access(asked);
    }
    let api = rekindle::sign_in::discover_resource_with(&asked.resource, road, &SystemClock).await?;
    let issuer = api.issuer().map_err(rekindle::Error::from)?;
    let server = rekindle::sign_in::discover_with(issuer, road, &SystemClock).await?;
    let client = match &asked.client_id {
        Some(_) => None,
        None => {
            let back = asked.redirect_uri.as_deref().unwrap_or("http://127.0.0.1/callback");
            let mut wanted = ClientRegistration::new(asked.client_name.clone(), back);
            wanted.scope.clone_from(&asked.scope);
            Some(rekindle::sign_in::register_with(&server, &wanted, road, &SystemClock).await?)
        }
    };
    let scope = Some(api.scopes_supported.join(" ")).filter(|all| !all.is_empty());
    let found = Found { asked: asked.resource.clone(), resource: api.resource, scope, server, client };
    if let Some(path) = &asked.kept_at {
        kept::write(path, &found)?;
    }
    found.access(asked)
}

impl Found {
    fn access(self, asked: ApiRequest) -> Result<ApiAccess, RekindleError> {
        let own = self.client.as_ref().filter(|_| asked.client_id.is_none());
        let auth = own.map(RegisteredClient::client_auth).transpose().map_err(rekindle::Error::from)?;
        let origin = Url::parse(&self.resource).map(|url| url.origin().ascii_serialization());
        Ok(ApiAccess {
            origin: origin.map_err(|_| RekindleError::config("resource", "is no URL"))?,
            server: serde_json::to_string(&self.server).unwrap_or_default(),
            scope: asked.scope.or(self.scope),
            client_secret: own.and_then(|own| own.client_secret.as_ref()).map(|own| own.expose().to_owned()),
            client_auth: auth.map(Into::into),
            client_id: asked.client_id.or(own.map(|own| own.client_id.clone())).unwrap_or_default(),
            resource: self.resource,
        })
    }
}

/// The host's own, or the built-in one as it says.
fn road(
    http: Option<HttpConfig>,
    transport: Option<Arc<dyn Transport>>,
) -> Result<Arc<dyn CoreTransport>, RekindleError> {
    match (http, transport) {
        (Some(http), transport) => http.transport(transport.is_some()),
        (None, Some(transport)) => Ok(Arc::new(ForeignTransport(Hosted(transport)))),
        (None, None) => HttpConfig::usual().transport(false),
    }
}

/// Without the secret.
impl fmt::Debug for ApiAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiAccess")
            .field("resource", &self.resource)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
