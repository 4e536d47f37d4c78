//! For adapters, whose requests other HTTP clients send: what a response says about a token, and what follows.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use rekindle::proto;
use url::Url;

use crate::call::url;
use crate::config::{Header, header_map};
use crate::error::RekindleError;
use crate::token::Token;
use crate::verdict::{Operation, Verdict};

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
    match post.then(|| proto::graphql::detect(&body)).flatten() {
        Some(proto::Operation::GraphqlQuery) => Operation::GraphqlQuery,
        Some(proto::Operation::GraphqlMutation) => Operation::GraphqlMutation,
        Some(proto::Operation::Http) | None => Operation::Http,
    }
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
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| RekindleError::config("method", "not an HTTP method"))?;
        let status = StatusCode::from_u16(self.status)
            .map_err(|_| RekindleError::config("status", "not an HTTP status"))?;
        let headers = header_map(self.headers)
            .map_err(|name| RekindleError::config("headers", format_args!("{name:?} is none")))?;
        let operation = self.operation.into();
        let (url, replayable, body) = (url("url", &self.url)?, self.replayable, self.body);
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
