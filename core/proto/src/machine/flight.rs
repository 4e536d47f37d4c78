//! One refresh, from the lease to its result (spec 4, 5, 6).

mod outcome;

use std::time::Duration;

use super::compact_record::CompactRecord;
use super::failures::{dead as dead_mark, login_required, never_signed_in};
use super::record::{Intent, Lease, Record};
use super::resend::{Resend, resend, send_cap};
use super::shared_time::SharedTime;
use super::unknown_fields::Unknown;
use super::waiting::Waiting;
use super::{Effect, Machine, OpId, Settled, Standing, Ticket, misconfigured, signed_out};
use crate::error::{ErrorKind, Failure};
use crate::event::{EventKind, RefreshCause};
use crate::rotation::Rotation;
use crate::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};
use crate::time::Now;
use crate::verdict::{DeadReason, Lost, Outcome, ServerError};

/// A flight sends up to this often (spec 5.3).
const MOST_SENDS: u32 = 3;

/// One refresh under way.
pub(super) struct Flight {
    pub(super) ticket: Ticket,
    pub(super) waiters: u64,
    /// The token that it brings is not wanted any more: waiters ask again (spec 3.2).
    pub(super) again: bool,
    pub(super) started: Now,
    cause: RefreshCause,
    pub(super) owner: String,
    /// Goes through back-off and a Dead mark.
    force: bool,
    /// The clock does not explain it: who rejected the token, if that is why.
    pub(super) unexplained: Option<Option<String>>,
    step: Step,
    /// Sends so far, and when the last one left, on the clocks and in the machine's order.
    sends: u32,
    pub(super) sent: Option<(Now, u64)>,
    /// Answers in a row that did not consume the token.
    pauses: u32,
    /// The endpoint asked for a nonce once: whoever signs proofs has it.
    nonce_heard: bool,
    skew_corrected: bool,
    /// When the wait for somebody else's lease began.
    waiting_since: Option<Duration>,
    renewal: Option<Rewrite>,
    renew_at: Option<Duration>,
    /// The intent as it stands while we hold the lease.
    intent: Option<Box<Intent>>,
    /// What the last answer said.
    said: ServerError,
}

/// A write under way that changes marks and not the token.
pub(super) struct Rewrite {
    pub(super) op: OpId,
    record: Record,
    over: Version,
}

enum Step {
    /// Reading the store, to adopt or to claim.
    Reading(OpId),
    /// Reading it once more after a Dead: only the same token is marked (spec 5.2).
    Rereading(OpId, DeadReason),
    /// Reading once the marks of the flight before are written: the store does not know yet how that ended.
    AwaitingRelease,
    /// Asking whether the owner of a lease or an intent lives.
    Probing(OpId, Box<Record>, Version),
    /// Reading again then.
    Waiting(Duration, Waiting),
    /// Writing lease and intent.
    Claiming(OpId, Box<Record>),
    /// The token endpoint has it.
    Sending(OpId, Option<Duration>),
    /// Sending again then.
    Pausing(Duration),
    /// Writing the Dead mark.
    Marking(OpId, Box<Record>, DeadReason),
    /// The grant is on its way into the store.
    Committing,
}

impl Flight {
    pub(super) fn awaits(&self, op: OpId) -> bool {
        match &self.step {
            Step::Reading(own)
            | Step::Rereading(own, _)
            | Step::Probing(own, ..)
            | Step::Claiming(own, _)
            | Step::Sending(own, _)
            | Step::Marking(own, ..) => *own == op,
            Step::AwaitingRelease | Step::Waiting(..) | Step::Pausing(_) | Step::Committing => false,
        }
    }

    pub(super) fn renews(&self, op: OpId) -> bool {
        self.renewal.as_ref().is_some_and(|renewal| renewal.op == op)
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        let step = match &self.step {
            Step::Waiting(until, _) | Step::Pausing(until) => Some(*until),
            Step::Sending(_, cap) => *cap,
            _ => None,
        };
        let renewal = self.renew_at.filter(|_| self.renewal.is_none());
        [step, renewal].into_iter().flatten().min()
    }

    pub(super) fn was_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// What is waited for, and until when.
    pub(super) fn waiting(&self) -> (Waiting, Option<Duration>) {
        match &self.step {
            Step::Waiting(until, why) => (*why, Some(*until)),
            Step::Pausing(until) => (Waiting::NextTry, Some(*until)),
            Step::Sending(_, cap) => (Waiting::TokenEndpoint, *cap),
            _ => (Waiting::Store, None),
        }
    }

    fn sending(&self) -> Option<OpId> {
        match &self.step {
            Step::Sending(op, _) => Some(*op),
            _ => None,
        }
    }
}

impl Machine {
    pub(super) fn start(&mut self, cause: RefreshCause, force: bool, now: Now) -> Ticket {
        let ticket = self.ticket();
        let owner = self.entropy.id();
        self.remember_owner(owner.clone());
        self.effects.push_back(Effect::Announce { owner: owner.clone() });
        let by_clock = matches!(cause, RefreshCause::Expired | RefreshCause::Advisory);
        let step = match self.not_before().filter(|until| by_clock && now.mono < *until) {
            Some(until) => Step::Waiting(until, Waiting::TooSoon),
            None => Step::Reading(self.load()),
        };
        self.flight = Some(Box::new(Flight {
            ticket,
            waiters: 0,
            again: false,
            started: now,
            cause,
            owner,
            force,
            unexplained: None,
            step,
            sends: 0,
            sent: None,
            pauses: 0,
            nonce_heard: false,
            skew_corrected: false,
            waiting_since: None,
            renewal: None,
            renew_at: None,
            intent: None,
            said: ServerError::default(),
        }));
        self.publish(now);
        ticket
    }

    /// The token endpoint answered, or the transport gave up. `said` goes into the error, if one comes of it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// # machine.open();
    /// # let mut stored = Loaded::Absent;
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(stored.clone()), now),
    /// #         Effect::Save { op, record, .. } => {
    /// #             stored = Loaded::Present(record, Version::new("1"));
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// # machine.refresh(false, now);
    /// # let send = loop {
    /// #     match machine.poll_effect().expect("a send") {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(stored.clone()), now),
    /// #         Effect::Save { op, record, .. } => {
    /// #             stored = Loaded::Present(record, Version::new("2"));
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("2"))), now)
    /// #         }
    /// #         Effect::Send { op, .. } => break op,
    /// #         _ => {}
    /// #     }
    /// # };
    /// // `send` is the op of an Effect::Send: the token endpoint granted a new token
    /// let outcome = Outcome::Granted(Box::new(TokenResponse::new("at-2")));
    /// machine.handle_outcome(send, outcome, ServerError::default(), now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     if let Effect::Save { op, .. } = effect {
    ///         machine.handle_saved(op, Ok(Saved::Done(Version::new("3"))), now);
    ///     }
    /// }
    /// let Some(token) = machine.fallback(TokenRequirements::default(), now) else { panic!("at-2 is valid") };
    /// assert_eq!(token.value.expose(), "at-2");
    /// ```
    pub fn handle_outcome(&mut self, op: OpId, outcome: Outcome, said: ServerError, now: Now) {
        if let Some(abandoned) = self.abandoned_sends.iter().position(|abandoned| *abandoned == op) {
            self.abandoned_sends.remove(abandoned);
            return self.abandoned_send_answered(outcome);
        }
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.sending() == Some(op)) {
            flight.said = said.clone();
            let outcome = self.of_the_client(outcome, &said);
            self.handle_flight_outcome(outcome, now);
        }
    }

    pub(super) fn flight_timeout(&mut self, now: Now) {
        let Some(flight) = &mut self.flight else { return };
        if flight.renewal.is_none() && flight.renew_at.is_some_and(|at| now.mono >= at) {
            self.renew(now);
        }
        let Some(flight) = &mut self.flight else { return };
        match flight.step {
            Step::Waiting(until, _) if now.mono >= until => self.read(),
            Step::Pausing(until) if now.mono >= until => self.send_or_reread(now),
            Step::Sending(op, Some(cap)) if now.mono >= cap => {
                self.effects.push_back(Effect::Abort { op });
                self.handle_flight_outcome(Outcome::Lost(Lost::Cap), now);
            }
            _ => {}
        }
    }

    /// The record may have changed: whoever waits for somebody else's lease looks again.
    pub(super) fn flight_changed(&mut self) {
        if self.awaits_others() {
            self.read();
        }
    }

    /// Whether somebody else refreshes, and this machine waits for what comes of it: the engine may be told by the store
    /// that the record has changed.
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// assert!(!machine.awaits_others());
    /// ```
    #[must_use]
    pub fn awaits_others(&self) -> bool {
        let waits =
            |flight: &Flight| matches!(flight.step, Step::Waiting(..)) && flight.waiting_since.is_some();
        self.flight.as_deref().is_some_and(waits)
    }

    pub(super) fn flight_loaded(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let after_dead = match self.flight.as_ref().map(|flight| &flight.step) {
            Some(Step::Rereading(_, reason)) => Some(*reason),
            _ => None,
        };
        if self.lease_release.is_some() && after_dead.is_none() {
            return self.step(Step::AwaitingRelease);
        }
        let (record, version) = match self.stored(loaded, now) {
            Ok(Some(stored)) => stored,
            Ok(None) => return,
            Err(unavailable) if self.spends_without_store() && after_dead.is_none() => {
                let _ = unavailable;
                return self.send(now);
            }
            Err(unavailable) => return self.store_failed(&unavailable, now),
        };
        match after_dead {
            Some(reason) => self.reread_after_dead(record, version, reason, now),
            None => self.consider(record, version, now),
        }
    }

    pub(super) fn flight_probed(&mut self, owner: Owner, now: Now) {
        let Some(flight) = &mut self.flight else { return };
        let step = std::mem::replace(&mut flight.step, Step::Committing);
        let Step::Probing(_, record, version) = step else { return };
        let left = record.lease.as_ref().map(|lease| lease.until.left(now, self.boot(), self.config.lease));
        match owner {
            Owner::Dead => self.claim_after(*record, version, owner, now),
            Owner::Alive | Owner::Unknown if left.is_some_and(|left| !left.is_zero()) => {
                self.wait_for_lease(now)
            }
            Owner::Alive | Owner::Unknown => self.claim_after(*record, version, owner, now),
        }
    }

    pub(super) fn flight_saved(&mut self, saved: Result<Saved, Unavailable>, now: Now) {
        let Some(flight) = &mut self.flight else { return };
        match std::mem::replace(&mut flight.step, Step::Committing) {
            Step::Claiming(_, record) => self.claimed(*record, saved, now),
            Step::Marking(_, record, reason) => self.marked(*record, reason, saved, now),
            _ => {}
        }
    }

    pub(super) fn renewed(&mut self, saved: Result<Saved, Unavailable>, now: Now) {
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

    pub(super) fn lease_released(&mut self, saved: Result<Saved, Unavailable>) {
        let Some(lease_release) = self.lease_release.take() else { return };
        if let Ok(Saved::Done(version)) = saved {
            self.rewritten(*lease_release, version);
        }
        if matches!(self.flight.as_ref().map(|flight| &flight.step), Some(Step::AwaitingRelease)) {
            self.read();
        }
    }

    /// Ends a flight from outside: its lineage was ended (spec 4.6). What it sent is revoked when it arrives.
    pub(super) fn end_flight(&mut self, failure: Failure) {
        let Some(flight) = self.flight.take() else { return };
        self.abandoned_sends.extend(flight.sending());
        self.effects.push_back(Effect::Retire { owner: flight.owner });
        self.settle(flight.ticket, Settled::Failed(failure));
    }

    /// Ends a flight with a failure that callers share.
    pub(super) fn fail_flight(&mut self, failure: Failure, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        let failure = in_its_words(failure, flight.said, self.config.refresh_function);
        self.report(EventKind::RefreshFailed { kind: failure.kind, retry_after: failure.retry_after });
        self.effects.push_back(Effect::Retire { owner: flight.owner });
        self.publish(now);
        self.settle(flight.ticket, Settled::Failed(failure));
    }

    /// Ends a flight with the token that is held now.
    pub(super) fn satisfy_flight(&mut self, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        match &mut self.commit {
            Some(commit) => commit.keep(flight.owner),
            None => self.effects.push_back(Effect::Retire { owner: flight.owner }),
        }
        self.invalidated = flight.again;
        let result = match self.current().cloned() {
            _ if flight.again => Settled::Again,
            Some(current) => match &current.unservable {
                Some(unservable) => Settled::Failed(Failure::clone(unservable)),
                None => Settled::Token(current),
            },
            None => Settled::Again,
        };
        self.publish(now);
        self.settle(flight.ticket, result);
    }

    fn satisfy_with(&mut self, result: Settled, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        self.effects.push_back(Effect::Retire { owner: flight.owner });
        self.publish(now);
        self.settle(flight.ticket, result);
    }

    fn remember_owner(&mut self, owner: String) {
        const MOST: usize = 8;
        if self.owners.len() == MOST {
            self.owners.pop_front();
        }
        self.owners.push_back(owner);
    }

    fn step(&mut self, step: Step) {
        if let Some(flight) = &mut self.flight {
            flight.step = step;
        }
    }

    fn read(&mut self) {
        let op = self.load();
        self.step(Step::Reading(op));
    }

    /// A stored record of our lineage and configuration; everything else ends the flight here.
    fn stored(
        &mut self,
        loaded: Result<Loaded, Unavailable>,
        now: Now,
    ) -> Result<Option<(Record, Version)>, Unavailable> {
        let (record, version) = match loaded? {
            Loaded::Present(bytes, version) => (self.parse(&bytes)?, version),
            Loaded::Absent => {
                self.lineage_ended(None, now);
                return Ok(None);
            }
        };
        let ours = self.held().is_some_and(|held| held.record.lineage == record.lineage);
        if !ours || record.tombstone {
            self.lineage_ended(Some((record, version)), now);
            return Ok(None);
        }
        if !record.binding.admits(&self.config.binding, self.config.strict_binding) {
            let failure = misconfigured(&record.binding, &self.config.binding);
            self.fail_flight(failure, now);
            return Ok(None);
        }
        Ok(Some((record, version)))
    }

    /// The store holds nothing, a tombstone, or another lineage (spec 7.6).
    pub(super) fn lineage_ended(&mut self, stored: Option<(Record, Version)>, now: Now) {
        self.end_flight(signed_out());
        self.report(EventKind::SignedOut);
        match stored {
            Some((record, version)) if !record.tombstone => self.take_stored(record, version, now),
            _ => self.empty(signed_out(), now),
        }
    }

    /// Takes a stored record of another lineage, or of the first reading.
    pub(super) fn take_stored(&mut self, record: Record, version: Version, now: Now) {
        if !record.binding.admits(&self.config.binding, self.config.strict_binding) {
            return self.empty(misconfigured(&record.binding, &self.config.binding), now);
        }
        self.hold(record, Some(version), 0, now);
        let dead = self.held().and_then(|held| held.record.dead_for(&self.config.binding));
        if let Some(reason) = dead.map(|mark| mark.reason) {
            self.report_login_required(reason);
        }
    }

    /// What is stored is older than what is known here, which goes on and is written over it (spec 7.11). What others wrote
    /// for the same refresh token meanwhile binds all the same.
    fn newest(&self, stored: Record) -> Record {
        let Some(held) = self.held().filter(|_| self.is_older_copy(&stored)) else { return stored };
        let mut newest = held.record.clone();
        (newest.lease, newest.intent) = (None, None);
        if stored.fence > newest.fence {
            newest.fence = stored.fence;
            (newest.lease, newest.intent) = (stored.lease, stored.intent);
            (newest.backoff, newest.dead) = (stored.backoff, stored.dead);
        }
        newest
    }

    /// The record is read: adopt, obey, wait, or claim.
    fn consider(&mut self, record: Record, version: Version, now: Now) {
        let record = self.newest(record);
        let Some(flight) = &self.flight else { return };
        let force = flight.force;
        let newer = self.held().is_some_and(|held| record.generation() > held.record.generation());
        let dead = record.dead_for(&self.config.binding).filter(|_| !force).cloned();
        self.hold(record.clone(), Some(version.clone()), 0, now);
        if newer && self.current().is_some_and(|current| adoptable(current, now)) {
            self.report(EventKind::Adopted);
            return self.satisfy_flight(now);
        }
        if let Some(mark) = dead {
            self.report_login_required(mark.reason);
            return self.fail_flight(dead_mark(&mark), now);
        }
        if !self.renewable(&record) {
            self.report_login_required(DeadReason::NoRefreshToken);
            return self.fail_flight(login_required(DeadReason::NoRefreshToken), now);
        }
        let pausing = self.held().and_then(|held| self.pausing(&held.record, now));
        if let Some(failure) = pausing.filter(|_| !force).map(|(backoff, left)| backoff.failure(left)) {
            return self.fail_flight(failure, now);
        }
        if self.ended_by_budget(now) {
            return;
        }
        // With what memory knows better than the store.
        let record = self.held().map_or(record, |held| held.record.clone());
        self.claim_or_wait(record, version, now);
    }

    /// Other processes' refreshes count as well (spec 5.3): whether that ended the flight.
    fn ended_by_budget(&mut self, now: Now) -> bool {
        let Some(origin) = self.flight.as_ref().and_then(|flight| flight.unexplained.clone()) else {
            return false;
        };
        if let Some(wait) = self.budget_full(now) {
            let failure = self.limited(wait, now);
            self.fail_flight(failure, now);
            return true;
        }
        // Whoever was rejected asks again, and is refused (spec 3.6).
        let held = origin.is_some_and(|origin| self.holds(&origin, now));
        if held {
            self.satisfy_with(Settled::Again, now);
        }
        held
    }

    /// Somebody may be at it (spec 7.4): ask whether they live, before the lease is waited for.
    fn claim_or_wait(&mut self, record: Record, version: Version, now: Now) {
        let foreign_lease = record.lease.as_ref().map(|lease| lease.owner.clone());
        let foreign_intent = record.intent.as_ref().filter(|intent| intent.lost.is_none());
        let owner = foreign_lease.or_else(|| foreign_intent.map(|intent| intent.owner.clone()));
        match owner.filter(|owner| !self.owners.contains(owner)) {
            Some(owner) => {
                let op = self.op();
                self.effects.push_back(Effect::Probe { op, owner });
                self.step(Step::Probing(op, Box::new(record), version));
            }
            None => self.claim_after(record, version, Owner::Unknown, now),
        }
    }

    /// Nobody else holds the lease. An open intent decides when the token may be sent again (spec 6.3).
    fn claim_after(&mut self, record: Record, version: Version, owner: Owner, now: Now) {
        let Some(intent) = self.open_intent(&record) else { return self.claim(record, version, None, now) };
        let lost = intent.lost.unwrap_or(Lost::Vanished);
        let over = intent.lost.is_some() && intent.sends >= 2;
        match self.resend(&intent, lost, now) {
            // Its back-off is over, or we would not be here.
            _ if over => self.claim(record, version, Some(intent), now),
            // Its connection ended with it, and nothing speaks for a server that punishes a second send (spec 6.2).
            Resend::In(_) if owner == Owner::Dead && self.forgives() => {
                self.claim(record, version, Some(intent), now)
            }
            Resend::In(wait) => self.step(Step::Waiting(now.mono + wait, Waiting::VanishedOwner)),
            Resend::WhenTokenEnds => self.hold_until_token_ends(now),
            Resend::Now | Resend::Paused | Resend::BackOff => self.claim(record, version, Some(intent), now),
        }
    }

    fn forgives(&self) -> bool {
        matches!(self.config.rotation, Rotation::Unknown | Rotation::Sometimes)
    }

    /// What is known of earlier sends of the stored token. Of our own sends we know more than the store.
    fn open_intent(&self, record: &Record) -> Option<Box<Intent>> {
        let flight = self.flight.as_ref()?;
        let stored = record.intent.as_ref()?;
        let intent = if stored.owner == flight.owner { flight.intent.clone()? } else { stored.clone() };
        Self::is_intent_for(&intent, record).then_some(intent)
    }

    fn resend(&self, intent: &Intent, lost: Lost, now: Now) -> Resend {
        let valid = self.current().is_some_and(|current| current.valid(now)) && self.rejected_by.is_empty();
        let cap = send_cap(self.rotation(), self.config.send_cap);
        resend(self.rotation(), intent, lost, valid, cap, (now, self.boot()))
    }

    fn wait_for_lease(&mut self, now: Now) {
        let often = self.config.look_again;
        let pause = often / 2 + self.entropy.up_to(often);
        let most = self.config.lease_wait;
        let Some(flight) = &mut self.flight else { return };
        let since = *flight.waiting_since.get_or_insert(now.mono);
        if now.mono.saturating_sub(since) < most {
            return self.step(Step::Waiting(now.mono + pause, Waiting::OthersLease));
        }
        let failure = Failure::new(
            ErrorKind::RefreshFailed,
            "another process has been refreshing for long and has not stored its result: try again later",
        );
        self.fail_flight(failure.after(Duration::from_secs(1)), now);
    }

    /// Takes the lease and writes the intent, in one compare-and-save (spec 4.4).
    fn claim(&mut self, mut record: Record, version: Version, open: Option<Box<Intent>>, now: Now) {
        let refresh_token = record.refresh_fingerprint();
        let Some(owner) = self.flight.as_ref().map(|flight| flight.owner.clone()) else { return };
        let sends = open.as_ref().map_or(1, |intent| intent.sends + 1);
        let first_sent = open.map_or_else(|| SharedTime::new(now, self.boot()), |intent| intent.first_sent);
        record.fence += 1;
        record.lease = Some(Box::new(self.lease(owner.clone(), now)));
        let intent =
            Intent { refresh_token, owner, first_sent, sends, lost: None, unknown: Unknown::default() };
        record.intent = Some(Box::new(intent));
        let op = self.save(&mut record, Expected::Version(version));
        self.step(Step::Claiming(op, Box::new(record)));
    }

    fn lease(&self, owner: String, now: Now) -> Lease {
        Lease {
            owner,
            until: SharedTime::new(now.plus(self.config.lease), self.boot()),
            unknown: Unknown::default(),
        }
    }

    fn claimed(&mut self, record: Record, saved: Result<Saved, Unavailable>, now: Now) {
        let third = self.config.lease / 3;
        match saved {
            Ok(Saved::Done(version)) => {
                if let Some(flight) = &mut self.flight {
                    flight.intent.clone_from(&record.intent);
                    flight.renew_at = Some(now.mono + third);
                }
                if let Some(held) = self.held_mut() {
                    held.record = CompactRecord::new(record);
                    held.version = Some(version);
                }
                self.send(now);
            }
            Ok(Saved::Conflict) => self.read(),
            Err(_) if self.spends_without_store() => self.send(now),
            Err(unavailable) => self.store_failed(&unavailable, now),
        }
    }

    /// A write of marks was carried out. Its answer may come after that of a later write.
    fn rewritten(&mut self, mut rewrite: Rewrite, version: Version) {
        if let Some(held) = self.held_mut().filter(|held| held.version.as_ref() == Some(&rewrite.over)) {
            // Counted while it was on its way.
            rewrite.record.refresh_budget.clone_from(&held.record.refresh_budget);
            held.record = CompactRecord::new(rewrite.record);
            held.version = Some(version);
        }
    }

    /// Right before the body is sent: the lease must outlast the send (spec 4.4).
    fn send(&mut self, now: Now) {
        let Some(held) = self.held() else { return };
        let Some(request) = self.grant_request(&held.record) else { return };
        let cap = send_cap(self.rotation(), self.config.send_cap);
        if !self.lease_outlasts(cap, now) && !self.spends_without_store() {
            return self.read();
        }
        self.sequence += 1;
        let (sequence, uncapped, op) = (self.sequence, self.config.refresh_function, self.op());
        let Some(flight) = &mut self.flight else { return };
        flight.said = ServerError::default();
        flight.sends += 1;
        let started = (flight.sends == 1).then_some(EventKind::RefreshStarted { cause: flight.cause });
        flight.sent = Some((now, sequence));
        flight.step = Step::Sending(op, (!uncapped).then(|| now.mono + cap));
        if let Some(started) = started {
            self.report(started);
        }
        self.effects.push_back(Effect::Send { op, request });
        if self.config.old_token_dies {
            self.publish(now);
        }
    }

    fn send_or_reread(&mut self, now: Now) {
        let cap = send_cap(self.rotation(), self.config.send_cap);
        if self.lease_outlasts(cap, now) { self.send(now) } else { self.read() }
    }

    fn lease_outlasts(&self, cap: Duration, now: Now) -> bool {
        let owner = self.flight.as_ref().map(|flight| flight.owner.as_str());
        self.held().and_then(|held| held.record.lease.as_ref()).is_some_and(|lease| {
            Some(lease.owner.as_str()) == owner
                && lease.until.left(now, self.boot(), self.config.lease) >= cap
        })
    }

    /// Where the old token stays usable, a store that is down costs nothing (spec 7.6).
    fn spends_without_store(&self) -> bool {
        self.rotation() == Rotation::None
    }

    fn renew(&mut self, now: Now) {
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

    pub(super) fn nothing_held(&self) -> Failure {
        match &self.standing {
            Standing::Empty(failure) => Failure::clone(failure),
            Standing::Unread | Standing::Held(_) => never_signed_in(),
        }
    }
}

/// An error that came of an answer carries what the answer said.
fn in_its_words(mut failure: Failure, said: ServerError, by_function: bool) -> Failure {
    failure.oauth_error = failure.oauth_error.or(said.oauth_error);
    failure.status = failure.status.or(said.status);
    if let Some(hint) = said.hint {
        failure.message = format!("{}; {hint}", failure.message);
    }
    failure.cause = failure.cause.or(said.cause);
    match said.message {
        Some(message) if by_function => failure.message = format!("{message}: {}", failure.message),
        Some(message) => {
            // Without a status it is what the transport says.
            let who = if said.status.is_some() { "the server says: " } else { "" };
            failure.message = format!("{} ({who}{message})", failure.message);
        }
        None => {}
    }
    failure
}

/// Adopted is what can be served for a while: not what is about to end itself.
fn adoptable(current: &super::Current, now: Now) -> bool {
    let mandatory = current.lifetime.map(super::current::mandatory).unwrap_or_default();
    current.valid(now) && current.left(now).is_none_or(|left| left > mandatory)
}
