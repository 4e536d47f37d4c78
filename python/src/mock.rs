//! A transport for unit tests that calls a Python function in place of a server.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pyo3::exceptions::PyConnectionRefusedError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rekindle::transport::{Outgoing, Sent, Transport, TransportError, TransportRequest, TransportResponse};

use crate::attach::{Kept, attached};

/// Takes `(method, url, headers, body)`, returns `(status, headers, body)`.
pub(crate) struct MockTransport(pub(crate) Kept<PyAny>);

/// Status, headers, body.
type Answer = (u16, Vec<(String, String)>, Vec<u8>);

#[async_trait]
impl Transport for MockTransport {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let TransportRequest { method, url, headers, body, .. } = request;
        let body = whole(body).await?;
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let ended = || broken(Sent::No, "the interpreter ends".to_owned());
        let answer = attached(|py| self.0.clone_ref(py)).flatten().map(Kept::new).ok_or_else(ended)?;
        let asked = move || {
            attached(move |py| {
                let body = PyBytes::new(py, &body);
                let Some(answer) = answer.clone_ref(py) else { return Err(ended()) };
                let answered = answer.call1(py, (method.as_str(), url.as_str(), headers, body));
                let answered: PyResult<Answer> = answered.and_then(|answered| answered.extract(py));
                answered.map_err(|error| raised(py, &error))
            })
        };
        match tokio::task::spawn_blocking(asked).await {
            Ok(Some(answered)) => answered.and_then(response),
            _ => Err(ended()),
        }
    }
}

async fn whole(body: Outgoing) -> Result<Vec<u8>, TransportError> {
    match body {
        Outgoing::Empty => Ok(Vec::new()),
        Outgoing::Bytes(bytes) => Ok(bytes.into()),
        Outgoing::Stream(mut pieces, _) => {
            let mut all = Vec::new();
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all)
        }
    }
}

fn response((status, pairs, body): Answer) -> Result<TransportResponse, TransportError> {
    let wrong = |what: &str| broken(Sent::No, format!("the mock's answer has {what}"));
    let status = StatusCode::from_u16(status).map_err(|_| wrong("a status that is none"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(name).map_err(|_| wrong("a header name that is none"))?;
        headers.append(name, HeaderValue::try_from(value).map_err(|_| wrong("a header value that is none"))?);
    }
    let body = Box::pin(stream::iter([Ok(Bytes::from(body))]));
    Ok(TransportResponse::new(status, headers, body))
}

/// With a refused connection nothing was sent; after any other exception the connection broke in the middle.
fn raised(py: Python<'_>, error: &PyErr) -> TransportError {
    let sent = if error.is_instance_of::<PyConnectionRefusedError>(py) { Sent::No } else { Sent::Maybe };
    broken(sent, format!("the mock raised: {}", error.value(py)))
}

fn broken(sent: Sent, message: String) -> TransportError {
    TransportError::new(sent, message)
}
