//! HTTP stacks of the host.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use http::{StatusCode, Version};
use rekindle::transport::{
    ByteStream, Connection, Outgoing, Sent, Transport, TransportError, TransportRequest, TransportResponse,
};

use crate::call;
use crate::host::{Host, Question, Unanswered};

/// One request, as plain data except its body. Debug shows neither query nor headers nor body.
pub struct TransportQuestion {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// All headers except those that the stack sets itself: `Host`, `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Outgoing,
    /// Requires a new connection: some stacks repeat a request that a reused connection lost, and a refresh must not
    /// be sent twice.
    pub fresh_connection: bool,
    /// Whether to send the cookies that the stack stores for the server.
    pub with_cookies: bool,
    /// How long the caller waits for the response and its body; `None`: no limit. The caller stops waiting by itself,
    /// so only stacks with timeouts of their own need this.
    pub timeout: Option<Duration>,
}

/// The result of a request.
pub enum TransportAnswer {
    /// The server responded.
    Response {
        /// The status.
        status: u16,
        /// `HTTP/1.1`, `HTTP/2`, ..; `HTTP/1.1` by default.
        version: Option<String>,
        /// All headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: ByteStream,
    },
    /// The request failed without a response.
    Failed {
        /// Whether the request may have been sent.
        sent: Sent,
        /// Why. The reason appears in errors: put no secrets in it.
        reason: String,
    },
}

/// An HTTP stack of the host, as core's `Transport`.
///
/// ```
/// use rekindle::transport::Sent;
/// use rekindle_bindings::host::{Host, Unanswered};
/// use rekindle_bindings::transport::{ForeignTransport, TransportAnswer, TransportQuestion};
///
/// struct Offline;
///
/// #[async_trait::async_trait]
/// impl Host<TransportQuestion> for Offline {
///     async fn ask(&self, _: TransportQuestion) -> Result<TransportAnswer, Unanswered> {
///         Ok(TransportAnswer::Failed { sent: Sent::No, reason: "there is no network".to_owned() })
///     }
/// }
///
/// rekindle::Session::builder("oauth2")
///     .token_url("https://auth.example.com/token")
///     .transport(ForeignTransport(Offline))
///     .build()?;
/// # Ok::<(), rekindle::Error>(())
/// ```
#[derive(Debug)]
pub struct ForeignTransport<H>(pub H);

impl Question for TransportQuestion {
    type Answer = TransportAnswer;
}

#[async_trait]
impl<H: Host<TransportQuestion>> Transport for ForeignTransport<H> {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        match self.0.ask(request.into()).await {
            Ok(TransportAnswer::Response { status, version, headers, body }) => {
                let status = StatusCode::from_u16(status)
                    .map_err(|_| failed(Sent::Maybe, format!("the transport gave {status} for a status")))?;
                let version = version.map_or(Version::HTTP_11, |name| version_of(&name));
                // Invalid headers are skipped: the rest of the response may contain the new tokens.
                let mut response = TransportResponse::new(status, call::lenient_header_map(headers), body);
                response.version = version;
                Ok(response)
            }
            Ok(TransportAnswer::Failed { sent, reason }) => Err(failed(sent, reason)),
            Err(Unanswered::NotAsked(reason)) => Err(failed(Sent::No, reason)),
            Err(Unanswered::Lost(reason)) => Err(failed(Sent::Maybe, reason)),
        }
    }
}

impl From<TransportRequest> for TransportQuestion {
    fn from(request: TransportRequest) -> Self {
        Self {
            method: request.method.as_str().to_owned(),
            url: request.url.to_string(),
            headers: call::headers(&request.headers),
            body: request.body,
            fresh_connection: request.connection == Connection::Fresh,
            with_cookies: request.with_cookies,
            timeout: request.timeout,
        }
    }
}

/// A body that the host has read completely.
///
/// ```
/// let _: rekindle::transport::ByteStream = rekindle_bindings::transport::whole(b"{}".to_vec());
/// ```
#[must_use]
pub fn whole(bytes: Vec<u8>) -> ByteStream {
    let some = (!bytes.is_empty()).then(|| Ok(bytes.into()));
    Box::pin(stream::iter(some))
}

/// Reads a request's body completely, for hosts that cannot stream.
///
/// ```
/// # async fn f() -> Result<(), rekindle::transport::TransportError> {
/// use rekindle::transport::Outgoing;
///
/// assert_eq!(rekindle_bindings::transport::read_whole(Outgoing::Empty).await?, "");
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// The body cannot be read completely: nothing may be sent.
pub async fn read_whole(body: Outgoing) -> Result<Bytes, TransportError> {
    Ok(match body {
        Outgoing::Empty => Bytes::new(),
        Outgoing::Bytes(bytes) => bytes,
        Outgoing::Stream(stream, ..) => stream.try_collect::<Vec<Bytes>>().await?.concat().into(),
    })
}

fn failed(sent: Sent, message: String) -> TransportError {
    TransportError::new(sent, message)
}

fn version_of(name: &str) -> Version {
    match name.to_ascii_lowercase().as_str() {
        "http/1.0" => Version::HTTP_10,
        "http/2" | "http/2.0" | "h2" => Version::HTTP_2,
        "http/3" | "http/3.0" | "h3" => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

impl fmt::Debug for TransportQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportRequest")
            .field("method", &self.method)
            .field("url", &self.url.split(['?', '#']).next())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TransportAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response { status, .. } => write!(f, "Response({status})"),
            Self::Failed { sent, reason } => write!(f, "Failed({sent:?}, {reason})"),
        }
    }
}
