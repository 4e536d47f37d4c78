//! What a session writes or reads beside its flights: opening the store, signing in, signing out
//! (spec 4.6, 7.3, 7.6). These win over a flight.

use std::time::Duration;

use super::context::Standing;
use super::effect::Settled;
use super::failures::{signed_out, store_unavailable};
use super::record::Record;
use super::refresh_budget::full_jitter;
use super::{Machine, OpId, Ticket};
use crate::credential::{Credential, Fingerprint, Secret};
use crate::error::{ErrorKind, Failure};
use crate::event::{EventKind, Warning};
use crate::store::{Expected, Loaded, Saved, Unavailable, Version};
use crate::time::Now;

/// One reading or writing that callers wait for.
pub(super) struct Write {
    ticket: Ticket,
    purpose: Purpose,
    phase: Phase,
    /// What is on its way into the store.
    written: Option<Box<Record>>,
    failures: u32,
    settled: bool,
}

enum Purpose {
    /// Read what is there; take the seed if nothing is.
    Open,
    /// A new lineage replaces whatever is there.
    SignIn(Box<Record>),
    /// A tombstone replaces whatever is there.
    SignOut,
}

enum Phase {
    Reading(OpId),
    Saving(OpId),
    Waiting(Duration),
}

impl Write {
    pub(super) fn awaits(&self, op: OpId) -> bool {
        matches!(&self.phase, Phase::Reading(own) | Phase::Saving(own) if *own == op)
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Reading(_) | Phase::Saving(_) => None,
        }
    }
}

impl Machine {
    /// A user signed in: replaces what is there, at once (spec 4.6). Wait for the ticket.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let credential = Credential { access_token: Some("at-2".into()), ..Credential::default() };
    /// machine.sign_in(&credential, now)?;
    /// assert!(!machine.idle()); // the store is still to be written
    /// assert!(machine.sign_in(&Credential::default(), now).is_err());
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig for a credential that no session could use.
    pub fn sign_in(&mut self, credential: &Credential, now: Now) -> Result<Ticket, Failure> {
        self.context.config.check(credential)?;
        self.end_lineage();
        // From now on it is this process's own.
        self.context.forked = false;
        let record = self.context.new_lineage(credential, now, now);
        self.context.standing = Standing::Empty(Box::new(signed_out()));
        let ticket = self.begin(Purpose::SignIn(Box::new(record)));
        self.context.publish(now);
        Ok(ticket)
    }

    /// The user signs out: nothing is served from now on; a tombstone replaces what is stored.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// machine.sign_out(now);
    /// assert_eq!(machine.status(now).standing, StatusStanding::SignedOut);
    /// ```
    pub fn sign_out(&mut self, now: Now) -> Ticket {
        self.end_lineage();
        self.context.report(EventKind::SignedOut);
        self.context.empty(signed_out(), now);
        self.begin(Purpose::SignOut)
    }

    /// Reads the store: the first time, or because memory alone would fail a caller.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::unread();
    /// let ticket = machine.open();
    /// assert_eq!(machine.open(), ticket); // one reading is enough
    /// assert!(matches!(machine.poll_effect(), Some(Effect::Load { .. })));
    /// ```
    pub fn open(&mut self) -> Ticket {
        self.write_ticket().unwrap_or_else(|| self.begin(Purpose::Open))
    }

    /// What callers wait for before they are served.
    pub(super) fn write_ticket(&self) -> Option<Ticket> {
        self.write.as_ref().filter(|write| !write.settled).map(|write| write.ticket)
    }

    /// As for a grant (`flush_commit`), at once.
    pub(super) fn flush_write(&mut self, now: Now) {
        if let Some(Write { phase: Phase::Waiting(until), .. }) = self.write.as_deref_mut() {
            *until = now.mono;
        }
    }

    pub(super) fn write_timeout(&mut self, now: Now) {
        let due = self.write.as_deref().and_then(Write::timeout).is_some_and(|until| now.mono >= until);
        if due {
            let op = self.context.load();
            self.phase(Phase::Reading(op));
        }
    }

    pub(super) fn write_loaded(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let Some(write) = &self.write else { return };
        match write.purpose {
            Purpose::Open => self.opened(loaded, now),
            Purpose::SignIn(_) | Purpose::SignOut => self.replace(loaded, now),
        }
    }

    pub(super) fn write_saved(&mut self, saved: Result<Saved, Unavailable>, now: Now) {
        let Some(record) = self.write.as_mut().and_then(|write| write.written.take()) else { return };
        match saved {
            Ok(Saved::Done(version)) => self.written(*record, version, now),
            Ok(Saved::Conflict) => {
                let op = self.context.load();
                self.phase(Phase::Reading(op));
            }
            Err(unavailable) => self.not_written(&unavailable, now),
        }
    }

    fn begin(&mut self, purpose: Purpose) -> Ticket {
        if let Some(ticket) = self.write_ticket() {
            self.context.settle(ticket, Settled::Again);
        }
        let ticket = self.context.ticket();
        let phase = Phase::Reading(self.context.load());
        self.write =
            Some(Box::new(Write { ticket, purpose, phase, written: None, failures: 0, settled: false }));
        ticket
    }

    /// What a server is asked to revoke at a sign-out (RFC 7009): the refresh token, and with it what it brought.
    #[must_use]
    pub fn revocable(&self) -> Option<Secret> {
        let record = &self.context.held()?.record;
        if self.context.config.by_cookie() {
            // The cookie says by itself what it is.
            return Some(Secret::new(""));
        }
        record.refresh_token.clone().or_else(|| record.slot().map(|slot| slot.access_token.clone()))
    }

    /// What came with the tokens, or is kept beside them, under that name.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<String> {
        self.context.held()?.record.extra.get(name).cloned()
    }

    fn phase(&mut self, phase: Phase) {
        if let Some(write) = &mut self.write {
            write.phase = phase;
        }
    }

    fn saving(&mut self, op: OpId, record: Record) {
        if let Some(write) = &mut self.write {
            write.phase = Phase::Saving(op);
            write.written = Some(Box::new(record));
        }
    }

    /// Waiters of the old lineage get SignedOut; what is under way for it is revoked when it arrives.
    fn end_lineage(&mut self) {
        self.end_flight(signed_out());
        self.end_look();
        self.drop_commit();
        self.context.reported_login = None;
    }

    /// A credential to begin with that was not there when the machine was made: it is taken as if it had been, where
    /// nothing is served that it could replace (spec 7.3).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let mut machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// let seed = Credential { access_token: Some("at-1".into()), ..Credential::default() };
    /// machine.offer_seed(seed, Now::default());
    /// assert!(machine.is_seeded()); // the store was not read
    /// ```
    pub fn offer_seed(&mut self, seed: Credential, now: Now) {
        let lost = match &self.context.standing {
            Standing::Unread => true,
            Standing::Empty(_) => self.write.is_none(),
            Standing::Held(held) => {
                held.record.dead_for(&self.context.config.binding).is_some() && self.idle()
            }
        };
        if !lost {
            return self.context.warn(Warning::SeedIgnored);
        }
        // The store is read once more: it may hold what came meanwhile.
        self.context.standing = Standing::Unread;
        self.context.seed = Some(Box::new(seed));
        self.context.seed_given = Some(Box::new(now));
    }

    /// Reading for the first time, or once more (spec 7.3).
    fn opened(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let parsed = loaded.and_then(|loaded| match loaded {
            Loaded::Present(bytes, version) => {
                self.context.parse(&bytes).map(|record| Some((record, version)))
            }
            Loaded::Absent => Ok(None),
        });
        match parsed {
            Err(unavailable) => {
                let failure = store_unavailable(&unavailable);
                self.finish(Settled::Failed(failure));
                self.context.publish(now);
            }
            Ok(None) => self.opened_absent(now),
            Ok(Some((record, version))) => self.opened_present(record, version, now),
        }
    }

    fn opened_absent(&mut self, now: Now) {
        let known = self.context.held().is_some();
        // Who needs no token to begin with begins anew wherever nothing is stored.
        let may = matches!(self.context.standing, Standing::Unread) || self.context.begins_alone();
        match self.context.beginning().filter(|_| may && !known) {
            Some(beginning) => self.take_seed(beginning, Vec::new(), Expected::Absent, now),
            _ => {
                let failure = if known { signed_out() } else { self.context.nothing_held() };
                if known {
                    self.context.report(EventKind::SignedOut);
                }
                self.context.empty(failure, now);
                self.finish(Settled::Again);
            }
        }
    }

    fn opened_present(&mut self, record: Record, version: Version, now: Now) {
        let over = record.tombstone || record.dead_for(&self.context.config.binding).is_some();
        let first = matches!(self.context.standing, Standing::Unread);
        // The host may have another cookie by now, which nobody here can see (spec 5.21).
        let unseen = self.context.config.by_cookie() && over && !record.tombstone;
        let is_new = |beginning: &(_, Fingerprint)| first && (unseen || !record.seeds.contains(&beginning.1));
        let is_ignored = !over && self.context.seed.is_some();
        match self.context.beginning().filter(is_new) {
            Some(beginning) if over => {
                return self.take_seed(beginning, record.seeds, Expected::Version(version), now);
            }
            Some(_) if is_ignored => {
                self.context.take_stored_or_tombstone(record, version, now);
                self.context.warn(Warning::SeedIgnored);
            }
            _ => self.context.take_stored_or_tombstone(record, version, now),
        }
        self.finish(Settled::Again);
        // Nobody waits for the store any more: what it holds is served without asking.
        self.context.publish(now);
    }

    /// A seed gets its lineage id only by being saved (spec 7.3).
    fn take_seed(
        &mut self,
        (seed, fingerprint): (Credential, Fingerprint),
        taken: Vec<Fingerprint>,
        expected: Expected,
        now: Now,
    ) {
        let mut record =
            self.context.new_lineage(&seed, self.context.seed_given.as_deref().copied().unwrap_or(now), now);
        record.seeds = taken;
        record.took_seed(fingerprint);
        let op = self.context.save(&mut record, expected);
        self.saving(op, record);
    }

    /// Next version, next fence, no wait for a lease (spec 4.6).
    fn replace(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let (stored, expected) = match loaded {
            Ok(Loaded::Absent) => (None, Expected::Absent),
            Ok(Loaded::Present(bytes, version)) => match self.context.parse(&bytes) {
                Ok(record) => (Some(record), Expected::Version(version)),
                Err(foreign) if foreign.foreign => return self.not_written(&foreign, now),
                Err(_) => (None, Expected::Version(version)),
            },
            Err(unavailable) if unavailable.damaged => (None, Expected::Anything),
            Err(unavailable) => return self.not_written(&unavailable, now),
        };
        let Some(write) = &self.write else { return };
        let mut record = match &write.purpose {
            Purpose::SignIn(record) => (**record).clone(),
            Purpose::SignOut | Purpose::Open => match &stored {
                Some(stored) => stored.tombstone(),
                None => {
                    Record::new(self.context.entropy.id(), self.context.config.binding.clone()).tombstone()
                }
            },
        };
        if let Some(stored) = stored {
            record.fence = stored.fence + 1;
            record.seeds.clone_from(&stored.seeds);
        }
        if self.context.begins_alone() {
            // What was signed out is not begun again by a restart (spec 7.3).
            record.took_seed(self.context.config.binding.fingerprint());
        }
        let op = self.context.save(&mut record, expected);
        self.saving(op, record);
    }

    fn written(&mut self, record: Record, version: Version, now: Now) {
        let persisted_late = self.write.as_ref().is_some_and(|write| write.settled);
        if record.tombstone {
            self.context.empty(signed_out(), now);
        } else {
            self.context.hold(record, Some(version), 0, now);
            self.context.report(if persisted_late { EventKind::Persisted } else { EventKind::SignedIn });
        }
        self.finish(Settled::Again);
        self.context.publish(now);
    }

    /// The store is down. A sign-in is served from memory and saved later; a sign-out is tried again.
    fn not_written(&mut self, unavailable: &Unavailable, now: Now) {
        const FIRST_PAUSE: Duration = Duration::from_secs(1);
        const LONGEST_PAUSE: Duration = Duration::from_secs(60);
        let Some(write) = &mut self.write else { return };
        write.failures += 1;
        let (failures, ticket) = (write.failures, write.ticket);
        let first = !std::mem::replace(&mut write.settled, true);
        let record = match &write.purpose {
            Purpose::SignIn(record) => Some((**record).clone()),
            Purpose::Open => {
                self.finish_failed(unavailable, ticket);
                return;
            }
            Purpose::SignOut => None,
        };
        let pause = full_jitter(&mut self.context.entropy, FIRST_PAUSE, failures, LONGEST_PAUSE);
        self.phase(Phase::Waiting(now.mono + pause));
        if !first {
            return;
        }
        let failure = match record {
            Some(record) => {
                self.context.hold(record, None, 0, now);
                self.context.report(EventKind::SignedIn);
                self.context.report(EventKind::Unpersisted);
                not_saved(unavailable)
            }
            None => not_wiped(unavailable),
        };
        self.context.settle(ticket, Settled::Failed(failure));
    }

    fn finish_failed(&mut self, unavailable: &Unavailable, ticket: Ticket) {
        self.write = None;
        self.context.settle(ticket, Settled::Failed(store_unavailable(unavailable)));
    }

    fn finish(&mut self, result: Settled) {
        if !matches!(self.context.standing, Standing::Unread) {
            (self.context.seed, self.context.seed_given) = (None, None);
        }
        if let Some(write) = self.write.take().filter(|write| !write.settled) {
            self.context.settle(write.ticket, result);
        }
    }
}

fn not_saved(unavailable: &Unavailable) -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        format!(
            "signed in, but the credential could not be saved ({unavailable}): it is served from memory \
             and saved as soon as the store can be written; keep the process running, or fix the store"
        ),
    )
}

fn not_wiped(unavailable: &Unavailable) -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        format!(
            "signed out here, but the stored credential could not be wiped ({unavailable}): \
             it will be retried; fix the store"
        ),
    )
}
