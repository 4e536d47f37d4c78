//! The access token that is served, and its expiry (spec 1).

use std::sync::Arc;
use std::time::Duration;

use super::entropy::Entropy;
use super::origins::{OriginId, OriginSet};
use super::record::Record;
use super::refresh_windows::{advisory, mandatory};
use super::shared_time::FAST_CLOCK;
use crate::credential::Secret;
use crate::error::Failure;
use crate::time::{Now, Wall};

/// One access token of one lineage.
#[derive(Clone, Debug)]
pub struct Current {
    /// The token.
    pub value: Secret,
    /// `token_type` as the server wrote it.
    pub token_type: Option<String>,
    /// The lineage's id.
    pub lineage: Arc<str>,
    /// Increases by one with each new access token.
    pub generation: u64,
    /// When the token expires, on the wall clock. `None` = unknown.
    pub expires_at: Option<Wall>,
    /// When a refresh returned it, on the wall clock; `None` = the user supplied it.
    pub(crate) issued_at: Option<Wall>,
    pub(crate) ends: Option<Now>,
    pub(crate) lifetime: Option<Duration>,
    /// When it was requested, in the machine's order; 0 = earlier, or by another process.
    pub(crate) sent: u64,
    /// Why it cannot be served: an unknown type, an invalid header value.
    pub(crate) unservable: Option<Box<Failure>>,
}

impl Current {
    /// The token of a record, seen at `now`. A wall clock that jumped back cannot lengthen its lifetime.
    pub(crate) fn of(record: &Record, now: Now, sent: u64, unservable: Option<Failure>) -> Option<Self> {
        let slot = record.slot()?;
        let ends = slot.expires_at.map(|at| {
            // Issued by a clock that ran fast: its age is unknown (spec 4.12).
            let ahead = slot.issued_at.since(now.wall) > FAST_CLOCK;
            let left = if ahead { Duration::ZERO } else { at.since(now.wall) };
            let left = slot.lifetime().map_or(left, |lifetime| left.min(lifetime));
            // Expired for every reading of the clocks: a thread may still use an older one than `now`.
            now.plus(left).minus(now.wall.since(at))
        });
        Some(Self {
            value: slot.access_token.clone(),
            token_type: slot.token_type.clone(),
            lineage: record.lineage.as_str().into(),
            generation: slot.generation,
            expires_at: slot.expires_at,
            issued_at: (slot.generation > 1).then_some(slot.issued_at),
            ends,
            lifetime: slot.lifetime(),
            sent,
            unservable: unservable.map(Box::new),
        })
    }

    /// Whether it is valid by the clock; with an unknown expiry always.
    pub(crate) fn valid(&self, now: Now) -> bool {
        self.unservable.is_none() && self.ends.is_none_or(|ends| !now.reached(ends))
    }

    /// How long the API may still not know it, if that takes `settle` after a refresh (spec 2.10).
    #[must_use]
    pub fn settles_for(&self, settle: Duration, now: Now) -> Option<Duration> {
        let issued_at = self.issued_at.filter(|issued_at| *issued_at <= now.wall)?;
        settle.checked_sub(now.wall.since(issued_at)).filter(|left| !left.is_zero())
    }

    /// Whether the token has expired by the clock; without a known expiry, never.
    #[must_use]
    pub fn is_past_end(&self, now: Now) -> bool {
        self.ends.is_some_and(|ends| now.reached(ends))
    }

    pub(crate) fn left(&self, now: Now) -> Option<Duration> {
        self.ends.map(|ends| now.until(ends))
    }
}

/// The snapshot for the fast path: everything about the token that callers read without a lock.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The token, if one may be served.
    pub current: Option<Arc<Current>>,
    advisory_from: Option<Now>,
    mandatory_from: Option<Now>,
    rejected_by: Vec<OriginId>,
    accepted_by: OriginSet,
    /// Whether an accepted request, and whether an accepted replay, would change something.
    watched: (bool, bool),
    held: bool,
    proven: bool,
}

/// What a forked child knows about its parent's token.
pub(crate) struct Legacy {
    pub(crate) current: Arc<Current>,
    /// The token was rejected or invalidated, or is about to become invalid.
    pub(crate) suspect: bool,
    /// The refresh that returned it is known to have helped, even if the store does not have that yet.
    pub(crate) proven: bool,
}

/// The decision of the fast path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fast {
    /// Serve it.
    Serve,
    /// Serve it, and notify the machine, which starts a refresh in the background.
    ServeAndReport,
    /// Ask the machine.
    Ask,
}

/// What the machine knows in addition to the token.
pub(crate) struct Around {
    pub(crate) rejected_by: Vec<OriginId>,
    pub(crate) accepted_by: OriginSet,
    pub(crate) watched: (bool, bool),
    /// Invalidated, or a refresh in progress makes the old token invalid.
    pub(crate) held: bool,
    /// The refresh that returned the token is known to have helped, or was not caused by a rejection.
    pub(crate) proven: bool,
    /// No refresh will be started in advance: one is in progress, or none is possible or configured.
    pub(crate) no_advance: bool,
    pub(crate) no_mandatory: bool,
    /// Back-off: no refresh starts before then, so no caller waits for one.
    pub(crate) not_before: Option<Now>,
    /// The time from which the first call must be reported.
    pub(crate) report_from: Option<Now>,
    pub(crate) jitter: f64,
}

impl Snapshot {
    pub(crate) fn new(current: Option<Arc<Current>>, around: Around) -> Self {
        let windows = current.as_ref().and_then(|token| Some((token.ends?, token.lifetime?)));
        let after_back_off = |from: Now| match around.not_before {
            Some(until) => Now { mono: from.mono.max(until.mono), wall: from.wall.max(until.wall) },
            None => from,
        };
        let advisory_from = windows.filter(|_| !around.no_advance).map(|(ends, lifetime)| {
            let window = advisory(lifetime);
            after_back_off(ends.minus(window + window.mul_f64(around.jitter / 2.0)))
        });
        let advisory_from = match (advisory_from, around.report_from) {
            (Some(a), Some(b)) => Some(Now { mono: a.mono.min(b.mono), wall: a.wall.min(b.wall) }),
            (a, b) => a.or(b),
        };
        let ends = current.as_ref().and_then(|token| token.ends);
        let mandatory_from = windows
            .filter(|_| !around.no_mandatory)
            .map(|(ends, lifetime)| after_back_off(ends.minus(mandatory(lifetime))))
            .map(|from| {
                ends.map_or(from, |ends| Now {
                    mono: from.mono.min(ends.mono),
                    wall: from.wall.min(ends.wall),
                })
            })
            .or(ends);
        Self {
            current,
            advisory_from,
            mandatory_from,
            rejected_by: around.rejected_by,
            accepted_by: around.accepted_by,
            watched: around.watched,
            held: around.held,
            proven: around.proven,
        }
    }

    /// Whether the token is served at once (spec 1.1). `origin` `None` = any.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, mut snapshot, .. } = Example::new();
    /// // `snapshot` is that of the last Effect::Publish
    /// assert_eq!(snapshot.fast(now, None), Fast::Serve);
    /// assert_eq!(snapshot.fast(now.plus(Duration::from_secs(850)), None), Fast::ServeAndReport);
    /// assert_eq!(snapshot.fast(now.plus(Duration::from_secs(900)), None), Fast::Ask);
    /// ```
    #[must_use]
    pub fn fast(&self, now: Now, origin: Option<OriginId>) -> Fast {
        if self.held || self.current.is_none() || self.rejected(origin) {
            return Fast::Ask;
        }
        if self.mandatory_from.is_some_and(|from| now.reached(from)) {
            return Fast::Ask;
        }
        if self.advisory_from.is_some_and(|from| now.reached(from)) {
            return Fast::ServeAndReport;
        }
        Fast::Serve
    }

    /// What a forked child can know about its parent's token.
    pub(crate) fn legacy(&self) -> Option<Legacy> {
        let current = self.current.clone()?;
        let suspect = self.held || !self.rejected_by.is_empty();
        Some(Legacy { current, suspect, proven: self.proven })
    }

    /// Whether the machine must be notified that this origin accepted the token. `replayed`: the request had been
    /// rejected before (spec 3.6).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, mut snapshot, .. } = Example::new();
    /// # let stamp = Stamp::new(snapshot.current.as_ref().expect("a token"));
    /// assert!(snapshot.watches(0, false)); // nobody knows yet whether origin 0 accepts it
    /// let api = Origin { id: 0, name: "https://api.example.com" };
    /// machine.accepted(&stamp, api, now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     if let Effect::Publish(new) = effect {
    ///         snapshot = new;
    ///     }
    /// }
    /// assert!(!snapshot.watches(0, false) && snapshot.watches(1, false));
    /// ```
    #[must_use]
    pub fn watches(&self, origin: OriginId, replayed: bool) -> bool {
        let (any, replays) = self.watched;
        any || replays && replayed || self.accepted_by.lacks(origin) || self.rejected_by.contains(&origin)
    }

    fn rejected(&self, origin: Option<OriginId>) -> bool {
        match origin {
            Some(origin) => self.rejected_by.contains(&origin),
            None => !self.rejected_by.is_empty(),
        }
    }
}

pub(crate) fn jitter(entropy: &mut Entropy) -> f64 {
    entropy.fraction()
}
