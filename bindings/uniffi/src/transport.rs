//! HTTP stacks of the host's: its proxies, its pins, its certificates.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use http::{StatusCode, Version};
use rekindle::transport::{self as core, ByteStream, Connection, Outgoing, Sent, TransportError};
use rekindle_bindings::call::{header_map, headers};

use crate::body::{BodySource, OutgoingBody, incoming};
use crate::records::Header;

/// The host's HTTP stack. It sends one request and gives one answer: no redirects, no retries, no cookies, no
/// authentication of its own, and no timeout but for making a connection.
#[uniffi::export(foreign)]
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends it. A send that is given up is cancelled.
    ///
    /// # Errors
    ///
    /// Whether anything may have left.
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportFailure>;
}

/// One request.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct TransportRequest {
    /// `GET` and so on.
    pub method: String,
    /// Where it goes.
    pub url: String,
    /// All of them but for those that the stack makes: `Host`, `Content-Length`.
    pub headers: Vec<Header>,
    /// Its body, if it is short enough to be at hand.
    pub body: Option<Vec<u8>>,
    /// Else its body, as it is read.
    pub stream: Option<Arc<OutgoingBody>>,
    /// Wants a connection that nobody used before: a refresh must not be sent twice by a stack that repeats what a
    /// reused connection swallowed.
    pub fresh_connection: bool,
}

/// One answer.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct TransportResponse {
    /// The status.
    pub status: u16,
    /// `HTTP/1.1`, `HTTP/2`, ..; 1.1 if it is left out.
    #[uniffi(default = None)]
    pub version: Option<String>,
    /// All of them; those of a body that the stack has decoded without `Content-Encoding` and `Content-Length`.
    pub headers: Vec<Header>,
    /// The body, if it has been read.
    #[uniffi(default = None)]
    pub body: Option<Vec<u8>>,
    /// Else where it comes from.
    #[uniffi(default = None)]
    pub stream: Option<Arc<dyn BodySource>>,
}

/// There is no answer.
#[derive(Debug, uniffi::Error)]
pub enum TransportFailure {
    /// Nothing was sent: no connection, no name.
    NotSent {
        /// Why. It goes into errors: no secrets.
        reason: String,
    },
    /// It may have been sent.
    MaybeSent {
        /// Why. It goes into errors: no secrets.
        reason: String,
    },
}

pub(crate) struct HostTransport(pub(crate) Arc<dyn Transport>);

#[async_trait]
impl core::Transport for HostTransport {
    async fn send(&self, request: core::TransportRequest) -> Result<core::TransportResponse, TransportError> {
        answered(self.0.send(outgoing(request)).await?)
    }
}

fn outgoing(request: core::TransportRequest) -> TransportRequest {
    let (body, stream) = match request.body {
        Outgoing::Empty => (None, None),
        Outgoing::Bytes(bytes) => (Some(bytes.to_vec()), None),
        Outgoing::Stream(stream, length) => (None, Some(Arc::new(OutgoingBody::new(stream, length)))),
    };
    TransportRequest {
        method: request.method.as_str().to_owned(),
        url: request.url.to_string(),
        headers: headers(&request.headers).into_iter().map(Header::from).collect(),
        body,
        stream,
        fresh_connection: request.connection == Connection::Fresh,
    }
}

fn answered(response: TransportResponse) -> Result<core::TransportResponse, TransportError> {
    // First of all: whatever else is wrong, it is let go.
    let body = response.stream.map(incoming);
    let nonsense = |what: String| TransportError::new(Sent::Maybe, format!("the transport gave {what}"));
    let status = StatusCode::from_u16(response.status)
        .map_err(|_| nonsense(format!("{} for a status", response.status)))?;
    let headers = header_map(response.headers.into_iter().map(Into::into))
        .map_err(|name| nonsense(format!("an invalid header: {name:?}")))?;
    let body = body.unwrap_or_else(|| whole(response.body.unwrap_or_default()));
    let mut answer = core::TransportResponse::new(status, headers, body);
    answer.version = version(response.version.as_deref());
    Ok(answer)
}

fn whole(bytes: Vec<u8>) -> ByteStream {
    let some = (!bytes.is_empty()).then(|| Ok(bytes.into()));
    Box::pin(stream::iter(some))
}

fn version(name: Option<&str>) -> Version {
    match name.unwrap_or_default().to_ascii_lowercase().as_str() {
        "http/1.0" => Version::HTTP_10,
        "http/2" | "http/2.0" | "h2" => Version::HTTP_2,
        "http/3" | "http/3.0" | "h3" => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

impl From<TransportFailure> for TransportError {
    fn from(failure: TransportFailure) -> Self {
        let (sent, message) = match failure {
            TransportFailure::NotSent { reason } => (Sent::No, reason),
            TransportFailure::MaybeSent { reason } => (Sent::Maybe, reason),
        };
        Self::new(sent, message)
    }
}

impl fmt::Display for TransportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotSent { reason } | Self::MaybeSent { reason }) = self;
        f.write_str(reason)
    }
}

impl std::error::Error for TransportFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for TransportFailure {
    /// Its text could quote the request.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::MaybeSent { reason: "the transport threw an undeclared exception".to_owned() }
    }
}

impl fmt::Debug for TransportRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Query and body may hold live tokens.
        let place = self.url.split(['?', '#']).next();
        f.debug_struct("TransportRequest")
            .field("method", &self.method)
            .field("url", &place)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TransportResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
