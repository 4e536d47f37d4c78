//! What a response says about the token.

use std::time::Duration;

use rekindle::proto;
use serde::Serialize;

use crate::time::millis;

/// What a response says about the token. In JSON, `name` says which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
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
        #[serde(rename = "retry_after_ms", serialize_with = "millis::serialize")]
        after: Option<Duration>,
    },
    /// Not able to answer now.
    Unavailable {
        /// When to come back, if the server says so.
        #[serde(rename = "retry_after_ms", serialize_with = "millis::serialize")]
        after: Option<Duration>,
    },
    /// Turned away for good: a refresh cannot help.
    Denied,
}

/// Why an access token was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// Certainly not.
    No,
    /// Perhaps.
    Maybe,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_the_name_that_core_gives_it() {
        let all = [
            proto::Verdict::Accepted,
            proto::Verdict::Expired { reason: proto::ExpiredReason::Revoked, applied: proto::Applied::No },
            proto::Verdict::InsufficientScope { scope: None },
            proto::Verdict::StepUp(proto::StepUp::default()),
            proto::Verdict::NonceRequired(None),
            proto::Verdict::RateLimited { after: None },
            proto::Verdict::Unavailable { after: None },
            proto::Verdict::Denied,
        ];
        for verdict in &all {
            assert_eq!(
                serde_json::to_value(Verdict::from(verdict)).unwrap_or_default()["name"],
                verdict.name()
            );
        }
    }
}
