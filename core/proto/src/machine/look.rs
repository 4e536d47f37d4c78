//! Reads the store between flights, because other processes may have written: when the store reports a change (spec
//! 7.13), and before a rejection is refused because of what memory knows about the last refreshes (spec 3.6).

use super::acquire::REREAD_AFTER;
use super::context::Standing;
use super::effect::Settled;
use super::failures::signed_out;
use super::{Machine, OpId, Ticket};
use crate::event::EventKind;
use crate::store::{Loaded, Unavailable};
use crate::time::Now;

/// One read.
pub(super) struct Look {
    op: OpId,
    /// The ticket of the callers that wait for it.
    ticket: Option<Ticket>,
    /// Another process wrote while the read was in progress.
    again: bool,
}

impl Look {
    pub(super) fn awaits(&self, op: OpId) -> bool {
        self.op == op
    }
}

impl Machine {
    /// Another process wrote: reads the record, unless an operation in progress reads it anyway.
    pub(super) fn look(&mut self) {
        if let Some(look) = &mut self.look {
            look.again = true;
        } else if self.idle() && !matches!(self.context.standing, Standing::Unread) {
            self.begin_look();
        }
    }

    /// A token is not refreshed after a rejection if it came from a refresh for a rejection itself, unless the store,
    /// read after the rejection (`first`), shows that it helped or that there is another token.
    pub(super) fn look_after(&mut self, first: u64) -> Option<Ticket> {
        (self.looked < first).then(|| self.wait_for_look()).flatten()
    }

    /// An origin's breaker stays open, unless the store shows that a refresh helped in the meantime.
    pub(super) fn look_now_and_then(&mut self, now: Now) -> Option<Ticket> {
        self.has_not_read_for(REREAD_AFTER, now).then(|| self.wait_for_look()).flatten()
    }

    /// `None`: nothing to learn from the store.
    fn wait_for_look(&mut self) -> Option<Ticket> {
        if !self.context.config.shared || !self.is_quiet() {
            return None;
        }
        if self.look.is_none() {
            self.begin_look();
        }
        if self.look.as_ref()?.ticket.is_none() {
            let ticket = self.context.ticket();
            self.look.as_mut()?.ticket = Some(ticket);
        }
        self.look.as_ref()?.ticket
    }

    fn begin_look(&mut self) {
        self.context.sequence += 1;
        self.looked = self.context.sequence;
        self.look = Some(Box::new(Look { op: self.context.load(), ticket: None, again: false }));
    }

    /// Adopts what other processes wrote, if it differs. An operation that started in the meantime reads for itself.
    pub(super) fn look_loaded(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let again = self.look.as_ref().is_some_and(|look| look.again);
        if let Some(loaded) = loaded.ok().filter(|_| self.is_quiet()) {
            self.take_what_others_wrote(loaded, now);
        }
        self.end_look();
        if again {
            self.look();
        }
    }

    fn take_what_others_wrote(&mut self, loaded: Loaded, now: Now) {
        let known = self.known();
        match loaded {
            Loaded::Absent if known.is_some() => {
                self.context.report(EventKind::SignedOut);
                self.context.empty(signed_out(), now);
            }
            Loaded::Absent => {}
            Loaded::Present(_, version)
                if self.context.held().is_some_and(|held| held.version.as_ref() == Some(&version)) => {}
            Loaded::Present(bytes, version) => {
                let Ok(record) = self.context.parse(&bytes) else { return };
                self.context.take_stored_or_tombstone(record, version, now);
            }
        }
        let taken = self.known();
        if taken.is_some() && taken != known {
            self.context.report(EventKind::Adopted);
        }
    }

    /// Callers that waited for the read ask again.
    pub(super) fn end_look(&mut self) {
        if let Some(ticket) = self.look.take().and_then(|look| look.ticket) {
            self.context.settle(ticket, Settled::Again);
        }
    }

    /// The known access token and its sign-in.
    fn known(&self) -> Option<(String, u64)> {
        self.context.held().map(|held| (held.record.lineage.clone(), held.record.generation()))
    }
}
