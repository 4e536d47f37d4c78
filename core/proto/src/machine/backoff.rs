//! The pause after a failed refresh, as stored in the record: it applies to every process (spec 5.3).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::shared_time::{SharedClock, SharedTime};
use super::unknown_fields::Unknown;
use crate::credential::Fingerprint;
use crate::error::{Cause, ErrorKind, Failure};
use crate::time::Now;

/// The time before which no refresh starts, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    pub(super) until: SharedTime,
    pub(super) failed_at: SharedTime,
    pub(crate) failures: u32,
    pub(crate) kind: BackoffKind,
    /// The message of the failure, which all callers get during the pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) oauth_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// The length of the pause is only our guess: a response of the server may shorten it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) guessed: bool,
    /// The client that was rejected, with its secret; the pause does not apply to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<Fingerprint>,
    /// The exception of a user's function: only in this process.
    #[serde(skip)]
    pub(super) cause: Option<Cause>,
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackoffKind {
    RefreshFailed,
    RateLimited,
    ClientRejected,
    LoginRequired,
    StoreUnavailable,
    /// The refresh returned a token that cannot be served.
    Unservable,
}

impl BackoffKind {
    pub(crate) fn error(self) -> ErrorKind {
        match self {
            Self::RefreshFailed => ErrorKind::RefreshFailed,
            Self::RateLimited => ErrorKind::RateLimited,
            Self::ClientRejected => ErrorKind::ClientRejected,
            Self::LoginRequired => ErrorKind::LoginRequired,
            Self::StoreUnavailable => ErrorKind::StoreUnavailable,
            Self::Unservable => ErrorKind::InvalidConfig,
        }
    }
}

impl Backoff {
    /// How long until the next try; at most the length of the pause.
    pub(crate) fn left(&self, now: Now, boot: SharedClock<'_>) -> Duration {
        self.until.left(now, boot, self.until.since(&self.failed_at))
    }

    /// The original failure.
    pub(super) fn failure(&self, left: Duration) -> Failure {
        let message = self.message.as_deref().unwrap_or("the last refresh failed");
        let next = format!("{message} (the next refresh is tried in {} s)", left.as_secs() + 1);
        let mut failure = Failure::new(self.kind.error(), next).after(left);
        failure.oauth_error.clone_from(&self.oauth_error);
        failure.status = self.status;
        failure.cause.clone_from(&self.cause);
        failure
    }

    /// The stored pause, unless memory has an earlier end for the same pause.
    pub(super) fn merged(mut self, known: &Self) -> Self {
        if self.failed_at == known.failed_at {
            self.until = known.until.clone();
            self.cause = known.cause.clone();
        }
        self
    }

    pub(super) fn concerns(&self, client: Option<&Fingerprint>) -> bool {
        self.kind != BackoffKind::ClientRejected || self.client.as_ref() == client
    }
}
