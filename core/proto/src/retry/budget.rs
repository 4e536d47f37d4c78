//! How many retries the recent requests allow (spec 8.2).

use std::time::Duration;

use super::RetryPolicy;

/// How many retries the recent requests allow: a share of them, and a floor (spec 8.2).
///
/// A token bucket: each request adds a little, time refills it up to the floor, and each retry takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// In hundredths of a retry, so that nothing is lost to rounding.
    cents: u64,
    percent: u64,
    floor: u64,
    filled: Duration,
}

/// One retry.
const RETRY: u64 = 100;
/// The time in which the floor is refilled.
const FLOOR_PERIOD: Duration = Duration::from_secs(10);
/// The bucket holds at most this many floors (and at least a hundred retries), so that only recent requests count.
const SAVED: u64 = 10;

impl Budget {
    /// A budget that starts at the policy's floor. `now` is the monotonic clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::retry::{Budget, RetryPolicy};
    ///
    /// let mut budget = Budget::new(&RetryPolicy::default(), Duration::ZERO);
    /// let retries = (0..100).filter(|_| budget.withdraw(Duration::ZERO)).count();
    /// assert_eq!(retries, 10); // the floor
    /// ```
    #[must_use]
    pub fn new(policy: &RetryPolicy, now: Duration) -> Self {
        let floor = u64::from(policy.budget_floor) * RETRY;
        Self { cents: floor, percent: u64::from(policy.budget_percent), floor, filled: now }
    }

    /// Counts a request, not a retry.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::retry::{Budget, RetryPolicy};
    ///
    /// let policy = RetryPolicy { budget_floor: 0, ..RetryPolicy::default() };
    /// let mut budget = Budget::new(&policy, Duration::ZERO);
    /// assert!(!budget.withdraw(Duration::ZERO));
    /// (0..5).for_each(|_| budget.deposit()); // 20 % of five requests: one retry
    /// assert!(budget.withdraw(Duration::ZERO));
    /// ```
    pub fn deposit(&mut self) {
        self.cents = (self.cents + self.percent).min(self.most()).max(self.cents);
    }

    /// Whether more requests would add nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::retry::{Budget, RetryPolicy};
    ///
    /// let mut budget = Budget::new(&RetryPolicy::default(), Duration::ZERO);
    /// assert!(!budget.is_full());
    /// (0..1_000).for_each(|_| budget.deposit());
    /// assert!(budget.is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.cents >= self.most() || self.percent == 0
    }

    fn most(&self) -> u64 {
        (self.floor * SAVED).max(100 * RETRY)
    }

    /// Takes a retry out, if there is one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::retry::{Budget, RetryPolicy};
    ///
    /// let policy = RetryPolicy { budget_floor: 1, ..RetryPolicy::default() };
    /// let mut budget = Budget::new(&policy, Duration::ZERO);
    /// assert!(budget.withdraw(Duration::ZERO));
    /// assert!(!budget.withdraw(Duration::ZERO));
    /// assert!(budget.withdraw(Duration::from_secs(10))); // the floor came back
    /// ```
    pub fn withdraw(&mut self, now: Duration) -> bool {
        self.fill(now);
        let enough = self.cents >= RETRY;
        if enough {
            self.cents -= RETRY;
        }
        enough
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled).min(FLOOR_PERIOD);
        let share = u128::from(self.floor) * passed.as_nanos() / FLOOR_PERIOD.as_nanos();
        if share == 0 {
            return;
        }
        self.filled = now;
        let filled = self.cents + u64::try_from(share).unwrap_or(0);
        self.cents = filled.min(self.floor).max(self.cents);
    }
}
