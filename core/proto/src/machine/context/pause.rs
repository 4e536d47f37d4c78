//! Pauses after failed refreshes: their length, the sessions that they apply to, what ends them early (spec 5.3,
//! 5.8).

use std::time::Duration;

use super::Context;
use crate::error::Failure;
use crate::machine::backoff::{Backoff, BackoffKind};
use crate::machine::record::Record;
use crate::machine::refresh_budget::full_jitter;
use crate::machine::shared_time::{SharedClock, SharedTime};
use crate::machine::unknown_fields::Unknown;
use crate::time::Now;

/// Jitter may be near zero; a storm of requests must not result.
const LEAST: Duration = Duration::from_millis(500);
const FIRST: Duration = Duration::from_secs(2);
/// A new caller waits no longer than this before a retry, unless the server says so.
const LONGEST: Duration = Duration::from_secs(30);
/// Nothing was sent, so waiting does not relieve the server.
const LONGEST_UNSENT: Duration = Duration::from_secs(5);
const LONGEST_UNKNOWN: Duration = Duration::from_secs(600);
/// The earliest that a retry is brought forward to, after a failure.
const ALIVE_AFTER: Duration = Duration::from_secs(5);

/// The kinds of pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// A transient failure.
    Transient,
    /// Nothing was sent.
    Unsent,
    /// A response that is not understood: the problem will hardly go away by itself.
    NotUnderstood,
    /// Exactly this long.
    For(Duration),
}

impl Context {
    /// The pause that applies to this session now, and its remaining time.
    pub(in crate::machine) fn pausing<'a>(
        &self,
        record: &'a Record,
        now: Now,
    ) -> Option<(&'a Backoff, Duration)> {
        let backoff = self.backoff_of(record)?;
        let left = backoff.left(now, self.boot());
        (!left.is_zero()).then_some((backoff, left))
    }

    /// The last failures, if they apply to this session (spec 5.1: a corrected client is tried at once).
    pub(in crate::machine) fn backoff_of<'a>(&self, record: &'a Record) -> Option<&'a Backoff> {
        record.backoff.as_deref().filter(|backoff| backoff.concerns(self.config.client.as_ref()))
    }

    /// The number of consecutive failures.
    pub(in crate::machine) fn failures(&self) -> u32 {
        let backoff = self.held().and_then(|held| self.backoff_of(&held.record));
        backoff.map_or(0, |backoff| backoff.failures)
    }

    /// Stores the pause after a failure in the current record, and completes `failure`.
    pub(in crate::machine) fn pause(
        &mut self,
        kind: BackoffKind,
        pause: Pause,
        failure: Failure,
        now: Now,
    ) -> Failure {
        let (failures, config) = (self.failures(), self.config.clone());
        let clock = SharedClock::of(config.boot.as_deref(), self.store_ahead);
        let mut jitter = |most| full_jitter(&mut self.entropy, FIRST, failures, most).max(LEAST);
        let length = match pause {
            Pause::Transient => jitter(LONGEST),
            Pause::Unsent => jitter(LONGEST_UNSENT),
            Pause::NotUnderstood => jitter(LONGEST_UNKNOWN),
            Pause::For(length) => length,
        };
        let client = self.config.client.clone().filter(|_| kind == BackoffKind::ClientRejected);
        if let Some(held) = self.held_mut() {
            held.record.backoff = Some(Box::new(Backoff {
                until: SharedTime::new(now.plus(length), clock),
                failed_at: SharedTime::new(now, clock),
                failures: failures + 1,
                kind,
                message: Some(failure.message.clone()),
                oauth_error: failure.oauth_error.clone(),
                status: failure.status,
                cause: failure.cause.clone(),
                guessed: pause == Pause::Transient,
                client,
                unknown: Unknown::default(),
            }));
        }
        failure.after(length)
    }

    /// An API responded. A token endpoint at the same origin is then reachable, too (spec 5.8).
    pub(in crate::machine) fn is_alive(&mut self, origin: &str, now: Now) {
        if !self.may_bring_forward(now) || !self.is_token_endpoints(origin) {
            return;
        }
        let config = self.config.clone();
        let clock = SharedClock::of(config.boot.as_deref(), self.store_ahead);
        let Some(backoff) = self.held_mut().and_then(|held| held.record.backoff.as_deref_mut()) else {
            return;
        };
        let since = backoff.failed_at.age(now, clock);
        backoff.until = SharedTime::new(now.plus(ALIVE_AFTER.saturating_sub(since)), clock);
    }

    /// Whether a response of an API would change the pause.
    pub(in crate::machine) fn may_bring_forward(&self, now: Now) -> bool {
        let backoff = self.held().and_then(|held| self.pausing(&held.record, now));
        backoff.is_some_and(|(backoff, left)| {
            let since = backoff.failed_at.age(now, self.boot());
            backoff.guessed && left > ALIVE_AFTER.saturating_sub(since)
        })
    }

    fn is_token_endpoints(&self, origin: &str) -> bool {
        let rest = self.config.binding.token_endpoint.strip_prefix(origin);
        !origin.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}
