//! An HTTP client whose session stays alive.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rekindle::client::RequestBuilder;
use rekindle_bindings::call;
use rekindle_bindings::transport::ForeignTransport;

use crate::body::RequestBody;
use crate::cancel::{CancelToken, unless};
use crate::config::ClientConfig;
use crate::error::RekindleError;
use crate::host::Hosted;
use crate::records::Header;
use crate::response::{Answer, Response};
use crate::runtime;
use crate::session::Session;
use crate::transport::Transport;

/// Sends requests with the session's token where it belongs, and sends again what was turned away for an old one.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Client(rekindle::Client);

/// One request.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Request {
    /// `GET` and so on.
    pub method: String,
    /// Below the base URL, or whole.
    pub url: String,
    /// Added to the URL's query, encoded.
    #[uniffi(default = [])]
    pub query: Vec<Header>,
    /// Beside the client's own.
    #[uniffi(default = [])]
    pub headers: Vec<Header>,
    /// Its body.
    pub body: RequestBody,
    /// Instead of the client's.
    #[uniffi(default = None)]
    pub timeout: Option<Duration>,
    /// Lets a request that is not idempotent be sent again: the server sees by it that it is the same.
    #[uniffi(default = None)]
    pub idempotency_key: Option<String>,
    /// Whether redirects are followed.
    #[uniffi(default = true)]
    pub follow_redirects: bool,
    /// Whether the body comes as it is read; else it is read whole first.
    #[uniffi(default = false)]
    pub streamed: bool,
}

#[uniffi::export]
impl Client {
    /// Makes it. Without a `transport` of the host's, requests go the session's way.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the setting.
    #[uniffi::constructor(default(transport = None))]
    pub fn new(
        session: Arc<Session>,
        config: ClientConfig,
        transport: Option<Arc<dyn Transport>>,
    ) -> Result<Self, RekindleError> {
        let mut builder = rekindle::Client::builder(session.inner().clone());
        if let Some(http) = config.http.clone() {
            builder = builder.transport(http.transport(transport.is_some())?);
        }
        if let Some(transport) = transport {
            builder = builder.transport(ForeignTransport(Hosted(transport)));
        }
        Ok(Self(config.plain().apply(builder)?.build()?))
    }

    /// Sends it. The body is read whole unless it was asked for as a stream.
    ///
    /// # Errors
    ///
    /// All kinds; the status of the answer is none. Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn request(
        &self,
        request: Request,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<Answer, RekindleError> {
        let streamed = request.streamed;
        let request = self.prepared(request)?;
        let work = runtime::run(async move {
            let response = match request.send().await {
                Ok(response) => Response::new(response),
                Err(error) => return Err(RekindleError::of(error).await),
            };
            if !streamed {
                response.read_whole().await?;
            }
            Ok(response.into())
        });
        unless(cancel, work).await
    }

    /// The data of a GraphQL answer, as JSON. `variables` are JSON too: an object.
    ///
    /// # Errors
    ///
    /// GraphQL where the answer holds errors; all other kinds. Cancelled.
    #[uniffi::method(default(variables = None, cancel = None))]
    pub async fn graphql(
        &self,
        query: String,
        variables: Option<String>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<String, RekindleError> {
        let variables: serde_json::Value = serde_json::from_str(variables.as_deref().unwrap_or("{}"))
            .map_err(|_| RekindleError::config("variables", "not JSON"))?;
        let client = self.0.clone();
        let work = runtime::run(async move {
            match client.graphql::<Box<serde_json::value::RawValue>>(&query, variables).await {
                Ok(data) => Ok(data.get().to_owned()),
                Err(error) => Err(RekindleError::of(error).await),
            }
        });
        unless(cancel, work).await
    }
}

impl Client {
    fn prepared(&self, request: Request) -> Result<RequestBuilder, RekindleError> {
        let method = call::method(&request.method)?;
        let mut builder = self.0.request(method, &request.url).follow_redirects(request.follow_redirects);
        if !request.query.is_empty() {
            let pairs: Vec<_> = request.query.iter().map(|one| (&one.name, &one.value)).collect();
            builder = builder.query(&pairs);
        }
        builder = request
            .headers
            .into_iter()
            .fold(builder, |builder, Header { name, value }| builder.header(name, value));
        if let Some(timeout) = request.timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(key) = &request.idempotency_key {
            builder = builder.idempotency_key(key);
        }
        if request.streamed {
            builder = builder.streamed();
        }
        request.body.put(builder)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Query and body may hold live tokens.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.split(['?', '#']).next())
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
