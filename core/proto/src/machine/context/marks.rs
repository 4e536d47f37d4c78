//! The data that is written with the token: leases, pauses and counts.

use super::Context;
use crate::machine::OpId;
use crate::machine::compact_record::CompactRecord;
use crate::machine::record::{Lease, Record};
use crate::machine::shared_time::SharedTime;
use crate::machine::unknown_fields::Unknown;
use crate::store::{Expected, Saved, Unavailable, Version};
use crate::time::Now;

/// A write in progress that changes marks but not the token.
pub(in crate::machine) struct Rewrite {
    pub(in crate::machine) op: OpId,
    pub(in crate::machine) record: Record,
    pub(in crate::machine) over: Version,
}

impl Context {
    pub(in crate::machine) fn lease(&self, owner: String, now: Now) -> Lease {
        Lease {
            owner,
            until: SharedTime::new(now.plus(self.config.lease), self.boot()),
            unknown: Unknown::default(),
        }
    }

    /// Writes the current record while other operations continue.
    pub(in crate::machine) fn write_marks(&mut self) {
        let Some(held) = self.held() else { return };
        let (mut record, Some(version)) = (held.record.clone(), held.version.clone()) else { return };
        let op = self.save(&mut record, Expected::Version(version.clone()));
        self.lease_release = Some(Box::new(Rewrite { op, record, over: version }));
    }

    /// A write of marks was carried out. Its result may arrive after that of a later write.
    pub(in crate::machine) fn rewritten(&mut self, mut rewrite: Rewrite, version: Version) {
        if let Some(held) = self.held_mut().filter(|held| held.version.as_ref() == Some(&rewrite.over)) {
            // Counted while the write was in progress.
            rewrite.record.refresh_budget.clone_from(&held.record.refresh_budget);
            held.record = CompactRecord::new(rewrite.record);
            held.version = Some(version);
        }
    }

    pub(in crate::machine) fn handle_released(&mut self, saved: Result<Saved, Unavailable>) {
        if let (Some(release), Ok(Saved::Done(version))) = (self.lease_release.take(), saved) {
            self.rewritten(*release, version);
        }
    }
}
