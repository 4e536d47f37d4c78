//! The lease while a refresh is under way, and after it.

use std::time::Duration;

use super::Step;
use crate::machine::compact_record::CompactRecord;
use crate::machine::record::{Lease, Record};
use crate::machine::shared_time::SharedTime;
use crate::machine::unknown_fields::Unknown;
use crate::machine::{Machine, OpId};
use crate::store::{Expected, Saved, Unavailable, Version};
use crate::time::Now;

/// A write under way that changes marks and not the token.
pub(in crate::machine) struct Rewrite {
    pub(in crate::machine) op: OpId,
    pub(super) record: Record,
    pub(super) over: Version,
}

impl Machine {
    pub(super) fn lease(&self, owner: String, now: Now) -> Lease {
        Lease {
            owner,
            until: SharedTime::new(now.plus(self.config.lease), self.boot()),
            unknown: Unknown::default(),
        }
    }

    pub(super) fn renew(&mut self, now: Now) {
        let Some(owner) = self.flight.as_ref().map(|flight| flight.owner.clone()) else { return };
        let lease = self.lease(owner, now);
        let Some(held) = self.held() else { return };
        let (mut record, Some(version)) = (held.record.clone(), held.version.clone()) else { return };
        record.lease = Some(Box::new(lease));
        let op = self.save(&mut record, Expected::Version(version.clone()));
        if let Some(flight) = &mut self.flight {
            flight.renewal = Some(Rewrite { op, record, over: version });
        }
    }

    pub(in crate::machine) fn renewed(&mut self, saved: Result<Saved, Unavailable>, now: Now) {
        const TRY_AGAIN: Duration = Duration::from_secs(5);
        let third = self.config.lease / 3;
        let Some(flight) = &mut self.flight else { return };
        let Some(renewal) = flight.renewal.take() else { return };
        match saved {
            Ok(Saved::Done(version)) => {
                flight.renew_at = Some(now.mono + third);
                self.rewritten(renewal, version);
            }
            // Somebody else wrote: whatever is sent next reads first. An answer that arrives is saved anyway.
            Ok(Saved::Conflict) => {
                flight.renew_at = None;
                if let Some(held) = self.held_mut() {
                    held.record.lease = None;
                }
            }
            Err(_) => flight.renew_at = Some(now.mono + TRY_AGAIN),
        }
    }

    pub(in crate::machine) fn lease_released(&mut self, saved: Result<Saved, Unavailable>) {
        let Some(lease_release) = self.lease_release.take() else { return };
        if let Ok(Saved::Done(version)) = saved {
            self.rewritten(*lease_release, version);
        }
        if matches!(self.flight.as_ref().map(|flight| &flight.step), Some(Step::AwaitingRelease)) {
            self.read();
        }
    }

    /// A write of marks was carried out. Its answer may come after that of a later write.
    pub(super) fn rewritten(&mut self, mut rewrite: Rewrite, version: Version) {
        if let Some(held) = self.held_mut().filter(|held| held.version.as_ref() == Some(&rewrite.over)) {
            // Counted while it was on its way.
            rewrite.record.refresh_budget.clone_from(&held.record.refresh_budget);
            held.record = CompactRecord::new(rewrite.record);
            held.version = Some(version);
        }
    }

    pub(super) fn lease_outlasts(&self, cap: Duration, now: Now) -> bool {
        let owner = self.flight.as_ref().map(|flight| flight.owner.as_str());
        self.held().and_then(|held| held.record.lease.as_ref()).is_some_and(|lease| {
            Some(lease.owner.as_str()) == owner
                && lease.until.left(now, self.boot(), self.config.lease) >= cap
        })
    }
}
