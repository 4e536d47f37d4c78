//! HTTP stacks of the host's: its proxies, its pins, its certificates.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rekindle::transport::{Outgoing, Sent};
use rekindle_bindings::host::{Host, Unanswered};
use rekindle_bindings::transport::{TransportAnswer, TransportQuestion, whole};

use crate::body::{BodySource, OutgoingBody, incoming};
use crate::host::Hosted;
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
    /// How long the caller waits for the response and its body; nothing: without a limit. The caller gives up by itself
    /// then, so this is for stacks that have deadlines of their own.
    pub timeout: Option<Duration>,
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

#[async_trait]
impl Host<TransportQuestion> for Hosted<dyn Transport> {
    async fn ask(&self, question: TransportQuestion) -> Result<TransportAnswer, Unanswered> {
        Ok(match self.0.send(question.into()).await {
            Ok(response) => response.into(),
            Err(TransportFailure::NotSent { reason }) => TransportAnswer::Failed { sent: Sent::No, reason },
            Err(TransportFailure::MaybeSent { reason }) => {
                TransportAnswer::Failed { sent: Sent::Maybe, reason }
            }
        })
    }
}

impl From<TransportQuestion> for TransportRequest {
    fn from(question: TransportQuestion) -> Self {
        let TransportQuestion { method, url, headers, body, fresh_connection, timeout, .. } = question;
        let (body, stream) = match body {
            Outgoing::Empty => (None, None),
            Outgoing::Bytes(bytes) => (Some(bytes.to_vec()), None),
            Outgoing::Stream(stream, length) => (None, Some(Arc::new(OutgoingBody::new(stream, length)))),
        };
        let headers = headers.into_iter().map(Header::from).collect();
        Self { method, url, headers, body, stream, fresh_connection, timeout }
    }
}

impl From<TransportResponse> for TransportAnswer {
    fn from(response: TransportResponse) -> Self {
        let TransportResponse { status, version, headers, body, stream } = response;
        let headers = headers.into_iter().map(Into::into).collect();
        let body = stream.map_or_else(|| whole(body.unwrap_or_default()), incoming);
        Self::Response { status, version, headers, body }
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
