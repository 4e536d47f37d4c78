//! The interface between dialects and the machine: the meaning of an API response for the token ([`Verdict`]), and
//! the outcome of a refresh at the token endpoint ([`Outcome`]).

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::credential::{Secret, TokenResponse};
use crate::error::Cause;

/// The kind of operation that a request performs, as far as the caller knows (spec 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Not GraphQL: the method decides.
    #[default]
    Http,
    /// A GraphQL query, or a batch that contains only queries: may be sent again.
    GraphqlQuery,
    /// A GraphQL mutation or an unreadable document: sent again only if the response has no `data`.
    GraphqlMutation,
}

/// The parts of a request and its response that a dialect needs to judge them (spec 2).
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The URL of the hop that answered.
    pub url: &'a Url,
    /// The kind of operation.
    pub operation: Operation,
    /// Whether the request's body can be sent a second time (spec 3.4).
    pub replayable: bool,
    /// The response's status.
    pub status: StatusCode,
    /// The response's headers.
    pub headers: &'a HeaderMap,
    /// The part of the response body read so far, after content decoding. May be empty.
    pub body: &'a [u8],
}

impl std::fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers, query and body may hold live tokens (spec 9.3).
        f.debug_struct("Exchange")
            .field("method", self.method)
            .field("host", &self.url.host_str())
            .field("operation", &self.operation)
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why an access token was rejected (spec 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiredReason {
    /// The server reports that the token has expired.
    Expired,
    /// The token is malformed or unknown to the server.
    Invalid,
    /// The token was revoked.
    Revoked,
    /// The server does not say.
    #[default]
    Unknown,
}

/// Whether a rejected request may have had an effect (spec 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Certainly not: any method may be sent again.
    No,
    /// Perhaps: only idempotent methods and queries are sent again.
    Maybe,
}

/// The parameters that a step-up sign-in must request (RFC 9470).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// `max_age`, in seconds.
    pub max_age: Option<u64>,
    /// `claims`, as sent.
    pub claims: Option<String>,
}

/// The meaning of an API response for the token (spec 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The token was not rejected.
    Accepted,
    /// The token is no longer accepted; a refresh is tried.
    Expired {
        /// Why, as far as the server says.
        reason: ExpiredReason,
        /// Whether the request may have had an effect.
        applied: Applied,
    },
    /// The token is fine, but it lacks a scope.
    InsufficientScope {
        /// The required scope, if the server names it.
        scope: Option<String>,
    },
    /// The user must sign in again with stronger authentication.
    StepUp(StepUp),
    /// The proof of possession must carry this nonce (RFC 9449 section 9).
    NonceRequired(Option<String>),
    /// Too many requests.
    RateLimited {
        /// How long to wait before trying again, if the server says so.
        after: Option<Duration>,
    },
    /// The server is temporarily unavailable.
    Unavailable {
        /// How long to wait before trying again, if the server says so.
        after: Option<Duration>,
    },
    /// The request is denied: a refresh cannot help.
    Denied,
}

impl Verdict {
    /// The name of the verdict, the same in every language.
    ///
    /// ```
    /// use rekindle_proto::{Applied, ExpiredReason, Verdict};
    ///
    /// assert_eq!(Verdict::InsufficientScope { scope: None }.name(), "insufficient_scope");
    /// let expired = Verdict::Expired { reason: ExpiredReason::Revoked, applied: Applied::No };
    /// assert_eq!(expired.name(), "expired");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Expired { .. } => "expired",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::StepUp(_) => "step_up",
            Self::NonceRequired(_) => "nonce_required",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Denied => "denied",
        }
    }
}

/// Why a lineage can no longer be refreshed (spec 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadReason {
    /// The server does not say: expired, revoked, replayed or unknown (`invalid_grant`).
    Rejected,
    /// The refresh token has expired.
    Expired,
    /// The token was revoked.
    Revoked,
    /// The server detected reuse of the refresh token.
    ReuseDetected,
    /// A response was lost, and the server no longer accepts the refresh token (spec 6.2).
    AnswerLost,
    /// The user's refresh function said that a sign-in is needed.
    RefreshFunction,
    /// There is no refresh token.
    NoRefreshToken,
    /// The server wants a stronger sign-in; the refresh token stays (spec 5.1).
    StepUp,
}

impl DeadReason {
    /// The name, the same in every language.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::DeadReason::ReuseDetected.name(), "reuse_detected");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::ReuseDetected => "reuse_detected",
            Self::AnswerLost => "answer_lost",
            Self::RefreshFunction => "refresh_function",
            Self::NoRefreshToken => "no_refresh_token",
            Self::StepUp => "step_up",
        }
    }
}

/// Why the outcome of a refresh is unknown (spec 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// The peer closed the connection or sent a malformed response.
    Broken,
    /// The send exceeded the client's time limit.
    Cap,
    /// The process that sent the request is gone.
    Vanished,
}

/// Details of a token endpoint's response, safe to display (spec 2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// The OAuth error code: `invalid_grant` and the like.
    pub oauth_error: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The server's message, redacted; or what a refresh function did, by name.
    pub message: Option<String>,
    /// What is wrong with the response, in rekindle's words.
    pub hint: Option<String>,
    /// What a refresh function raised.
    pub cause: Option<Cause>,
}

/// The outcome of a refresh at the token endpoint (spec 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new access token.
    Granted(Box<TokenResponse>),
    /// A 2xx response with a refresh token but no access token (spec 5.4).
    GrantedWithoutAccess {
        /// The refresh token, which is persisted.
        refresh_token: Secret,
    },
    /// The refresh token is no longer accepted.
    Dead(DeadReason),
    /// Another refresh of the same token happened at the same time.
    LostRace,
    /// Not consumed: send the same again, with back-off.
    RetrySame {
        /// How long to wait, if the server says so.
        after: Option<Duration>,
    },
    /// Not consumed: too many requests.
    RateLimited {
        /// How long to wait before trying again, if the server says so.
        after: Option<Duration>,
    },
    /// Not consumed: the proof must carry this nonce (RFC 9449 section 8).
    NonceRequired(Option<String>),
    /// The server reports that the client's clock is wrong.
    ClockSkew,
    /// The user must sign in again; the refresh token stays.
    StepUp(StepUp),
    /// The client is misconfigured; the session stays signed in.
    ClientConfig {
        /// The OAuth error, `invalid_client` and the like.
        error: String,
    },
    /// The tokens belong to another user than the session's (OpenID Connect Core section 12.2) and are discarded.
    OtherUser,
    /// The request may have been sent, but no readable response arrived.
    Lost(Lost),
    /// Nothing was sent: the connection or name resolution failed.
    NotSent,
    /// A response without a verdict that does not look like a transient failure.
    Unknown {
        /// The HTTP status.
        status: u16,
    },
}

impl Outcome {
    /// The name of the outcome.
    ///
    /// ```
    /// use rekindle_proto::{DeadReason, Outcome};
    /// assert_eq!(Outcome::Dead(DeadReason::Rejected).name(), "dead");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Granted(_) => "granted",
            Self::GrantedWithoutAccess { .. } => "granted_without_access",
            Self::Dead(_) => "dead",
            Self::LostRace => "lost_race",
            Self::RetrySame { .. } => "retry_same",
            Self::RateLimited { .. } => "rate_limited",
            Self::NonceRequired(_) => "nonce_required",
            Self::ClockSkew => "clock_skew",
            Self::StepUp(_) => "step_up",
            Self::ClientConfig { .. } => "client_config",
            Self::OtherUser => "other_user",
            Self::Lost(_) => "lost",
            Self::NotSent => "not_sent",
            Self::Unknown { .. } => "unknown",
        }
    }
}
