//! What a machine says: to the store, to those who wait, to those who listen.

use std::sync::Arc;

use super::effect::{Effect, Settled};
use super::failures::tag;
use super::record::Record;
use super::shared_time::SharedClock;
use super::{Machine, OpId, Ticket};
use crate::event::{Event, EventKind, Warning};
use crate::store::{Expected, Unavailable};
use crate::time::Now;
use crate::verdict::DeadReason;

impl Machine {
    pub(super) fn op(&mut self) -> OpId {
        self.next_op += 1;
        self.next_op
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    pub(super) fn load(&mut self) -> OpId {
        let op = self.op();
        self.effects.push_back(Effect::Load { op });
        op
    }

    /// Writes a record under a mark of its own, by which a save that was carried out is recognized.
    pub(super) fn save(&mut self, record: &mut Record, expected: Expected) -> OpId {
        record.write = self.entropy.id();
        if self.key.is_some() {
            record.key.clone_from(&self.key);
        }
        let op = self.op();
        let record = record.to_bytes();
        self.stored = Some(Box::new(record.clone()));
        self.effects.push_back(Effect::Save { op, record, expected });
        op
    }

    /// A stored record, if it is ours.
    pub(super) fn parse(&self, bytes: &[u8]) -> Result<Record, Unavailable> {
        let record = Record::parse(bytes)?;
        match (&self.key, &record.key) {
            (Some(asked), Some(given)) if asked != given => Err(Unavailable::foreign(asked, given)),
            _ => Ok(record),
        }
    }

    pub(super) fn publish(&mut self, now: Now) {
        let snapshot = Arc::new(self.snapshot(now));
        self.effects.push_back(Effect::Publish(snapshot));
    }

    pub(super) fn settle(&mut self, ticket: Ticket, result: Settled) {
        self.effects.push_back(Effect::Settle { ticket, result });
    }

    pub(super) fn report(&mut self, kind: EventKind) {
        let (lineage, generation) = match self.held() {
            Some(held) => (tag(&held.record.lineage), held.record.generation()),
            None => (String::new(), 0),
        };
        self.effects.push_back(Effect::Event(Event { lineage, generation, kind }));
    }

    /// LoginRequired, once for each lost credential.
    pub(super) fn report_login_required(&mut self, reason: DeadReason) {
        let Some(held) = self.held() else { return };
        let lost = Box::new((held.record.lineage.clone(), held.record.refresh_fingerprint()));
        if self.reported_login.as_ref() != Some(&lost) {
            self.reported_login = Some(lost);
            self.report(EventKind::LoginRequired { reason });
        }
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.report(EventKind::Warned(warning));
    }

    /// The clock of what processes share.
    pub(super) fn boot(&self) -> SharedClock<'_> {
        SharedClock::of(self.config.boot.as_deref(), self.store_ahead)
    }
}
