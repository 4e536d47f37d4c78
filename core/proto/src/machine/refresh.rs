//! A refresh: its flight, and the commit of what that brought. What follows from their inputs is applied here.

use super::Machine;
use super::commit::{Commit, Progress as Committing};
use super::effect::Effect;
use super::record::Record;
use crate::credential::TokenResponse;
use crate::event::{EventKind, Warning};
use crate::rotation::Rotation;
use crate::store::Version;
use crate::time::Now;

impl Machine {
    pub(super) fn begin_commit(&mut self, grant: &TokenResponse, sent: (Now, u64), now: Now) {
        self.commit = Commit::begin(&mut self.context, grant, sent, now).map(Box::new);
    }

    pub(super) fn advance_commit(&mut self, progress: Committing, now: Now) {
        match progress {
            Committing::UnderWay => {}
            Committing::Saved(version) => self.committed(version, now),
            Committing::Superseded(record, version) => self.superseded(record, version, now),
            Committing::LineageEnded(stored) => {
                self.drop_commit();
                self.lineage_ended(stored, now);
            }
            Committing::Unpersisted => self.serve_unpersisted(now),
            Committing::Dispensable => self.serve_unsaved(now),
        }
    }

    /// The lineage was ended while its grant was on its way (spec 4.6).
    pub(super) fn drop_commit(&mut self) {
        if let Some(token) = self.take_commit().and_then(|commit| commit.token()) {
            self.context.push(Effect::Revoke { token });
        }
    }

    /// Whoever kept the lease for it has nothing to keep any more.
    fn take_commit(&mut self) -> Option<Commit> {
        let mut commit = self.commit.take()?;
        if let Some(owner) = commit.take_owner() {
            self.context.push(Effect::Retire { owner });
        }
        Some(*commit)
    }

    /// Somebody's later refresh is stored already: theirs is taken.
    fn superseded(&mut self, record: Record, version: Version, now: Now) {
        self.take_commit();
        self.context.hold(record, Some(version), 0, now);
        self.context.report(EventKind::Adopted);
        if self.flight.is_some() {
            self.satisfy_flight(now);
        }
    }

    fn committed(&mut self, version: Version, now: Now) {
        let Some(commit) = self.take_commit() else { return };
        let was_unpersisted = commit.unpersisted();
        self.context.hold(commit.record, Some(version), commit.sequence, now);
        if was_unpersisted {
            self.context.report(EventKind::Persisted);
        } else {
            self.report_success(true, now);
            self.satisfy_flight(now);
        }
    }

    /// Served from memory, with a warning; nothing is left to be saved (spec 7.2).
    fn serve_unsaved(&mut self, now: Now) {
        self.report_success(false, now);
        let Some(commit) = self.take_commit() else { return };
        let version = self.context.held().and_then(|held| held.version.clone());
        self.context.hold(commit.record, version, commit.sequence, now);
        if !std::mem::replace(&mut self.warned_not_saved, true) {
            self.context.warn(Warning::NotSaved);
        }
        self.satisfy_flight(now);
    }

    fn serve_unpersisted(&mut self, now: Now) {
        self.report_success(false, now);
        self.context.report(EventKind::Unpersisted);
        if !self.keeps_serving_old(now) {
            let Some(commit) = &self.commit else { return };
            let (record, sequence) = (commit.record.clone(), commit.sequence);
            let version = self.context.held().and_then(|held| held.version.clone());
            self.context.hold(record, version, sequence, now);
        }
        self.satisfy_flight(now);
    }

    /// The first use of the new token would end the old refresh token, which is the only one that is stored.
    fn keeps_serving_old(&self, now: Now) -> bool {
        let valid = self.context.current().is_some_and(|current| current.valid(now))
            && self.context.rejected_by.is_empty()
            && !self.context.invalidated;
        valid && matches!(self.context.rotation(), Rotation::UntilSuccessorUsed | Rotation::Grace(_))
    }

    fn report_success(&mut self, persisted: bool, now: Now) {
        let Some(flight) = &self.flight else { return };
        let (waiters, duration) = (flight.waiters, now.mono.saturating_sub(flight.started.mono));
        self.context.report(EventKind::RefreshSucceeded { waiters, duration, persisted });
    }
}
