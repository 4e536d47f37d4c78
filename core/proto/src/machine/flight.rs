//! One refresh, from the lease to its result (spec 4, 5, 6).

mod claim;
mod ending;
mod lease;
mod outcome;
mod sending;

use std::time::Duration;

use super::context::Rewrite;
use super::effect::Effect;
use super::record::{Intent, Record};
use super::waiting::Waiting;
use super::{Machine, OpId, Ticket};
use crate::event::RefreshCause;
use crate::store::{Loaded, Owner, Saved, Unavailable, Version};
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
    /// What was read, while its owner is asked about.
    read: Option<(Box<Record>, Version)>,
    /// What is on its way into the store.
    written: Option<Box<Record>>,
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

#[derive(Clone, Copy)]
enum Step {
    /// Reading the store, to adopt or to claim.
    Reading(OpId),
    /// Reading it once more after a Dead: only the same token is marked (spec 5.2).
    Rereading(OpId, DeadReason),
    /// Reading once the marks of the flight before are written: the store does not know yet how that ended.
    AwaitingRelease,
    /// Asking whether the owner of a lease or an intent lives.
    Probing(OpId),
    /// Reading again then.
    Waiting(Duration, Waiting),
    /// Writing lease and intent.
    Claiming(OpId),
    /// The token endpoint has it.
    Sending(OpId, Option<Duration>),
    /// Sending again then.
    Pausing(Duration),
    /// Writing the Dead mark.
    Marking(OpId, DeadReason),
    /// The grant is on its way into the store.
    Committing,
}

impl Flight {
    pub(super) fn awaits(&self, op: OpId) -> bool {
        match &self.step {
            Step::Reading(own)
            | Step::Rereading(own, _)
            | Step::Probing(own)
            | Step::Claiming(own)
            | Step::Sending(own, _)
            | Step::Marking(own, _) => *own == op,
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
        let ticket = self.context.ticket();
        let owner = self.context.entropy.id();
        self.context.remember_owner(owner.clone());
        self.context.push(Effect::Announce { owner: owner.clone() });
        let by_clock = matches!(cause, RefreshCause::Expired | RefreshCause::Advisory);
        let step = match self.context.not_before().filter(|until| by_clock && now.mono < *until) {
            Some(until) => Step::Waiting(until, Waiting::TooSoon),
            None => Step::Reading(self.context.load()),
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
            read: None,
            written: None,
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
        self.context.publish(now);
        ticket
    }

    /// The token endpoint answered, or the transport gave up. `said` goes into the error, if one comes of it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let mut example = Example::new();
    /// # example.machine.refresh(false, example.now);
    /// # let send = example.run().expect("a send");
    /// # let Example { mut machine, now, .. } = example;
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
            let outcome = self.context.of_the_client(outcome, &said);
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
                self.context.push(Effect::Abort { op });
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
        if self.context.lease_release.is_some() && after_dead.is_none() {
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
        let Some((record, version)) = self.flight.as_mut().and_then(|flight| flight.read.take()) else {
            return;
        };
        let left = record
            .lease
            .as_ref()
            .map(|lease| lease.until.left(now, self.context.boot(), self.context.config.lease));
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
        let (step, Some(record)) = (flight.step, flight.written.take()) else { return };
        match step {
            Step::Claiming(_) => self.claimed(*record, saved, now),
            Step::Marking(_, reason) => self.marked(*record, reason, saved, now),
            _ => {}
        }
    }

    fn step(&mut self, step: Step) {
        if let Some(flight) = &mut self.flight {
            flight.step = step;
        }
    }

    fn write(&mut self, step: Step, record: Record) {
        if let Some(flight) = &mut self.flight {
            flight.step = step;
            flight.written = Some(Box::new(record));
        }
    }

    fn read(&mut self) {
        let op = self.context.load();
        self.step(Step::Reading(op));
    }
}
