//! The status of a session, without secrets.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::context::Standing as Inner;
use super::failures::tag;
use super::waiting::Waiting;
use super::{Machine, commit::Commit};
use crate::credential::Secret;
use crate::time::Now;
use crate::verdict::DeadReason;

/// The standing of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The store has not been read yet.
    Unread,
    /// A token can be served or obtained.
    Active,
    /// The user must sign in.
    LoginRequired(DeadReason),
    /// There is no credential.
    SignedOut,
}

impl Standing {
    /// The name, the same in every language.
    ///
    /// ```
    /// use rekindle_proto::{DeadReason, machine::StatusStanding};
    ///
    /// assert_eq!(StatusStanding::LoginRequired(DeadReason::Expired).name(), "login_required");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Active => "active",
            Self::LoginRequired(_) => "login_required",
            Self::SignedOut => "signed_out",
        }
    }
}

/// The status of a session. Times are on the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The standing.
    pub standing: Standing,
    /// A short tag of the lineage.
    pub lineage: Option<String>,
    /// The generation of the access token.
    pub generation: Option<u64>,
    /// When the access token expires.
    pub expires_at: Option<SystemTime>,
    /// Whether the access token can be served now.
    pub valid: bool,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// When the refresh token expires, if the server or the supplied credential says so.
    pub refresh_token_expires_at: Option<SystemTime>,
    /// When the last refresh succeeded.
    pub refreshed_at: Option<SystemTime>,
    /// How long until the next refresh may be tried, after failures.
    pub backoff: Option<Duration>,
    /// The number of consecutive failures.
    pub failures: u32,
    /// The holder of the lease: a random id, and the remaining time.
    pub lease: Option<(String, Duration)>,
    /// Whether the store is up to date with memory.
    pub persisted: bool,
    /// Whether a refresh is in progress in this machine.
    pub refreshing: bool,
    /// The condition that a refresh in progress waits for, and for how long at most.
    pub waiting: Option<(Waiting, Option<Duration>)>,
    /// The granted scope.
    pub scope: Option<String>,
}

impl Status {
    /// Whether the user has to sign in before a token can be served: nobody is signed in, the sign-in has ended, or its
    /// token has expired and cannot be refreshed. Ask a status that has read the store.
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// assert!(!machine.status(now).needs_sign_in());
    /// ```
    #[must_use]
    pub fn needs_sign_in(&self) -> bool {
        self.standing != Standing::Active || !(self.valid || self.refreshable)
    }
}

impl Machine {
    /// Returns the extra values kept with the tokens (by the dialect's `answer.keep`, or supplied with the tokens): an
    /// instance URL, an ID token.
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// assert!(machine.extra().is_empty()); // the store was not read
    /// ```
    #[must_use]
    pub fn extra(&self) -> BTreeMap<String, String> {
        self.context.held().map(|held| held.record.extra.clone()).unwrap_or_default()
    }

    /// Returns the refresh token, for redacting it in foreign text.
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// assert!(machine.refresh_token().is_none()); // the store was not read
    /// ```
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.context.held()?.record.refresh_token.as_ref()
    }

    /// Returns the status, as far as memory knows.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let status = machine.status(now);
    /// assert_eq!(status.standing, StatusStanding::Active);
    /// assert!(status.valid && status.refreshable && status.persisted);
    /// assert_eq!(status.expires_at, Some(now.wall.plus(Duration::from_secs(900)).into()));
    /// ```
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        let record = self.context.held().map(|held| &held.record);
        let dead =
            record.and_then(|record| record.dead_for(&self.context.config.binding)).map(|mark| mark.reason);
        let standing = match (&self.context.standing, dead) {
            (Inner::Unread, _) => Standing::Unread,
            (Inner::Empty(_), _) => Standing::SignedOut,
            (Inner::Held(_), Some(reason)) => Standing::LoginRequired(reason),
            (Inner::Held(_), None) => Standing::Active,
        };
        let backoff = record.and_then(|record| self.context.backoff_of(record));
        let lease = record.and_then(|record| record.lease.as_ref());
        Status {
            standing,
            lineage: record.map(|record| tag(&record.lineage)),
            generation: self.context.current().map(|current| current.generation),
            expires_at: self.context.current().and_then(|current| current.expires_at).map(SystemTime::from),
            valid: self.fallback(super::TokenRequirements::default(), now).is_some(),
            refreshable: record.is_some_and(|record| self.context.renewable(record)),
            refresh_token_expires_at: record
                .and_then(|record| record.refresh_token_life.as_ref())
                .map(|life| life.until.into()),
            refreshed_at: record.and_then(|record| record.refreshed_at).map(SystemTime::from),
            backoff: backoff
                .map(|backoff| backoff.left(now, self.context.boot()))
                .filter(|left| !left.is_zero()),
            failures: backoff.map_or(0, |backoff| backoff.failures),
            lease: lease.map(|lease| {
                (tag(&lease.owner), lease.until.left(now, self.context.boot(), self.context.config.lease))
            }),
            persisted: self.write.is_none() && !self.commit.as_deref().is_some_and(Commit::unpersisted),
            refreshing: self.flight.is_some(),
            waiting: self.flight.as_ref().and_then(|_| self.waiting(now)),
            scope: record.and_then(|record| record.scope.clone()),
        }
    }
}
