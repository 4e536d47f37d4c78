//! How requests are sent. The session and the client use only this trait, not its implementations.

#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "a host's own stack decodes what is labelled"))]
pub(crate) mod coding;
#[cfg(feature = "http")]
mod concurrency;
#[cfg(feature = "http")]
pub(crate) mod connecting;
#[cfg(feature = "http")]
mod failure;
#[cfg(feature = "http")]
mod options;
pub(crate) mod progress;
#[cfg(feature = "http")]
pub(crate) mod proxies;
#[cfg(feature = "http")]
mod reqwest;
#[cfg(feature = "http")]
mod tls;
#[cfg(feature = "http")]
mod upload;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, Method, StatusCode, Version};
use rekindle_proto::{ErrorKind, Failure};
use url::Url;

use self::progress::Progress;

#[cfg(feature = "http")]
use crate::fork::PerProcess;
#[cfg(feature = "http")]
use crate::lock::Mutex;

#[cfg(feature = "http")]
pub use self::options::{ClientCertificate, ProxyChoice, TransportOptions};
#[cfg(feature = "http")]
pub use self::reqwest::ReqwestTransport;
pub use crate::error::BoxError;
use crate::error::Error;

/// A body as a stream of chunks.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// Which connection a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// A pooled connection, if there is one.
    #[default]
    Pooled,
    /// A new connection: for token requests, where it must be known whether they were sent (spec 5.6).
    Fresh,
}

/// The body of a request.
#[derive(Default)]
pub enum Outgoing {
    /// No body.
    #[default]
    Empty,
    /// A complete body.
    Bytes(Bytes),
    /// A stream, with its length if known.
    Stream(ByteStream, Option<u64>),
}

/// A request for a single hop: no redirects and no retries (spec 5.6, 9.2).
#[non_exhaustive]
pub struct TransportRequest {
    /// The method.
    pub method: Method,
    /// The URL, http or https.
    pub url: Url,
    /// All headers except those that the body and the connection need.
    pub headers: HeaderMap,
    /// The body.
    pub body: Outgoing,
    /// Which connection it may use.
    pub connection: Connection,
    /// How long the caller waits for the response and its body; `None` means no limit. The caller enforces this by
    /// dropping the future, so a transport needs it only to pass it to an HTTP stack that has its own deadlines.
    pub timeout: Option<Duration>,
    /// Whether to send the cookies that this HTTP stack stores for the server, because one of them is the refresh
    /// credential (a dialect with `credential = "cookie"`). All other requests carry everything they need.
    pub with_cookies: bool,
    /// The connect timeout, if the request has its own.
    pub connect_timeout: Option<Duration>,
    /// Reported by the built-in transport when it connects.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "a host's own stack does not tell"))]
    pub(crate) progress: Option<Progress>,
}

impl TransportRequest {
    /// A request without headers or body, over a pooled connection, without a time limit.
    ///
    /// ```
    /// use http::Method;
    /// use rekindle::transport::{Connection, Outgoing, TransportRequest};
    ///
    /// let url = "https://api.example.com/data".parse().expect("a URL");
    /// let mut request = TransportRequest::new(Method::POST, url);
    /// request.body = Outgoing::Bytes("{}".into());
    /// assert_eq!((request.connection, request.timeout), (Connection::Pooled, None));
    /// ```
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Outgoing::Empty,
            connection: Connection::Pooled,
            timeout: None,
            with_cookies: false,
            connect_timeout: None,
            progress: None,
        }
    }
}

/// The head of a response, and its body as a stream, after content decoding.
#[non_exhaustive]
pub struct TransportResponse {
    /// The status.
    pub status: StatusCode,
    /// The protocol version.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: ByteStream,
}

impl TransportResponse {
    /// An HTTP/1.1 response whose body is read as a stream.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode, Version};
    /// use rekindle::transport::{ByteStream, TransportResponse};
    ///
    /// # fn f(body: ByteStream) {
    /// let mut response = TransportResponse::new(StatusCode::OK, HeaderMap::new(), body);
    /// response.version = Version::HTTP_2;
    /// # }
    /// ```
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, body: ByteStream) -> Self {
        Self { status, version: Version::HTTP_11, headers, body }
    }

    /// An HTTP/1.1 response with a complete body.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use rekindle::transport::TransportResponse;
    ///
    /// let response = TransportResponse::whole(StatusCode::OK, HeaderMap::new(), r#"{"id": 1}"#);
    /// assert_eq!(response.status, 200);
    /// ```
    #[must_use]
    pub fn whole(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        let body = std::future::ready(Ok(body.into()));
        Self::new(status, headers, Box::pin(futures_util::stream::once(body)))
    }
}

/// Whether a failed request may have reached the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Certainly not: name resolution, connecting or TLS failed.
    No,
    /// Perhaps.
    Maybe,
}

/// A request without a response, or a body that broke off.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransportError {
    /// Whether the request may have reached the peer.
    pub sent: Sent,
    /// The reason, without the URL's query and without headers.
    pub message: String,
    /// The cause.
    pub source: Option<BoxError>,
    /// Whether the only reason was a timeout.
    pub timed_out: bool,
}

impl TransportError {
    /// Creates an error. The message is logged: it must contain neither headers nor the URL's query.
    ///
    /// ```
    /// use rekindle::transport::{Sent, TransportError};
    ///
    /// let cause = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// let error = TransportError::new(Sent::No, "cannot connect to api.example.com").with_source(cause);
    /// assert_eq!(error.sent, Sent::No);
    /// ```
    #[must_use]
    pub fn new(sent: Sent, message: impl Into<String>) -> Self {
        Self { sent, message: message.into(), source: None, timed_out: false }
    }

    /// The same error, with its cause.
    ///
    /// ```
    /// # use rekindle::transport::{Sent, TransportError};
    /// let cause = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    /// let error = TransportError::new(Sent::Maybe, "the connection broke").with_source(cause);
    /// assert!(error.source.is_some());
    /// ```
    #[must_use]
    pub fn with_source(mut self, cause: impl Into<BoxError>) -> Self {
        self.source = Some(cause.into());
        self
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

impl From<TransportError> for Error {
    fn from(cause: TransportError) -> Self {
        if cause.timed_out {
            let message = format!("{}; try again, or allow more time (read_timeout)", cause.message);
            return Self::new(ErrorKind::Timeout, message).with_source(cause);
        }
        let message = format!("{}; check the address and the network, then try again", cause.message);
        Self::new(ErrorKind::Connection, message).with_source(cause)
    }
}

/// The default transport of the process.
#[cfg(feature = "http")]
pub(crate) fn built_in() -> Result<Arc<dyn Transport>, Failure> {
    // A forked child continues to use the object, which has separate connections for each process.
    static BUILT_IN: PerProcess<Mutex<Option<Arc<dyn Transport>>>> = PerProcess::new();
    let inherit = |old: &Mutex<Option<Arc<dyn Transport>>>| old.try_lock().and_then(|old| old.clone());
    let known = BUILT_IN.get_checked(|old| Mutex::new(old.and_then(inherit)));
    let mut known = known.lock();
    if let Some(transport) = &*known {
        return Ok(transport.clone());
    }
    let made = ReqwestTransport::new(TransportOptions::default());
    let made: Arc<dyn Transport> = Arc::new(made.map_err(|error| error.failure().clone())?);
    Ok(known.insert(made).clone())
}

#[cfg(not(feature = "http"))]
pub(crate) fn built_in() -> Result<Arc<dyn Transport>, Failure> {
    let message = "transport is missing: this build has no built-in HTTP client (feature `http`)";
    Err(Failure::new(ErrorKind::InvalidConfig, message))
}

/// Sends one request over one hop.
///
/// Dropping the future may abort the request. The caller enforces [`TransportRequest::timeout`].
///
/// An `Arc` of a transport is a transport, so one can be shared: `builder.transport(shared.clone())`.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends the request; the response's body may still be arriving.
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError>;

    /// Whether the transport stores cookies, for a refresh whose credential is a cookie
    /// ([`TransportRequest::with_cookies`]). If this returns false, such a session fails with an error that says so.
    /// The built-in transport returns false.
    fn keeps_cookies(&self) -> bool {
        true
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    // Not written as `async fn`, which would box the future again in each layer.
    fn send<'s, 'f>(
        &'s self,
        request: TransportRequest,
    ) -> Pin<Box<dyn Future<Output = Result<TransportResponse, TransportError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        (**self).send(request)
    }

    fn keeps_cookies(&self) -> bool {
        (**self).keeps_cookies()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_error_keeps_its_cause_and_says_what_to_do() {
        let cause = TransportError::new(Sent::No, "no route");
        let error = Error::from(cause);
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.to_string().contains("then try again"), "{error}");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no route"));
    }
}
