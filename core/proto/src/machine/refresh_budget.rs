//! Keeps a session from refreshing forever: a window over all refreshes that token expiry does not explain (spec
//! 5.3), a breaker for each origin (spec 3.6), and back-off. It is part of the record, so it applies to every
//! process.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entropy::Entropy;
use super::shared_time::{SharedClock, SharedTime};
use super::unknown_fields::Unknown;
use crate::time::Now;

const WINDOW: Duration = Duration::from_secs(30);
const MOST_IN_WINDOW: usize = 5;
const HOLD_AFTER: u32 = 3;
const FIRST_HOLD: Duration = Duration::from_secs(30);
const LONGEST_HOLD: Duration = Duration::from_secs(600);
/// How long a token from a refresh for a rejection is not refreshed for another rejection, unless it helped.
const FRESH: Duration = Duration::from_secs(10);

/// A reading of the clocks, and the current boot.
pub(crate) type Clock<'a> = (Now, SharedClock<'a>);

/// Counts refreshes that returned a token and that token expiry does not explain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshBudget {
    /// The last few, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    grants: Vec<SharedTime>,
    /// The last one that was caused by a rejection, until it is known to have helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected_at: Option<SharedTime>,
    /// By name, because a number would mean another origin in another process.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    origins: BTreeMap<String, Breaker>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Breaker {
    in_a_row: u32,
    /// When the last of them was made.
    last: SharedTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_until: Option<SharedTime>,
    /// The origin rejected the new token as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    useless: bool,
    /// The count that was cleared because the origin accepted the new token for some URL. It is restored if the token
    /// turns out to be useless for the URL that rejected the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spared: Option<Spared>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Spared {
    in_a_row: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_until: Option<SharedTime>,
    #[serde(flatten)]
    unknown: Unknown,
}

impl RefreshBudget {
    /// How long to wait, if there were too many refreshes.
    pub(crate) fn full(&self, clock: Clock<'_>) -> Option<Duration> {
        let oldest = self.grants.get(self.grants.len().checked_sub(MOST_IN_WINDOW)?)?;
        Some(WINDOW.saturating_sub(oldest.age(clock.0, clock.1))).filter(|wait| !wait.is_zero())
    }

    /// A refresh returned a token; `origin` rejected the previous one, if that caused the refresh.
    pub(crate) fn count(&mut self, origin: Option<&str>, clock: Clock<'_>) {
        let at = SharedTime::new(clock.0, clock.1);
        if self.grants.len() == MOST_IN_WINDOW {
            self.grants.remove(0);
        }
        self.grants.push(at.clone());
        let Some(origin) = origin else { return };
        self.rejected_at = Some(at.clone());
        let known = self.origins.remove(origin);
        let in_a_row = known.map_or(0, |breaker| breaker.in_a_row) + 1;
        let held_until = in_a_row.checked_sub(HOLD_AFTER).map(|doublings| {
            let hold = FIRST_HOLD.saturating_mul(1 << doublings.min(10)).min(LONGEST_HOLD);
            SharedTime::new(clock.0.plus(hold), clock.1)
        });
        let breaker = Breaker {
            in_a_row,
            last: at,
            held_until,
            useless: false,
            spared: None,
            unknown: Unknown::default(),
        };
        self.origins.insert(origin.to_owned(), breaker);
    }

    /// The current token is from a refresh for a rejection seconds ago, and is not known to have helped.
    pub(crate) fn is_fresh(&self, clock: Clock<'_>) -> bool {
        self.rejected_at.as_ref().is_some_and(|at| at.age(clock.0, clock.1) < FRESH)
    }

    /// The last refresh was not caused by a rejection, or is known to have helped.
    pub(crate) fn is_proven(&self) -> bool {
        self.rejected_at.is_none()
    }

    /// The last refresh is known to have helped.
    pub(crate) fn prove(&mut self) {
        self.rejected_at = None;
    }

    /// Whether rejections by this origin start no flight now.
    pub(crate) fn holds(&self, origin: &str, clock: Clock<'_>) -> bool {
        self.origins
            .get(origin)
            .and_then(|breaker| Some((breaker.held_until.as_ref()?, &breaker.last)))
            .is_some_and(|(until, last)| !until.left(clock.0, clock.1, until.since(last)).is_zero())
    }

    /// Whether the report of a useless refresh would change something.
    pub(crate) fn may_be_useless(&self, origin: &str) -> bool {
        self.origins
            .get(origin)
            .is_some_and(|breaker| !breaker.useless && (breaker.in_a_row > 0 || breaker.spared.is_some()))
    }

    /// The origin rejected the token from a refresh that it had caused.
    pub(crate) fn note_useless(&mut self, origin: &str) {
        if let Some(breaker) = self.origins.get_mut(origin) {
            if let Some(spared) = breaker.spared.take() {
                (breaker.in_a_row, breaker.held_until) = (spared.in_a_row, spared.held_until);
            }
            breaker.useless = true;
        }
    }

    /// Whether an accepted request clears the origin's count, or shows that the last refresh helped. Once a refresh
    /// has proved useless, only a request that was rejected before and is accepted now shows the opposite: other
    /// requests may be for another URL.
    pub(crate) fn clears(&self, origin: &str, replayed: bool) -> bool {
        // Another request may have been accepted, and have cleared the count, before the first replay is.
        let helped = |breaker: &Breaker| replayed && self.rejected_at.as_ref() == Some(&breaker.last);
        self.origins
            .get(origin)
            .is_some_and(|breaker| breaker.in_a_row > 0 && (replayed || !breaker.useless) || helped(breaker))
    }

    /// `replayed`: the last refresh helped, so the next rejection may well be a real expiry.
    pub(crate) fn clear(&mut self, origin: &str, replayed: bool) {
        if replayed {
            self.prove();
        }
        if let Some(breaker) = self.origins.get_mut(origin) {
            breaker.clear(replayed);
        }
    }

    /// Whether an accepted request, and whether an accepted replay, may clear something.
    pub(crate) fn watches(&self) -> (bool, bool) {
        let counting = || self.origins.values().filter(|breaker| breaker.in_a_row > 0);
        let replayed = self.rejected_at.is_some() || counting().any(|breaker| breaker.useless);
        (counting().any(|breaker| !breaker.useless), replayed)
    }

    /// The stored budget, merged with what memory knows about the same refreshes: which were useless, which are known
    /// to have helped.
    pub(crate) fn merged(mut self, known: &Self) -> Self {
        let same = |breaker: &Breaker| Some(&breaker.last) == self.rejected_at.as_ref();
        if known.rejected_at.is_none() && known.origins.values().any(same) {
            self.rejected_at = None;
        }
        for (origin, breaker) in &mut self.origins {
            if let Some(known) = known.origins.get(origin).filter(|known| known.last == breaker.last) {
                breaker.learn(known);
            }
        }
        self
    }
}

impl Breaker {
    fn clear(&mut self, replayed: bool) {
        let spared = Spared {
            in_a_row: self.in_a_row,
            held_until: self.held_until.take(),
            unknown: Unknown::default(),
        };
        self.spared = Some(spared).filter(|spared| !replayed && spared.in_a_row > 0);
        (self.in_a_row, self.useless) = (0, false);
    }

    /// Another process knows more about the same refresh: that it was useless, or that it helped.
    fn learn(&mut self, other: &Self) {
        let cleared = |breaker: &Self| breaker.in_a_row == 0 && breaker.spared.is_none();
        match () {
            () if cleared(self) => {}
            () if cleared(other) || other.useless || !self.useless && other.in_a_row == 0 => {
                self.clone_from(other);
            }
            () => {}
        }
    }
}

/// Full-jitter exponential back-off: random up to `first * 2^failures`, at most `most`.
pub(crate) fn full_jitter(entropy: &mut Entropy, first: Duration, failures: u32, most: Duration) -> Duration {
    const LEAST: Duration = Duration::from_millis(50);
    let bound = first.saturating_mul(1u32.checked_shl(failures.min(20)).unwrap_or(u32::MAX)).min(most);
    entropy.up_to(bound).max(LEAST)
}
