//! The outputs of a machine: to the store, to waiters, to listeners.

use super::Context;
use crate::event::{Event, EventKind, Warning};
use crate::machine::effect::{Effect, Settled};
use crate::machine::failures::tag;
use crate::machine::record::Record;
use crate::machine::shared_time::SharedClock;
use crate::machine::{OpId, Ticket};
use crate::store::{Expected, Loaded, Unavailable, Version};
use crate::time::Now;
use crate::verdict::DeadReason;

/// Requests an effect.
pub(in crate::machine) enum Output {
    Effect(Effect),
    Publish(Now),
}

impl Context {
    pub(in crate::machine) fn op(&mut self) -> OpId {
        self.next_op += 1;
        self.next_op
    }

    pub(in crate::machine) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    pub(in crate::machine) fn load(&mut self) -> OpId {
        let op = self.op();
        self.push(Effect::Load { op });
        op
    }

    /// Writes a record with a new mark, by which a save that was carried out is recognized.
    pub(in crate::machine) fn save(&mut self, record: &mut Record, expected: Expected) -> OpId {
        record.write = self.entropy.id();
        if self.key.is_some() {
            record.key.clone_from(&self.key);
        }
        let op = self.op();
        let record = record.to_bytes();
        self.last_saved = Some(Box::new(record.clone()));
        self.push(Effect::Save { op, record, expected });
        op
    }

    /// A stored record, if it is ours.
    pub(in crate::machine) fn parse(&self, bytes: &[u8]) -> Result<Record, Unavailable> {
        let record = Record::parse(bytes)?;
        match (&self.key, &record.key) {
            (Some(asked), Some(given)) if asked != given => Err(Unavailable::foreign(asked, given)),
            _ => Ok(record),
        }
    }

    /// The result of a load, if it is ours; `None` if the store has no record.
    pub(in crate::machine) fn stored(
        &self,
        loaded: Result<Loaded, Unavailable>,
    ) -> Result<Option<(Record, Version)>, Unavailable> {
        match loaded? {
            Loaded::Present(bytes, version) => self.parse(&bytes).map(|record| Some((record, version))),
            Loaded::Absent => Ok(None),
        }
    }

    /// The served token changed. The snapshot is taken when the machine is drained, so it shows the final state after
    /// an input.
    pub(in crate::machine) fn publish(&mut self, now: Now) {
        self.outputs.push_back(Output::Publish(now));
    }

    pub(in crate::machine) fn push(&mut self, effect: Effect) {
        self.outputs.push_back(Output::Effect(effect));
    }

    pub(in crate::machine) fn settle(&mut self, ticket: Ticket, result: Settled) {
        self.push(Effect::Settle { ticket, result });
    }

    pub(in crate::machine) fn report(&mut self, kind: EventKind) {
        let (lineage, generation) = match self.held() {
            Some(held) => (tag(&held.record.lineage), held.record.generation()),
            None => (String::new(), 0),
        };
        self.push(Effect::Event(Event { lineage, generation, kind }));
    }

    /// Emits LoginRequired, once for each lost credential.
    pub(in crate::machine) fn report_login_required(&mut self, reason: DeadReason) {
        let Some(held) = self.held() else { return };
        let lost = Box::new((held.record.lineage.clone(), held.record.refresh_fingerprint()));
        if self.reported_login.as_ref() != Some(&lost) {
            self.reported_login = Some(lost);
            self.report(EventKind::LoginRequired { reason });
        }
    }

    pub(in crate::machine) fn warn(&mut self, warning: Warning) {
        self.report(EventKind::Warned(warning));
    }

    /// The clock for data that processes share.
    pub(in crate::machine) fn boot(&self) -> SharedClock<'_> {
        SharedClock::of(self.config.boot.as_deref(), self.store_ahead)
    }
}
