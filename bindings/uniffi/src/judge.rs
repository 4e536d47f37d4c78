//! For adapters, whose requests other HTTP clients send: what a response says about a token, and what follows.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use rekindle::proto;
use rekindle_bindings::call;
use url::Url;

use crate::error::RekindleError;
use crate::records::{Header, Operation, Verdict};
use crate::token::Token;

/// A request and its response, as far as a dialect needs them to judge.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Exchange {
    /// `GET` and so on.
    pub method: String,
    /// The URL that answered.
    pub url: String,
    /// What the request does: see `operation_of`.
    pub operation: Operation,
    /// Whether the request's body can be sent a second time.
    pub replayable: bool,
    /// The response's status.
    pub status: u16,
    /// The response's headers.
    pub headers: Vec<Header>,
    /// As much of the response's body as has been read, decoded. May be empty.
    pub body: Vec<u8>,
}

/// What follows from a response.
#[derive(uniffi::Enum)]
pub enum Judgement {
    /// It is the answer.
    Keep {
        /// What it says about the token.
        verdict: Verdict,
        /// Why the request is not sent again although its token was turned away.
        replay_refused: Option<String>,
    },
    /// Send the request again with this token, and call `replayed`.
    Replay {
        /// The token.
        token: Arc<Token>,
        /// What was said about the old one.
        verdict: Verdict,
    },
}

/// What a request's body does, if it is GraphQL. A POST is meant; other methods are `Http`.
#[uniffi::export]
#[must_use]
pub fn operation_of(method: String, body: Vec<u8>) -> Operation {
    let post = method.eq_ignore_ascii_case("POST");
    post.then(|| proto::graphql::detect(&body)).flatten().unwrap_or_default()
}

/// An exchange that makes sense.
pub(crate) struct Parsed {
    method: Method,
    pub(crate) url: Url,
    operation: proto::Operation,
    replayable: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Exchange {
    pub(crate) fn parsed(self) -> Result<Parsed, RekindleError> {
        let (method, status) = (call::method(&self.method)?, call::status(self.status)?);
        let headers = call::header_map(self.headers.into_iter().map(Into::into))
            .map_err(|name| RekindleError::config("headers", format_args!("{name:?} is none")))?;
        let (operation, replayable, body) = (self.operation, self.replayable, self.body);
        let url = call::url("url", &self.url)?;
        Ok(Parsed { method, url, operation, replayable, status, headers, body })
    }
}

impl Parsed {
    pub(crate) fn exchange(&self) -> proto::Exchange<'_> {
        proto::Exchange {
            method: &self.method,
            url: &self.url,
            operation: self.operation,
            replayable: self.replayable,
            status: self.status,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

impl From<rekindle::Judgement> for Judgement {
    fn from(judgement: rekindle::Judgement) -> Self {
        match judgement {
            rekindle::Judgement::Keep { verdict, replay_refused } => Self::Keep {
                verdict: (&verdict).into(),
                replay_refused: replay_refused.map(|reason| reason.name().to_owned()),
            },
            rekindle::Judgement::Replay { token, verdict } => {
                Self::Replay { token: Arc::new(Token::new(&token)), verdict: (&verdict).into() }
            }
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Query, headers and body may hold live tokens.
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("url", &self.url.split(['?', '#']).next())
            .field("operation", &self.operation)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
