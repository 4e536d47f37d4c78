//! The clock that tests turn by hand. Hosts bring no clock of their own: a call for each reading would cost more than
//! what it times.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rekindle::clock::Clock as _;

/// Stands still until it is turned. Give it to `Session`.
#[derive(uniffi::Object)]
pub struct ManualClock(rekindle::clock::ManualClock);

#[uniffi::export]
impl ManualClock {
    /// One that stands somewhere in the year 2030.
    #[uniffi::constructor]
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made by the host")]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(rekindle::clock::ManualClock::new()))
    }

    /// Turns the monotonic and the wall clock on.
    pub fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    /// Sets the wall clock alone, as a user might.
    pub fn jump_wall(&self, to: SystemTime) {
        self.0.jump_wall(to.into());
    }

    /// What the wall clock shows.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.0.now().wall.into()
    }

    /// How many wait for it.
    #[must_use]
    pub fn sleepers(&self) -> u64 {
        self.0.sleepers() as u64
    }

    /// How long until the next of them is due; zero where one is already.
    #[must_use]
    pub fn until_next(&self) -> Option<Duration> {
        Some(self.0.next_due()?.saturating_sub(self.0.now().mono))
    }

    /// Turns it to the next timer, if that is due within so long; whether there was one.
    pub fn advance_to_timer(&self, within: Duration) -> bool {
        let left = self.until_next().filter(|left| *left <= within);
        left.inspect(|left| self.0.advance(*left)).is_some()
    }
}

impl ManualClock {
    pub(crate) fn inner(&self) -> rekindle::clock::ManualClock {
        self.0.clone()
    }
}
