//! The retry budget that all requests of a client share (spec 8.2).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rekindle_proto::retry::{Attempt, Budget, Decision, RetryPolicy};

use crate::fork::PerProcess;
use crate::lock::Mutex;

pub(crate) struct Retries {
    policy: RetryPolicy,
    budget: PerProcess<Mutex<Budget>>,
    /// Nothing more fits in: requests that succeed, nearly all, need not take the lock to find that out again.
    full: AtomicBool,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self { policy, budget: PerProcess::new(), full: AtomicBool::new(false) }
    }

    /// A request begins.
    pub(crate) fn deposit(&self, now: Duration) {
        if !self.full.load(Ordering::Relaxed) {
            self.turn(now, |budget| {
                budget.deposit();
                self.full.store(budget.is_full(), Ordering::Relaxed);
            });
        }
    }

    /// By the client's policy, or by this request's own. The budget is the client's.
    pub(crate) fn decide(&self, attempt: &Attempt<'_>, own: Option<&RetryPolicy>, now: Duration) -> Decision {
        // A system call.
        let random = crate::platform::random::number().unwrap_or(u64::MAX);
        self.turn(now, |budget| {
            self.full.store(false, Ordering::Relaxed);
            own.unwrap_or(&self.policy).decide(attempt, budget, now, random)
        })
    }

    fn turn<T>(&self, now: Duration, turn: impl FnOnce(&mut Budget) -> T) -> T {
        turn(&mut self.budget.get(|_| Mutex::new(Budget::new(&self.policy, now))).lock())
    }
}
