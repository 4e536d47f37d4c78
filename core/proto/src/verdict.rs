//! Where dialects and the machine meet: what a response says about our token ([`Verdict`]), and what a
//! token endpoint said to a refresh ([`Outcome`]).

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::credential::{Secret, TokenResponse};
use crate::error::Cause;

/// What a GraphQL or other operation does, as far as the caller knows (spec 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Not GraphQL: the method decides.
    #[default]
    Http,
    /// A GraphQL query, or a batch of nothing but queries: may be sent again.
    GraphqlQuery,
    /// A GraphQL mutation, or something that could not be read: sent again only where the answer has no `data`.
    GraphqlMutation,
}

/// A request and its response, as far as a dialect needs them to judge (spec 2).
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The URL of the hop that answered.
    pub url: &'a Url,
    /// What the request does.
    pub operation: Operation,
    /// Whether the request's body can be sent a second time (spec 3.4).
    pub replayable: bool,
    /// The response's status.
    pub status: StatusCode,
    /// The response's headers.
    pub headers: &'a HeaderMap,
    /// As much of the response's body as has been read, content decoding undone. May be empty.
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

/// Why an access token was turned away (spec 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiredReason {
    /// The server says that it ended.
    Expired,
    /// Malformed, or unknown to the server.
    Invalid,
    /// Somebody ended it.
    Revoked,
    /// The server does not say.
    #[default]
    Unknown,
}

/// Whether a request that was turned away may have had an effect (spec 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Certainly not: any method may be sent again.
    No,
    /// Perhaps: only idempotent methods and queries are sent again.
    Maybe,
}

/// What signing in again must ask for (RFC 9470).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// `max_age`, in seconds.
    pub max_age: Option<u64>,
    /// `claims`, as sent.
    pub claims: Option<String>,
}

/// What a response says about our token (spec 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against the token.
    Accepted,
    /// The token is not accepted any more; a refresh is tried.
    Expired {
        /// Why, as far as the server says.
        reason: ExpiredReason,
        /// Whether the request may have had an effect.
        applied: Applied,
    },
    /// The token is fine, but it lacks a scope.
    InsufficientScope {
        /// The scope that is wanted, if the server names it.
        scope: Option<String>,
    },
    /// The user must sign in again, more strongly.
    StepUp(StepUp),
    /// The proof of possession must carry this nonce (RFC 9449 section 9).
    NonceRequired(Option<String>),
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

/// Why a lineage cannot be refreshed any more (spec 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadReason {
    /// The server does not say: expired, revoked, replayed or unknown (`invalid_grant`).
    Rejected,
    /// The refresh token ended.
    Expired,
    /// Somebody ended it.
    Revoked,
    /// The server saw the refresh token twice.
    ReuseDetected,
    /// An answer was lost, and the server no longer accepts the refresh token (spec 6.2).
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

/// How the outcome of a refresh came to be unknown (spec 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// The peer closed the connection, or answered brokenly.
    Broken,
    /// Our own cap passed.
    Cap,
    /// Whoever sent it is gone.
    Vanished,
}

/// What the token endpoint said beside its outcome, fit to be shown (spec 2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Its error code: `invalid_grant` and the like.
    pub oauth_error: Option<String>,
    /// Its HTTP status.
    pub status: Option<u16>,
    /// Its own words, redacted; or what a refresh function did, by name.
    pub message: Option<String>,
    /// What is wrong with its answer, in ours.
    pub hint: Option<String>,
    /// What a refresh function raised.
    pub cause: Option<Cause>,
}

/// What the token endpoint said to a refresh (spec 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new access token.
    Granted(Box<TokenResponse>),
    /// A 2xx with a refresh token, but no access token (spec 5.4).
    GrantedWithoutAccess {
        /// It is persisted.
        refresh_token: Secret,
    },
    /// The refresh token is not accepted any more.
    Dead(DeadReason),
    /// Somebody else refreshed at the same moment.
    LostRace,
    /// Not consumed: send the same again, with back-off.
    RetrySame {
        /// When, if the server says so.
        after: Option<Duration>,
    },
    /// Not consumed: too many requests.
    RateLimited {
        /// When to come back, if the server says so.
        after: Option<Duration>,
    },
    /// Not consumed: the proof must carry this nonce (RFC 9449 section 8).
    NonceRequired(Option<String>),
    /// The server thinks our clock is wrong.
    ClockSkew,
    /// The user must sign in again; the refresh token stays.
    StepUp(StepUp),
    /// The client is wrongly configured; the session stays signed in.
    ClientConfig {
        /// The OAuth error, `invalid_client` and the like.
        error: String,
    },
    /// Tokens of somebody else than the session's user (OpenID Connect Core section 12.2): they are not taken.
    OtherUser,
    /// The request may have been sent, and no readable verdict came.
    Lost(Lost),
    /// Nothing was sent: no connection, no name.
    NotSent,
    /// An answer without a verdict, that does not look like an accident.
    Unknown {
        /// Its status.
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
