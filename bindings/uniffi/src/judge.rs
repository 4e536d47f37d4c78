//! For adapters, whose requests other HTTP clients send: what a response says about a token, and what follows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle::proto;
use url::Url;

use crate::config::{Header, header_map};
use crate::error::RekindleError;
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

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Operation {
    /// Not GraphQL: the method decides.
    Http,
    /// A GraphQL query: may be sent again.
    GraphqlQuery,
    /// A GraphQL mutation.
    GraphqlMutation,
}

/// What a response says about the token.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Verdict {
    /// Nothing against it.
    Accepted,
    /// It is not accepted any more.
    Expired {
        /// Why.
        reason: ExpiredReason,
        /// Whether the request may have had an effect.
        applied: Applied,
    },
    /// It lacks a scope.
    InsufficientScope {
        /// The scope, if the server names it.
        scope: Option<String>,
    },
    /// The user must sign in again, more strongly.
    StepUp {
        /// `acr_values`.
        acr_values: Option<String>,
        /// `max_age`, in seconds.
        max_age: Option<u64>,
        /// `claims`, as sent.
        claims: Option<String>,
    },
    /// The proof of possession must carry this nonce.
    NonceRequired {
        /// The nonce.
        nonce: Option<String>,
    },
    /// Too many requests.
    RateLimited {
        /// When to come back, if the server says so.
        after: Option<Duration>,
    },
    /// Not able to answer now.
    Unavailable {
        /// When to come back, if the server says so.
        after: Option<Duration>,
    },
    /// Turned away for good: a refresh cannot help.
    Denied,
}

/// Why an access token was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ExpiredReason {
    /// It ended.
    Expired,
    /// The server does not know it.
    Invalid,
    /// Somebody ended it.
    Revoked,
    /// The server does not tell.
    Unknown,
}

/// Whether a request that was turned away may have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Applied {
    /// Certainly not.
    No,
    /// Perhaps.
    Maybe,
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

/// Whether a header of a request's own may go along where a redirect leaves the origin: it is known to carry no credential.
#[uniffi::export]
#[must_use]
pub fn may_travel(name: String) -> bool {
    let plain = HeaderValue::from_static("");
    HeaderName::try_from(name).is_ok_and(|name| rekindle::call::may_travel(&name, &plain))
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
        let operation = match self.operation {
            Operation::Http => proto::Operation::Http,
            Operation::GraphqlQuery => proto::Operation::GraphqlQuery,
            Operation::GraphqlMutation => proto::Operation::GraphqlMutation,
        };
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

pub(crate) fn url(argument: &str, text: &str) -> Result<Url, RekindleError> {
    Url::parse(text).map_err(|cause| RekindleError::config(argument, format_args!("not a URL: {cause}")))
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

impl From<&proto::Verdict> for Verdict {
    fn from(verdict: &proto::Verdict) -> Self {
        match verdict {
            proto::Verdict::Accepted => Self::Accepted,
            proto::Verdict::Expired { reason, applied } => {
                Self::Expired { reason: (*reason).into(), applied: (*applied).into() }
            }
            proto::Verdict::InsufficientScope { scope } => Self::InsufficientScope { scope: scope.clone() },
            proto::Verdict::StepUp(wanted) => Self::StepUp {
                acr_values: wanted.acr_values.clone(),
                max_age: wanted.max_age,
                claims: wanted.claims.clone(),
            },
            proto::Verdict::NonceRequired(nonce) => Self::NonceRequired { nonce: nonce.clone() },
            proto::Verdict::RateLimited { after } => Self::RateLimited { after: *after },
            proto::Verdict::Unavailable { after } => Self::Unavailable { after: *after },
            proto::Verdict::Denied => Self::Denied,
        }
    }
}

impl From<proto::ExpiredReason> for ExpiredReason {
    fn from(reason: proto::ExpiredReason) -> Self {
        match reason {
            proto::ExpiredReason::Expired => Self::Expired,
            proto::ExpiredReason::Invalid => Self::Invalid,
            proto::ExpiredReason::Revoked => Self::Revoked,
            proto::ExpiredReason::Unknown => Self::Unknown,
        }
    }
}

impl From<proto::Applied> for Applied {
    fn from(applied: proto::Applied) -> Self {
        match applied {
            proto::Applied::No => Self::No,
            proto::Applied::Maybe => Self::Maybe,
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
