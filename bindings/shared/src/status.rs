//! The state of a session.

use std::time::{Duration, SystemTime};

use rekindle::session::StatusStanding;
use serde::{Serialize, Serializer};

use crate::time::millis;

/// A snapshot of a session's state, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The session's standing.
    pub standing: Standing,
    /// A short tag of the sign-in.
    pub lineage: Option<String>,
    /// The generation of the access token.
    pub generation: Option<u64>,
    /// When the access token expires, if known.
    #[serde(rename = "expires_at_ms", serialize_with = "millis::serialize")]
    pub expires_at: Option<SystemTime>,
    /// Whether the access token can be served now.
    pub valid: bool,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// When the refresh token expires, if known.
    #[serde(rename = "refresh_token_expires_at_ms", serialize_with = "millis::serialize")]
    pub refresh_token_expires_at: Option<SystemTime>,
    /// When the last refresh succeeded.
    #[serde(rename = "refreshed_at_ms", serialize_with = "millis::serialize")]
    pub refreshed_at: Option<SystemTime>,
    /// How long until the next refresh may be tried, after failures.
    #[serde(rename = "backoff_ms", serialize_with = "millis::serialize")]
    pub backoff: Option<Duration>,
    /// The number of consecutive failures.
    pub failures: u32,
    /// The current lease, of all sessions that share the store. In JSON: whether there is one.
    #[serde(rename = "leased", serialize_with = "is_some")]
    pub lease: Option<Lease>,
    /// Whether the credential in memory is saved in the store.
    pub persisted: bool,
    /// Whether a refresh is in progress here.
    pub refreshing: bool,
    /// What the refresh in progress is waiting for: `token_endpoint`, `next_try`, `store`, `others_lease`,
    /// `others_refresh`, `vanished_owner` or `too_soon`.
    #[serde(flatten, serialize_with = "waiting")]
    pub waiting: Option<Waiting>,
    /// The granted scope.
    pub scope: Option<String>,
}

/// The standing of a session. In JSON: its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The store has not been read yet.
    Unread,
    /// A token is available or can be refreshed.
    Active,
    /// The user must sign in again.
    LoginRequired {
        /// `rejected`, `reuse_detected`, ..
        reason: String,
    },
    /// There is no credential.
    SignedOut,
}

/// A lease on the refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// A short tag of its owner.
    pub owner: String,
    /// The remaining time.
    pub left: Duration,
}

/// What a refresh waits for. In JSON: `waiting` and `waiting_at_most_ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The name of the wait.
    pub name: String,
    /// The maximum remaining time, if known.
    pub at_most: Option<Duration>,
}

impl From<rekindle::Status> for Status {
    fn from(status: rekindle::Status) -> Self {
        Self {
            standing: status.standing.into(),
            lineage: status.lineage,
            generation: status.generation,
            expires_at: status.expires_at,
            valid: status.valid,
            refreshable: status.refreshable,
            refresh_token_expires_at: status.refresh_token_expires_at,
            refreshed_at: status.refreshed_at,
            backoff: status.backoff,
            failures: status.failures,
            lease: status.lease.map(|(owner, left)| Lease { owner, left }),
            persisted: status.persisted,
            refreshing: status.refreshing,
            waiting: status.waiting.map(|(what, at_most)| Waiting { name: what.name().to_owned(), at_most }),
            scope: status.scope,
        }
    }
}

impl From<StatusStanding> for Standing {
    fn from(standing: StatusStanding) -> Self {
        match standing {
            StatusStanding::Unread => Self::Unread,
            StatusStanding::Active => Self::Active,
            StatusStanding::LoginRequired(reason) => Self::LoginRequired { reason: reason.name().to_owned() },
            StatusStanding::SignedOut => Self::SignedOut,
        }
    }
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Self::Unread => "unread",
            Self::Active => "active",
            Self::LoginRequired { .. } => "login_required",
            Self::SignedOut => "signed_out",
        })
    }
}

fn waiting<S: Serializer>(waiting: &Option<Waiting>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Flat<'a> {
        waiting: Option<&'a str>,
        #[serde(serialize_with = "millis::serialize")]
        waiting_at_most_ms: Option<Duration>,
    }
    let waiting_at_most_ms = waiting.as_ref().and_then(|waiting| waiting.at_most);
    Flat { waiting: waiting.as_ref().map(|waiting| waiting.name.as_str()), waiting_at_most_ms }.serialize(to)
}

fn is_some<S: Serializer>(lease: &Option<Lease>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(lease.is_some())
}

#[cfg(test)]
mod tests {
    use rekindle::DeadReason;

    use super::*;

    #[test]
    fn a_standing_has_the_name_that_core_gives_it() {
        let all = [
            StatusStanding::Unread,
            StatusStanding::Active,
            StatusStanding::LoginRequired(DeadReason::Expired),
            StatusStanding::SignedOut,
        ];
        for standing in all {
            assert_eq!(serde_json::to_value(Standing::from(standing)).unwrap_or_default(), standing.name());
        }
    }
}
