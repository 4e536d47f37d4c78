//! What keeps a session from refreshing for ever: a window over all (spec 5.3), a breaker for each origin
//! (spec 3.6), and back-off.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::OriginId;
use super::entropy::Entropy;

const WINDOW: Duration = Duration::from_secs(30);
const MOST_IN_WINDOW: usize = 5;

/// Counts refreshes that the clock does not explain.
#[derive(Debug, Default)]
pub(crate) struct Window {
    starts: VecDeque<Duration>,
}

impl Window {
    /// How long to wait, if there were too many.
    pub(crate) fn full(&self, now: Duration) -> Option<Duration> {
        let recent = self.starts.iter().filter(|start| now.saturating_sub(**start) < WINDOW).count();
        let oldest = *self.starts.get(self.starts.len().checked_sub(MOST_IN_WINDOW)?)?;
        (recent >= MOST_IN_WINDOW).then(|| (oldest + WINDOW).saturating_sub(now))
    }

    pub(crate) fn count(&mut self, now: Duration) {
        if self.starts.len() == MOST_IN_WINDOW {
            self.starts.pop_front();
        }
        self.starts.push_back(now);
    }
}

const HOLD_AFTER: u32 = 3;
const FIRST_HOLD: Duration = Duration::from_secs(30);
const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// Holds the rejections of an origin that no refresh helps.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    origins: BTreeMap<OriginId, Breaker>,
}

#[derive(Debug, Default)]
struct Breaker {
    in_a_row: u32,
    held_until: Option<Duration>,
}

impl Breakers {
    /// Whether rejections of this origin start no flight now.
    pub(crate) fn holds(&self, origin: OriginId, now: Duration) -> bool {
        self.origins.get(&origin).and_then(|breaker| breaker.held_until).is_some_and(|until| now < until)
    }

    /// A refresh was started because this origin turned a token away.
    pub(crate) fn count(&mut self, origin: OriginId, now: Duration) {
        let breaker = self.origins.entry(origin).or_default();
        breaker.in_a_row += 1;
        if let Some(doublings) = breaker.in_a_row.checked_sub(HOLD_AFTER) {
            let hold = FIRST_HOLD.saturating_mul(1 << doublings.min(10)).min(LONGEST_HOLD);
            breaker.held_until = Some(now + hold);
        }
    }

    pub(crate) fn accepted(&mut self, origin: OriginId) {
        self.origins.remove(&origin);
    }

    /// The origins whose Accepted would change something.
    pub(crate) fn watched(&self) -> Vec<OriginId> {
        self.origins.keys().copied().collect()
    }
}

/// Full-jitter exponential back-off: somewhere up to `first * 2^failures`, at most `most`.
pub(crate) fn full_jitter(entropy: &mut Entropy, first: Duration, failures: u32, most: Duration) -> Duration {
    const LEAST: Duration = Duration::from_millis(50);
    let bound = first.saturating_mul(1u32.checked_shl(failures.min(20)).unwrap_or(u32::MAX)).min(most);
    entropy.up_to(bound).max(LEAST)
}
