//! How often this session may refresh, and which origins may cause it (spec 3.6, 5.3).

use std::time::Duration;

use super::Context;
use crate::error::Failure;
use crate::event::EventKind;
use crate::machine::failures::limited;
use crate::machine::refresh_budget::RefreshBudget;
use crate::time::Now;

impl Context {
    pub(in crate::machine) fn budget(&self) -> Option<&RefreshBudget> {
        self.held().and_then(|held| held.record.refresh_budget.as_deref())
    }

    pub(in crate::machine) fn budget_full(&self, now: Now) -> Option<Duration> {
        self.budget().and_then(|budget| budget.full((now, self.boot())))
    }

    /// The failure; reported once per pause.
    pub(in crate::machine) fn limited(&mut self, wait: Duration, now: Now) -> Failure {
        if self.limit_reported.as_deref().is_none_or(|until| now.mono >= *until) {
            self.limit_reported = Some(Box::new(now.mono + wait));
            self.report(EventKind::RefreshLimited);
        }
        limited(wait)
    }

    /// An origin that keeps rejecting new tokens: its rejections start no flight.
    pub(in crate::machine) fn holds(&self, origin: &str, now: Now) -> bool {
        self.budget().is_some_and(|budget| budget.holds(origin, (now, self.boot())))
    }

    /// Refreshes that token expiry explains are some time apart.
    pub(in crate::machine) fn not_before(&self) -> Option<Duration> {
        // A token that cannot be served gives no information about lifetimes; it has pauses of its own (spec 1.8).
        let current = self.current().filter(|current| current.unservable.is_none())?;
        let lifetime = current.lifetime.unwrap_or_default();
        Some(self.last_refresh? + (lifetime / 2).max(Duration::from_secs(1)))
    }
}
