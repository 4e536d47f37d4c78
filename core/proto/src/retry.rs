//! Whether and when an API request is sent again after a transient failure (spec 8).
//!
//! Replays with another token are not decided here but by the session (spec 3).

mod budget;

use std::time::Duration;

use http::{Method, StatusCode};

pub use self::budget::Budget;
use crate::error::Failure;
use crate::verdict::Operation;

/// How API requests are sent again (spec 8.2). Token requests have their own rules (spec 5, 6).
///
/// ```
/// use std::time::Duration;
/// use rekindle_proto::retry::RetryPolicy;
///
/// let patient = RetryPolicy { max_sends: 5, max_delay: Duration::from_secs(20), ..RetryPolicy::default() };
/// assert!(patient.base_delay < patient.max_delay);
/// assert_eq!(RetryPolicy::never().max_sends, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent in total, including the first send. 0 is invalid.
    pub max_sends: u32,
    /// The first back-off is drawn from 0 up to this; it doubles with each send.
    pub base_delay: Duration,
    /// The maximum back-off.
    pub max_delay: Duration,
    /// The longest `Retry-After` that is waited for; after a longer one, the response is returned.
    pub max_retry_after: Duration,
    /// Retries allowed per hundred requests.
    pub budget_percent: u32,
    /// Retries allowed in ten seconds, however few requests there are.
    pub budget_floor: u32,
    /// The statuses after which a request is sent again.
    pub statuses: RetryStatuses,
}

/// Statuses of transient failures: 408, 429, 502, 503 and 504 by default.
///
/// ```
/// use http::StatusCode;
/// use rekindle_proto::retry::{RetryPolicy, RetryStatuses};
///
/// let policy = RetryPolicy { statuses: RetryStatuses::of([500, 503])?, ..RetryPolicy::default() };
/// assert!(policy.statuses.contains(StatusCode::INTERNAL_SERVER_ERROR));
/// assert!(!policy.statuses.contains(StatusCode::BAD_GATEWAY));
/// # Ok::<(), rekindle_proto::Failure>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryStatuses([u128; 2]);

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_sends: 3,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(60),
            budget_percent: 20,
            budget_floor: 10,
            statuses: RetryStatuses::default(),
        }
    }
}

impl Default for RetryStatuses {
    fn default() -> Self {
        [408, 429, 502, 503, 504].into_iter().fold(Self([0; 2]), Self::with)
    }
}

impl RetryStatuses {
    /// A set of statuses from 400 to 599.
    ///
    /// ```
    /// use rekindle_proto::retry::RetryStatuses;
    ///
    /// assert_eq!(RetryStatuses::of([408, 429, 502, 503, 504])?, RetryStatuses::default());
    /// assert!(RetryStatuses::of([200]).is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming a number that is not an error status.
    pub fn of(statuses: impl IntoIterator<Item = u16>) -> Result<Self, Failure> {
        statuses.into_iter().try_fold(Self([0; 2]), |found, status| match status {
            400..=599 => Ok(found.with(status)),
            _ => {
                let what = format_args!(": {status} is no status of an error, give 400 to 599");
                Err(Failure::config("retry_statuses", what))
            }
        })
    }

    /// Whether a request is sent again after this status.
    ///
    /// ```
    /// use http::StatusCode;
    /// use rekindle_proto::retry::RetryStatuses;
    ///
    /// assert!(RetryStatuses::default().contains(StatusCode::TOO_MANY_REQUESTS));
    /// assert!(!RetryStatuses::default().contains(StatusCode::NOT_FOUND));
    /// ```
    #[must_use]
    pub fn contains(self, status: StatusCode) -> bool {
        let status = status.as_u16();
        (400..=599).contains(&status) && self.0[usize::from(status >= 500)] >> (status % 100) & 1 == 1
    }

    fn with(mut self, status: u16) -> Self {
        self.0[usize::from(status >= 500)] |= 1 << (status % 100);
        self
    }
}

/// How a send failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Certainly nothing reached the server.
    NotSent,
    /// The connection failed after something may have been sent.
    MaybeSent,
    /// The server answered with this status.
    Status(StatusCode),
}

/// A request that failed: the facts that the decision needs.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// How often it has been sent, including the first send, without replays.
    pub sends: u32,
    /// Its method.
    pub method: &'a Method,
    /// What it does.
    pub operation: Operation,
    /// Whether it carries an `Idempotency-Key`.
    pub idempotency_key: bool,
    /// Whether its body can be sent again.
    pub replayable: bool,
    /// How it failed.
    pub failed: Failed,
    /// The server's Retry-After.
    pub retry_after: Option<Duration>,
    /// The time until the caller's deadline. `None` = there is none.
    pub left: Option<Duration>,
}

/// The decision about a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send it again after this time.
    Again(Duration),
    /// Return the failure to the caller.
    GiveBack(Because),
}

/// Why a failed request is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The failure is not transient.
    NotTransient,
    /// It may have been applied, and must not be applied twice.
    NotIdempotent,
    /// Its body cannot be sent again.
    NotReplayable,
    /// It has been sent often enough.
    Sends,
    /// The server asks for a longer wait than the policy allows.
    RetryAfter,
    /// The caller's deadline is earlier.
    Deadline,
    /// Too many of the recent requests were retries.
    Budget,
}

impl RetryPolicy {
    /// A policy that sends every request once.
    ///
    /// ```
    /// use rekindle_proto::retry::RetryPolicy;
    ///
    /// assert_eq!(RetryPolicy::never().max_sends, 1);
    /// ```
    #[must_use]
    pub fn never() -> Self {
        Self { max_sends: 1, ..Self::default() }
    }

    /// Whether to send again after `attempt`, and after how long. `random` is uniform over all of `u64`; `now` is the
    /// monotonic clock. A retry is taken from `budget`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::{Method, StatusCode};
    /// use rekindle_proto::{Operation, retry::{Attempt, Because, Budget, Decision, Failed, RetryPolicy}};
    ///
    /// let policy = RetryPolicy::default();
    /// let mut budget = Budget::new(&policy, Duration::ZERO);
    /// let attempt = Attempt {
    ///     sends: 1,
    ///     method: &Method::GET,
    ///     operation: Operation::Http,
    ///     idempotency_key: false,
    ///     replayable: true,
    ///     failed: Failed::Status(StatusCode::SERVICE_UNAVAILABLE),
    ///     retry_after: Some(Duration::from_secs(2)),
    ///     left: Some(Duration::from_secs(30)),
    /// };
    /// let two_seconds = Decision::Again(Duration::from_secs(2));
    /// assert_eq!(policy.decide(&attempt, &mut budget, Duration::ZERO, 0), two_seconds);
    ///
    /// let post = Attempt { method: &Method::POST, ..attempt };
    /// let given_back = Decision::GiveBack(Because::NotIdempotent);
    /// assert_eq!(policy.decide(&post, &mut budget, Duration::ZERO, 0), given_back);
    /// ```
    pub fn decide(&self, attempt: &Attempt<'_>, budget: &mut Budget, now: Duration, random: u64) -> Decision {
        match self.delay(attempt, random) {
            Err(because) => Decision::GiveBack(because),
            Ok(_) if !budget.withdraw(now) => Decision::GiveBack(Because::Budget),
            Ok(delay) => Decision::Again(delay),
        }
    }

    fn delay(&self, attempt: &Attempt<'_>, random: u64) -> Result<Duration, Because> {
        self.permitted(attempt)?;
        if attempt.retry_after.is_some_and(|after| after > self.max_retry_after) {
            return Err(Because::RetryAfter);
        }
        let delay = self.back_off(attempt.sends, random).max(attempt.retry_after.unwrap_or_default());
        match attempt.left {
            Some(left) if delay >= left => Err(Because::Deadline),
            _ => Ok(delay),
        }
    }

    fn permitted(&self, attempt: &Attempt<'_>) -> Result<(), Because> {
        if !attempt.failed.is_transient(self.statuses) {
            Err(Because::NotTransient)
        } else if attempt.failed != Failed::NotSent && !attempt.repeatable() {
            Err(Because::NotIdempotent)
        } else if !attempt.replayable {
            Err(Because::NotReplayable)
        } else if attempt.sends >= self.max_sends.max(1) {
            Err(Because::Sends)
        } else {
            Ok(())
        }
    }

    /// Full jitter: a random delay from zero to the ceiling, which doubles with each send.
    fn back_off(&self, sends: u32, random: u64) -> Duration {
        let doublings = sends.saturating_sub(1).min(31);
        let ceiling = self.base_delay.saturating_mul(1 << doublings).min(self.max_delay);
        let nanos = ceiling.as_nanos().saturating_mul(u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Failed {
    fn is_transient(self, statuses: RetryStatuses) -> bool {
        match self {
            Self::NotSent | Self::MaybeSent => true,
            Self::Status(status) => statuses.contains(status),
        }
    }
}

impl Attempt<'_> {
    /// Whether applying the request twice has the same effect as once (RFC 9110 section 9.2.2).
    fn repeatable(&self) -> bool {
        self.idempotency_key
            || match self.operation {
                Operation::Http => self.method.is_idempotent(),
                Operation::GraphqlQuery => true,
                Operation::GraphqlMutation => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(3600);

    fn attempt(method: &Method, failed: Failed) -> Attempt<'_> {
        Attempt {
            sends: 1,
            method,
            operation: Operation::Http,
            idempotency_key: false,
            replayable: true,
            failed,
            retry_after: None,
            left: None,
        }
    }

    fn decide(attempt: &Attempt<'_>) -> Decision {
        let policy = RetryPolicy::default();
        policy.decide(attempt, &mut Budget::new(&policy, NOW), NOW, u64::MAX / 2)
    }

    fn status(code: u16) -> Failed {
        Failed::Status(StatusCode::from_u16(code).unwrap())
    }

    fn again(decision: Decision) -> bool {
        matches!(decision, Decision::Again(_))
    }

    #[test]
    fn exactly_five_statuses_are_transient() {
        let transient: Vec<u16> =
            (100..600).filter(|code| again(decide(&attempt(&Method::GET, status(*code))))).collect();
        assert_eq!(transient, [408, 429, 502, 503, 504]);
    }

    #[test]
    fn methods_that_are_not_idempotent_are_sent_again_only_where_nothing_was_sent() {
        for method in [Method::POST, Method::PATCH, Method::CONNECT] {
            let given_back = Decision::GiveBack(Because::NotIdempotent);
            assert_eq!(decide(&attempt(&method, status(503))), given_back);
            assert_eq!(decide(&attempt(&method, Failed::MaybeSent)), given_back);
            assert!(again(decide(&attempt(&method, Failed::NotSent))));
        }
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE]
        {
            assert!(again(decide(&attempt(&method, Failed::MaybeSent))));
        }
    }

    #[test]
    fn an_idempotency_key_makes_a_post_repeatable() {
        let keyed = Attempt { idempotency_key: true, ..attempt(&Method::POST, status(502)) };
        assert!(again(decide(&keyed)));
    }

    #[test]
    fn graphql_queries_are_repeatable_and_mutations_are_not_whatever_the_method() {
        let post = attempt(&Method::POST, status(502));
        assert!(again(decide(&Attempt { operation: Operation::GraphqlQuery, ..post })));
        let get = Attempt { operation: Operation::GraphqlMutation, ..attempt(&Method::GET, status(502)) };
        assert_eq!(decide(&get), Decision::GiveBack(Because::NotIdempotent));
    }

    #[test]
    fn a_body_that_is_gone_is_never_sent_again() {
        let gone = Attempt { replayable: false, ..attempt(&Method::PUT, Failed::NotSent) };
        assert_eq!(decide(&gone), Decision::GiveBack(Because::NotReplayable));
    }

    #[test]
    fn three_sends_are_the_limit() {
        let get = attempt(&Method::GET, status(503));
        assert!(again(decide(&Attempt { sends: 2, ..get })));
        assert_eq!(decide(&Attempt { sends: 3, ..get }), Decision::GiveBack(Because::Sends));
    }

    #[test]
    fn retry_after_is_kept_exactly_or_the_response_is_given_back() {
        let get = attempt(&Method::GET, status(429));
        let asked = |seconds| Attempt { retry_after: Some(Duration::from_secs(seconds)), ..get };
        assert_eq!(decide(&asked(7)), Decision::Again(Duration::from_secs(7)));
        assert_eq!(decide(&asked(61)), Decision::GiveBack(Because::RetryAfter));
        let late = Attempt { left: Some(Duration::from_secs(7)), ..asked(7) };
        assert_eq!(decide(&late), Decision::GiveBack(Because::Deadline));
    }

    #[test]
    fn the_budget_allows_its_floor_at_once_and_a_fifth_of_the_requests_after_that() {
        let policy = RetryPolicy::default();
        let mut budget = Budget::new(&policy, NOW);
        assert_eq!((0..100).filter(|_| budget.withdraw(NOW)).count(), 10);
        (0..100).for_each(|_| budget.deposit());
        assert_eq!((0..100).filter(|_| budget.withdraw(NOW)).count(), 20);
        let later = NOW + Duration::from_secs(5);
        assert_eq!((0..100).filter(|_| budget.withdraw(later)).count(), 5);
    }

    #[test]
    fn an_empty_budget_gives_the_response_back() {
        let policy = RetryPolicy { budget_percent: 0, budget_floor: 0, ..RetryPolicy::default() };
        let mut budget = Budget::new(&policy, NOW);
        let decision = policy.decide(&attempt(&Method::GET, status(503)), &mut budget, NOW, 0);
        assert_eq!(decision, Decision::GiveBack(Because::Budget));
    }

    proptest! {
        #[test]
        fn a_delay_is_never_shorter_than_asked_nor_longer_than_the_policy_or_the_deadline(
            sends in 0_u32..1000, random: u64, after in proptest::option::of(0_u64..100_000),
            left in proptest::option::of(0_u64..100_000), base in 0_u64..100_000, max in 0_u64..100_000,
        ) {
            let policy = RetryPolicy {
                max_sends: u32::MAX,
                base_delay: Duration::from_millis(base),
                max_delay: Duration::from_millis(max),
                ..RetryPolicy::default()
            };
            let (after, left) = (after.map(Duration::from_millis), left.map(Duration::from_millis));
            let get = Attempt { sends, retry_after: after, left, ..attempt(&Method::GET, Failed::MaybeSent) };
            if let Decision::Again(delay) = policy.decide(&get, &mut Budget::new(&policy, NOW), NOW, random) {
                prop_assert!(delay >= after.unwrap_or_default());
                prop_assert!(delay <= policy.max_delay.max(after.unwrap_or_default()));
                prop_assert!(left.is_none_or(|left| delay < left));
            }
        }

        #[test]
        fn retries_never_exceed_their_share_and_the_floor(
            steps in proptest::collection::vec((any::<bool>(), 0_u64..2000), 0..500),
        ) {
            let policy = RetryPolicy::default();
            let mut budget = Budget::new(&policy, NOW);
            let (mut now, mut requests, mut retries) = (NOW, 0_u64, 0_u64);
            for (request, millis) in steps {
                now += Duration::from_millis(millis);
                if request {
                    budget.deposit();
                    requests += 1;
                } else {
                    retries += u64::from(budget.withdraw(now));
                }
            }
            let periods = (now - NOW).as_secs() / 10 + 1;
            prop_assert!(retries <= 10 + requests / 5 + 10 * periods);
        }

        #[test]
        fn absurd_policies_and_times_do_not_overflow(
            sends: u32, max_sends: u32, percent: u32, floor: u32, seconds: u64, now: u64, random: u64,
        ) {
            let policy = RetryPolicy {
                max_sends,
                base_delay: Duration::from_secs(seconds),
                max_delay: Duration::MAX,
                max_retry_after: Duration::MAX,
                budget_percent: percent,
                budget_floor: floor,
                statuses: RetryStatuses::default(),
            };
            let mut budget = Budget::new(&policy, Duration::from_secs(now));
            budget.deposit();
            let get = Attempt { sends, retry_after: Some(Duration::MAX), ..attempt(&Method::GET, Failed::NotSent) };
            let _ = policy.decide(&get, &mut budget, Duration::MAX, random);
        }
    }
}
