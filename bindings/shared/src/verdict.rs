//! What a response says about the token.

use std::time::Duration;

use serde::Serialize;

use crate::time::millis;

/// What a response says about the token. In JSON, `name` says which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Verdict {
    /// The token was accepted.
    Accepted,
    /// The token was rejected.
    Expired {
        /// Why.
        reason: ExpiredReason,
        /// Whether the request may have had an effect.
        applied: Applied,
    },
    /// The token lacks a scope.
    InsufficientScope {
        /// The scope, if the server names it.
        scope: Option<String>,
    },
    /// The user must sign in again with stronger authentication (RFC 9470).
    StepUp {
        /// `acr_values`.
        acr_values: Option<String>,
        /// `max_age`, in seconds.
        max_age: Option<u64>,
        /// `claims`, as sent.
        claims: Option<String>,
    },
    /// The DPoP proof must contain this nonce.
    NonceRequired {
        /// The nonce.
        nonce: Option<String>,
    },
    /// Too many requests.
    RateLimited {
        /// How long to wait, if the server says so.
        #[serde(rename = "retry_after_ms", serialize_with = "millis::serialize")]
        after: Option<Duration>,
    },
    /// The server is temporarily unavailable.
    Unavailable {
        /// How long to wait, if the server says so.
        #[serde(rename = "retry_after_ms", serialize_with = "millis::serialize")]
        after: Option<Duration>,
    },
    /// The request was denied: a refresh cannot help.
    Denied,
}

/// Why an access token was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredReason {
    /// It expired.
    Expired,
    /// The server does not know it.
    Invalid,
    /// It was revoked.
    Revoked,
    /// The server does not say why.
    Unknown,
}

/// Whether a rejected request may have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// Certainly not.
    No,
    /// Perhaps.
    Maybe,
}

impl From<&rekindle::Verdict> for Verdict {
    fn from(verdict: &rekindle::Verdict) -> Self {
        match verdict {
            rekindle::Verdict::Accepted => Self::Accepted,
            rekindle::Verdict::Expired { reason, applied } => {
                Self::Expired { reason: (*reason).into(), applied: (*applied).into() }
            }
            rekindle::Verdict::InsufficientScope { scope } => {
                Self::InsufficientScope { scope: scope.clone() }
            }
            rekindle::Verdict::StepUp(wanted) => Self::StepUp {
                acr_values: wanted.acr_values.clone(),
                max_age: wanted.max_age,
                claims: wanted.claims.clone(),
            },
            rekindle::Verdict::NonceRequired(nonce) => Self::NonceRequired { nonce: nonce.clone() },
            rekindle::Verdict::RateLimited { after } => Self::RateLimited { after: *after },
            rekindle::Verdict::Unavailable { after } => Self::Unavailable { after: *after },
            rekindle::Verdict::Denied => Self::Denied,
        }
    }
}

impl From<rekindle::ExpiredReason> for ExpiredReason {
    fn from(reason: rekindle::ExpiredReason) -> Self {
        match reason {
            rekindle::ExpiredReason::Expired => Self::Expired,
            rekindle::ExpiredReason::Invalid => Self::Invalid,
            rekindle::ExpiredReason::Revoked => Self::Revoked,
            rekindle::ExpiredReason::Unknown => Self::Unknown,
        }
    }
}

impl From<rekindle::Applied> for Applied {
    fn from(applied: rekindle::Applied) -> Self {
        match applied {
            rekindle::Applied::No => Self::No,
            rekindle::Applied::Maybe => Self::Maybe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_the_name_that_core_gives_it() {
        let all = [
            rekindle::Verdict::Accepted,
            rekindle::Verdict::Expired {
                reason: rekindle::ExpiredReason::Revoked,
                applied: rekindle::Applied::No,
            },
            rekindle::Verdict::InsufficientScope { scope: None },
            rekindle::Verdict::StepUp(rekindle::StepUp::default()),
            rekindle::Verdict::NonceRequired(None),
            rekindle::Verdict::RateLimited { after: None },
            rekindle::Verdict::Unavailable { after: None },
            rekindle::Verdict::Denied,
        ];
        for verdict in &all {
            assert_eq!(
                serde_json::to_value(Verdict::from(verdict)).unwrap_or_default()["name"],
                verdict.name()
            );
        }
    }
}
