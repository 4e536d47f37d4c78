//! How a session stands.

use std::time::{Duration, SystemTime};

use rekindle::proto::Wall;
use rekindle::session::StatusStanding;

/// A look at a session, without a secret.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Status {
    /// Where it stands.
    pub standing: Standing,
    /// A short tag of the sign-in.
    pub lineage: Option<String>,
    /// The generation of the access token.
    pub generation: Option<u64>,
    /// When the access token ends, if that is known.
    pub expires_at: Option<SystemTime>,
    /// Whether the access token can be served now.
    pub valid: bool,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// When the last refresh came through.
    pub refreshed_at: Option<SystemTime>,
    /// How long until the next refresh may be tried, after failures.
    pub backoff: Option<Duration>,
    /// Failures in a row.
    pub failures: u32,
    /// Who refreshes at the moment, of all that share the store.
    pub lease: Option<Lease>,
    /// Whether the store has what memory has.
    pub persisted: bool,
    /// Whether a refresh is under way here.
    pub refreshing: bool,
    /// What a refresh that is under way waits for: `token_endpoint`, `next_try`, `store`, `others_lease`,
    /// `others_refresh`, `vanished_owner` or `too_soon`.
    pub waiting: Option<Waiting>,
    /// The granted scope.
    pub scope: Option<String>,
}

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Standing {
    /// The store was not read yet.
    Unread,
    /// A token can be served, or got.
    Active,
    /// The user must sign in.
    LoginRequired {
        /// `rejected`, `reuse_detected`, ..
        reason: String,
    },
    /// There is no credential.
    SignedOut,
}

/// A lease on the refresh.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Lease {
    /// A short tag of who holds it.
    pub owner: String,
    /// How long it lasts.
    pub left: Duration,
}

/// What a refresh waits for.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Waiting {
    /// Its name.
    pub name: String,
    /// How long at most, if that is known.
    pub at_most: Option<Duration>,
}

impl From<rekindle::Status> for Status {
    fn from(status: rekindle::Status) -> Self {
        Self {
            standing: status.standing.into(),
            lineage: status.lineage,
            generation: status.generation,
            expires_at: status.expires_at.map(epoch),
            valid: status.valid,
            refreshable: status.refreshable,
            refreshed_at: status.refreshed_at.map(epoch),
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

pub(crate) fn epoch(wall: Wall) -> SystemTime {
    let off = Duration::from_millis(wall.0.unsigned_abs());
    let time = if wall.0 < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(off)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(off)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

pub(crate) fn wall(time: SystemTime) -> Wall {
    let millis = |off: Duration| i64::try_from(off.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Wall(millis(since)),
        Err(before) => Wall(-millis(before.duration())),
    }
}
