//! A look at the store between flights: others may have written (spec 7.13). Nobody waits for it.

use super::{Machine, OpId, Standing, signed_out};
use crate::event::EventKind;
use crate::store::{Loaded, Unavailable};
use crate::time::Now;

impl Machine {
    /// Reads the record, unless what is under way does so itself.
    pub(super) fn look(&mut self) {
        if self.idle() && !matches!(self.standing, Standing::Unread) {
            self.look = Some(self.load());
        }
    }

    pub(super) fn looks(&self, op: OpId) -> bool {
        self.look == Some(op)
    }

    /// What others wrote is taken where it differs. What began meanwhile reads for itself.
    pub(super) fn looked(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        self.look = None;
        let Some(loaded) = loaded.ok().filter(|_| self.idle()) else { return };
        let known = self.known();
        match loaded {
            Loaded::Absent if known.is_some() => {
                self.report(EventKind::SignedOut);
                self.empty(signed_out(), now);
            }
            Loaded::Absent => {}
            Loaded::Present(_, version)
                if self.held().is_some_and(|held| held.version.as_ref() == Some(&version)) => {}
            Loaded::Present(bytes, version) => {
                let Ok(record) = self.parse(&bytes) else { return };
                self.take_stored_or_tombstone(record, version, now);
            }
        }
        let taken = self.known();
        if taken.is_some() && taken != known {
            self.report(EventKind::Adopted);
        }
    }

    /// Which access token of which sign-in is known.
    fn known(&self) -> Option<(String, u64)> {
        self.held().map(|held| (held.record.lineage.clone(), held.record.generation()))
    }
}
