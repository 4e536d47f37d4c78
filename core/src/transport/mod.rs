//! How bytes travel. The session and the client know this trait and none of its implementations.

#[cfg(feature = "http")]
mod failure;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "a host's own stack decodes what is labelled"))]
pub(crate) mod gzip;
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

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, Method, StatusCode, Version};
use rekindle_proto::{ErrorKind, Failure};
use url::Url;

#[cfg(feature = "http")]
use crate::fork::PerProcess;
#[cfg(feature = "http")]
use crate::lock::Mutex;

#[cfg(feature = "http")]
pub use self::reqwest::{ClientCertificate, ProxyChoice, ReqwestTransport, TransportOptions};
pub use crate::error::BoxError;
use crate::error::Error;

/// A body as it passes.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// Which connection a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// A pooled one, if there is one.
    #[default]
    Pooled,
    /// A new one: token requests, whose fate must be known (spec 5.6).
    Fresh,
}

/// The body of a request.
#[derive(Default)]
pub enum Outgoing {
    /// None.
    #[default]
    Empty,
    /// All of it.
    Bytes(Bytes),
    /// As it comes, with its length if that is known.
    Stream(ByteStream, Option<u64>),
}

/// One hop: no redirects, no retries, no timeouts of its own (spec 5.6, 9.2).
pub struct TransportRequest {
    /// The method.
    pub method: Method,
    /// The URL, http or https.
    pub url: Url,
    /// All headers but those that the body and the connection need.
    pub headers: HeaderMap,
    /// The body.
    pub body: Outgoing,
    /// Which connection it may use.
    pub connection: Connection,
}

/// The head of a response, and its body as it comes, content decoding undone.
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

/// Whether any of a failed request may have reached the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Certainly not: no name, no connection, no TLS.
    No,
    /// Perhaps.
    Maybe,
}

/// A request that got no response, or a body that broke.
#[derive(Debug)]
pub struct TransportError {
    /// Whether it may have reached the peer.
    pub sent: Sent,
    /// What went wrong, without the URL's query and without headers.
    pub message: String,
    /// The cause.
    pub source: Option<BoxError>,
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
        let message = format!("{}; check the address and the network, then try again", cause.message);
        Self::new(ErrorKind::Connection, message).with_source(cause)
    }
}

/// What everybody uses who brings none: one for the process.
#[cfg(feature = "http")]
pub(crate) fn built_in() -> Result<Arc<dyn Transport>, Failure> {
    // A forked child goes on with the object: it has connections of its own for each process.
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
/// Dropping the future may abort the request. Deadlines are the caller's.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends the request; the response's body may still be under way.
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_error_keeps_its_cause_and_says_what_to_do() {
        let cause = TransportError { sent: Sent::No, message: "no route".into(), source: None };
        let error = Error::from(cause);
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.to_string().contains("then try again"), "{error}");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no route"));
    }
}
