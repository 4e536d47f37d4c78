//! The lease while a refresh is under way, and after it.

use std::time::Duration;

use super::Step;
use crate::machine::Machine;
use crate::machine::context::Rewrite;
use crate::store::{Expected, Saved, Unavailable};
use crate::time::Now;

impl Machine {
    pub(super) fn renew(&mut self, now: Now) {
        let Some(owner) = self.flight.as_ref().map(|flight| flight.owner.clone()) else { return };
        let lease = self.context.lease(owner, now);
        let Some(held) = self.context.held() else { return };
        let (mut record, Some(version)) = (held.record.clone(), held.version.clone()) else { return };
        record.lease = Some(Box::new(lease));
        let op = self.context.save(&mut record, Expected::Version(version.clone()));
        if let Some(flight) = &mut self.flight {
            flight.renewal = Some(Rewrite { op, record, over: version });
        }
    }

    pub(in crate::machine) fn renewed(&mut self, saved: Result<Saved, Unavailable>, now: Now) {
        const TRY_AGAIN: Duration = Duration::from_secs(5);
        let third = self.context.config.lease / 3;
        let Some(flight) = &mut self.flight else { return };
        let Some(renewal) = flight.renewal.take() else { return };
        match saved {
            Ok(Saved::Done(version)) => {
                flight.renew_at = Some(now.mono + third);
                self.context.rewritten(renewal, version);
            }
            // Somebody else wrote: whatever is sent next reads first. An answer that arrives is saved anyway.
            Ok(Saved::Conflict) => {
                flight.renew_at = None;
                if let Some(held) = self.context.held_mut() {
                    held.record.lease = None;
                }
            }
            Err(_) => flight.renew_at = Some(now.mono + TRY_AGAIN),
        }
    }

    pub(in crate::machine) fn lease_released(&mut self, saved: Result<Saved, Unavailable>) {
        let Some(lease_release) = self.context.lease_release.take() else { return };
        if let Ok(Saved::Done(version)) = saved {
            self.context.rewritten(*lease_release, version);
        }
        if matches!(self.flight.as_ref().map(|flight| &flight.step), Some(Step::AwaitingRelease)) {
            self.read();
        }
    }

    pub(super) fn lease_outlasts(&self, cap: Duration, now: Now) -> bool {
        let owner = self.flight.as_ref().map(|flight| flight.owner.as_str());
        self.context.held().and_then(|held| held.record.lease.as_ref()).is_some_and(|lease| {
            Some(lease.owner.as_str()) == owner
                && lease.until.left(now, self.context.boot(), self.context.config.lease) >= cap
        })
    }
}
