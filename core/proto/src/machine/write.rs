//! What a session writes or reads beside its flights: opening the store, signing in, signing out
//! (spec 4.6, 7.3, 7.6). These win over a flight.

use std::time::Duration;

use super::effect::Settled;
use super::failures::{never_signed_in, signed_out, store_unavailable};
use super::held::Standing;
use super::record::{Record, RefreshTokenLife, SLOT, Slot};
use super::refresh_budget::full_jitter;
use super::unknown_fields::Unknown;
use super::{Machine, OpId, Ticket};
use crate::credential::{Credential, Expiry, Fingerprint, Secret};
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
        self.config.check(credential)?;
        self.end_lineage();
        // From now on it is this process's own.
        self.forked = false;
        let record = self.new_lineage(credential, now, now);
        self.standing = Standing::Empty(Box::new(signed_out()));
        let ticket = self.begin(Purpose::SignIn(Box::new(record)));
        self.publish(now);
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
        self.report(EventKind::SignedOut);
        self.empty(signed_out(), now);
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
            let op = self.load();
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
                let op = self.load();
                self.phase(Phase::Reading(op));
            }
            Err(unavailable) => self.not_written(&unavailable, now),
        }
    }

    fn begin(&mut self, purpose: Purpose) -> Ticket {
        if let Some(ticket) = self.write_ticket() {
            self.settle(ticket, Settled::Again);
        }
        let ticket = self.ticket();
        let phase = Phase::Reading(self.load());
        self.write =
            Some(Box::new(Write { ticket, purpose, phase, written: None, failures: 0, settled: false }));
        ticket
    }

    /// What a server is asked to revoke at a sign-out (RFC 7009): the refresh token, and with it what it brought.
    #[must_use]
    pub fn revocable(&self) -> Option<Secret> {
        let record = &self.held()?.record;
        if self.config.by_cookie() {
            // The cookie says by itself what it is.
            return Some(Secret::new(""));
        }
        record.refresh_token.clone().or_else(|| record.slot().map(|slot| slot.access_token.clone()))
    }

    /// What came with the tokens, or is kept beside them, under that name.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<String> {
        self.held()?.record.extra.get(name).cloned()
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
        self.reported_login = None;
    }

    fn new_lineage(&mut self, credential: &Credential, given: Now, now: Now) -> Record {
        let mut record = Record::new(self.entropy.id(), self.config.binding.clone());
        record.refresh_token.clone_from(&credential.refresh_token);
        record.refresh_token_life = refresh_token_life(credential, given, now);
        record.scope.clone_from(&credential.scope);
        record.extra.clone_from(&credential.extra);
        if let Some(access_token) = &credential.access_token {
            let slot = first_slot(credential, access_token, given, now);
            record.slots.insert(SLOT, slot);
        }
        record
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
        let lost = match &self.standing {
            Standing::Unread => true,
            Standing::Empty(_) => self.write.is_none(),
            Standing::Held(held) => held.record.dead_for(&self.config.binding).is_some() && self.idle(),
        };
        if !lost {
            return self.warn(Warning::SeedIgnored);
        }
        // The store is read once more: it may hold what came meanwhile.
        self.standing = Standing::Unread;
        self.seed = Some(Box::new(seed));
        self.seed_given = Some(Box::new(now));
    }

    /// Reading for the first time, or once more (spec 7.3).
    fn opened(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let parsed = loaded.and_then(|loaded| match loaded {
            Loaded::Present(bytes, version) => self.parse(&bytes).map(|record| Some((record, version))),
            Loaded::Absent => Ok(None),
        });
        match parsed {
            Err(unavailable) => {
                let failure = store_unavailable(&unavailable);
                self.finish(Settled::Failed(failure));
                self.publish(now);
            }
            Ok(None) => self.opened_absent(now),
            Ok(Some((record, version))) => self.opened_present(record, version, now),
        }
    }

    fn opened_absent(&mut self, now: Now) {
        let known = self.held().is_some();
        // Who needs no token to begin with begins anew wherever nothing is stored.
        let may = matches!(self.standing, Standing::Unread) || self.begins_alone();
        match self.beginning().filter(|_| may && !known) {
            Some(beginning) => self.take_seed(beginning, Vec::new(), Expected::Absent, now),
            _ => {
                let failure = if known { signed_out() } else { self.nothing_held() };
                if known {
                    self.report(EventKind::SignedOut);
                }
                self.empty(failure, now);
                self.finish(Settled::Again);
            }
        }
    }

    fn opened_present(&mut self, record: Record, version: Version, now: Now) {
        let over = record.tombstone || record.dead_for(&self.config.binding).is_some();
        let first = matches!(self.standing, Standing::Unread);
        // The host may have another cookie by now, which nobody here can see (spec 5.21).
        let unseen = self.config.by_cookie() && over && !record.tombstone;
        let is_new = |beginning: &(_, Fingerprint)| first && (unseen || !record.seeds.contains(&beginning.1));
        let is_ignored = !over && self.seed.is_some();
        match self.beginning().filter(is_new) {
            Some(beginning) if over => {
                return self.take_seed(beginning, record.seeds, Expected::Version(version), now);
            }
            Some(_) if is_ignored => {
                self.take_stored_or_tombstone(record, version, now);
                self.warn(Warning::SeedIgnored);
            }
            _ => self.take_stored_or_tombstone(record, version, now),
        }
        self.finish(Settled::Again);
        // Nobody waits for the store any more: what it holds is served without asking.
        self.publish(now);
    }

    pub(super) fn take_stored_or_tombstone(&mut self, record: Record, version: Version, now: Now) {
        if self.is_older_copy(&record) {
            // The next flight writes over it (spec 7.11).
            return;
        }
        let known = self.held().map(|held| held.record.lineage.clone());
        if known.is_some_and(|known| known != record.lineage || record.tombstone) {
            self.report(EventKind::SignedOut);
        }
        if record.tombstone {
            return self.empty(signed_out(), now);
        }
        self.take_stored(record, version, now);
    }

    fn nothing_held(&self) -> Failure {
        match &self.standing {
            Standing::Empty(failure) => Failure::clone(failure),
            Standing::Unread | Standing::Held(_) => never_signed_in(),
        }
    }

    /// A seed gets its lineage id only by being saved (spec 7.3).
    fn take_seed(
        &mut self,
        (seed, fingerprint): (Credential, Fingerprint),
        taken: Vec<Fingerprint>,
        expected: Expected,
        now: Now,
    ) {
        let mut record = self.new_lineage(&seed, self.seed_given.as_deref().copied().unwrap_or(now), now);
        record.seeds = taken;
        record.took_seed(fingerprint);
        let op = self.save(&mut record, expected);
        self.saving(op, record);
    }

    /// Next version, next fence, no wait for a lease (spec 4.6).
    fn replace(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let (stored, expected) = match loaded {
            Ok(Loaded::Absent) => (None, Expected::Absent),
            Ok(Loaded::Present(bytes, version)) => match self.parse(&bytes) {
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
                None => Record::new(self.entropy.id(), self.config.binding.clone()).tombstone(),
            },
        };
        if let Some(stored) = stored {
            record.fence = stored.fence + 1;
            record.seeds.clone_from(&stored.seeds);
        }
        if self.begins_alone() {
            // What was signed out is not begun again by a restart (spec 7.3).
            record.took_seed(self.config.binding.fingerprint());
        }
        let op = self.save(&mut record, expected);
        self.saving(op, record);
    }

    fn written(&mut self, record: Record, version: Version, now: Now) {
        let persisted_late = self.write.as_ref().is_some_and(|write| write.settled);
        if record.tombstone {
            self.empty(signed_out(), now);
        } else {
            self.hold(record, Some(version), 0, now);
            self.report(if persisted_late { EventKind::Persisted } else { EventKind::SignedIn });
        }
        self.finish(Settled::Again);
        self.publish(now);
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
        let pause = full_jitter(&mut self.entropy, FIRST_PAUSE, failures, LONGEST_PAUSE);
        self.phase(Phase::Waiting(now.mono + pause));
        if !first {
            return;
        }
        let failure = match record {
            Some(record) => {
                self.hold(record, None, 0, now);
                self.report(EventKind::SignedIn);
                self.report(EventKind::Unpersisted);
                not_saved(unavailable)
            }
            None => not_wiped(unavailable),
        };
        self.settle(ticket, Settled::Failed(failure));
    }

    fn finish_failed(&mut self, unavailable: &Unavailable, ticket: Ticket) {
        self.write = None;
        self.settle(ticket, Settled::Failed(store_unavailable(unavailable)));
    }

    fn finish(&mut self, result: Settled) {
        if !matches!(self.standing, Standing::Unread) {
            (self.seed, self.seed_given) = (None, None);
        }
        if let Some(write) = self.write.take().filter(|write| !write.settled) {
            self.settle(write.ticket, result);
        }
    }
}

fn first_slot(credential: &Credential, access_token: &Secret, given: Now, now: Now) -> Slot {
    let elapsed = now.mono.saturating_sub(given.mono).max(now.wall.since(given.wall));
    let (expires_at, lifetime) = match credential.expiry {
        None => (None, None),
        Some(Expiry::In(left)) => (Some(now.wall.plus(left).minus(elapsed)), Some(left)),
        Some(Expiry::At(at)) => (Some(at), Some(at.since(given.wall))),
    };
    Slot {
        generation: 1,
        access_token: access_token.clone(),
        token_type: credential.token_type.clone(),
        issued_at: now.wall,
        expires_at,
        lifetime_ms: lifetime.map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
        unknown: Unknown::default(),
    }
}

fn refresh_token_life(credential: &Credential, given: Now, now: Now) -> Option<RefreshTokenLife> {
    let elapsed = now.mono.saturating_sub(given.mono).max(now.wall.since(given.wall));
    let until = match credential.refresh_token_expiry? {
        Expiry::In(left) => now.wall.plus(left).minus(elapsed),
        Expiry::At(at) => at,
    };
    credential.refresh_token.as_ref()?;
    Some(RefreshTokenLife { from: given.wall, until, unknown: Unknown::default() })
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
