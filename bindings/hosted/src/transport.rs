//! Token requests, as the host sends them.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::StatusCode;
use rekindle::transport::{Outgoing, Sent, Transport, TransportError, TransportRequest, TransportResponse};
use rekindle_bindings::call::{headers, lenient_header_map};
use serde_json::{Value, json};

use crate::outbox::SharedOutbox;
use crate::response::Answer;

pub(crate) struct HostTransport {
    pub(crate) session: u32,
    pub(crate) outbox: SharedOutbox,
}

#[async_trait]
impl Transport for HostTransport {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let body = match request.body {
            Outgoing::Empty => Bytes::new(),
            Outgoing::Bytes(bytes) => bytes,
            Outgoing::Stream(stream, ..) => stream.try_collect::<Vec<Bytes>>().await?.concat().into(),
        };
        let answer = self.outbox.ask(json!({
            "effect": "send",
            "session": self.session,
            "method": request.method.as_str(),
            "url": request.url.as_str(),
            "headers": headers(&request.headers),
            "body": String::from_utf8_lossy(&body),
            "timeout_ms": request.timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok()),
        }));
        let answer = answer.await.ok_or_else(|| failed(Sent::Maybe, "the host has ended"))?;
        if let Some(message) = answer["error"].as_str() {
            let sent = if answer["sent"] == false { Sent::No } else { Sent::Maybe };
            return Err(failed(sent, message));
        }
        response(answer).ok_or_else(|| failed(Sent::Maybe, "the host's answer to `send` is invalid"))
    }
}

fn response(answer: Value) -> Option<TransportResponse> {
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let body = match answer.body_base64 {
        Some(text) => STANDARD.decode(text).ok()?,
        None => answer.body.into_bytes(),
    };
    let status = StatusCode::from_u16(answer.status).ok()?;
    Some(TransportResponse::whole(status, lenient_header_map(answer.headers), body))
}

fn failed(sent: Sent, message: &str) -> TransportError {
    TransportError::new(sent, message)
}
