//! One refresh, from the lease to its result (spec 4, 5, 6). The machine applies the result.

mod claim;
mod dead;
mod failing;
mod lease;
mod lost;
mod outcome;
mod sending;

use std::ops::ControlFlow;
use std::time::Duration;

use super::context::{Context, Rewrite};
use super::effect::Effect;
use super::record::{Intent, Record};
use super::waiting::Waiting;
use super::{OpId, Ticket};
use crate::credential::TokenResponse;
use crate::error::Failure;
use crate::event::RefreshCause;
use crate::store::{Loaded, Owner, Saved, Unavailable, Version};
use crate::time::Now;
use crate::verdict::{DeadReason, Lost, Outcome, ServerError};

/// The maximum number of sends of a flight (spec 5.3).
const MOST_SENDS: u32 = 3;
/// The pause between its sends.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One refresh in progress. It handles its own inputs; the machine applies the results.
pub(super) struct Flight {
    pub(super) ticket: Ticket,
    pub(super) waiters: u64,
    /// The token that it returns is already outdated: waiters ask again (spec 3.2).
    pub(super) again: bool,
    pub(super) started: Now,
    cause: RefreshCause,
    pub(super) owner: String,
    /// Overrides back-off and a Dead mark.
    force: bool,
    /// Token expiry does not explain it: the origin that rejected the token, if that is the cause.
    pub(super) unexplained: Option<Option<String>>,
    step: Step,
    /// The record that was read, while its owner is being checked.
    read: Option<(Box<Record>, Version)>,
    /// The write in progress.
    written: Option<Box<Record>>,
    /// The number of sends, and the time of the last one, on the clocks and in the machine's order.
    sends: u32,
    pub(super) sent: Option<(Now, u64)>,
    /// The number of consecutive responses that did not consume the token.
    pauses: u32,
    /// The endpoint requested a nonce once: the signer has it now.
    nonce_heard: bool,
    skew_corrected: bool,
    /// When the wait for another owner's lease began.
    waiting_since: Option<Duration>,
    renewal: Option<Rewrite>,
    renew_at: Option<Duration>,
    /// The current intent while we hold the lease.
    intent: Option<Box<Intent>>,
    /// The server's message in the last response.
    said: ServerError,
}

/// The result of an input.
#[must_use]
pub(super) enum Progress {
    UnderWay,
    /// The token endpoint granted new tokens: they must be saved, and the flight waits for that.
    Granted(Box<TokenResponse>),
    /// The flight is over: callers get the current token.
    Satisfied,
    /// The flight is over: callers ask again.
    Again,
    /// The flight is over, with a failure that callers share.
    Failed(Box<Failure>),
    /// The flight is over: the store holds nothing, a tombstone, or another lineage (spec 7.6).
    LineageEnded(Option<Box<(Record, Version)>>),
}

#[derive(Clone, Copy)]
enum Step {
    /// Reading the store, to adopt or to claim.
    Reading(OpId),
    /// Reading the store again after a Dead outcome: only the same token is marked (spec 5.2).
    Rereading(OpId, DeadReason),
    /// Will read when the marks of the previous flight have been written: the store does not have its result yet.
    AwaitingRelease,
    /// Asking whether the owner of a lease or an intent is alive.
    Probing(OpId),
    /// Will read again at that time.
    Waiting(Duration, Waiting),
    /// Writing lease and intent.
    Claiming(OpId),
    /// Waiting for the token endpoint.
    Sending(OpId, Option<Duration>),
    /// Will send again at that time.
    Pausing(Duration),
    /// Writing the Dead mark.
    Marking(OpId, DeadReason),
    /// The grant is being saved.
    Committing,
}

impl Flight {
    pub(super) fn start(context: &mut Context, cause: RefreshCause, force: bool, now: Now) -> Self {
        let ticket = context.ticket();
        let owner = context.entropy.id();
        context.remember_owner(owner.clone());
        context.push(Effect::Announce { owner: owner.clone() });
        let by_clock = matches!(cause, RefreshCause::Expired | RefreshCause::Advisory);
        let step = match context.not_before().filter(|until| by_clock && now.mono < *until) {
            Some(until) => Step::Waiting(until, Waiting::TooSoon),
            None => Step::Reading(context.load()),
        };
        Self {
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
        }
    }

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

    /// What the flight waits for, and until when.
    pub(super) fn waiting(&self) -> (Waiting, Option<Duration>) {
        match &self.step {
            Step::Waiting(until, why) => (*why, Some(*until)),
            Step::Pausing(until) => (Waiting::NextTry, Some(*until)),
            Step::Sending(_, cap) => (Waiting::TokenEndpoint, *cap),
            _ => (Waiting::Store, None),
        }
    }

    pub(super) fn sending(&self) -> Option<OpId> {
        match &self.step {
            Step::Sending(op, _) => Some(*op),
            _ => None,
        }
    }

    /// Whether another process refreshes, and this flight waits for its result.
    pub(super) fn awaits_others(&self) -> bool {
        matches!(self.step, Step::Waiting(..)) && self.waiting_since.is_some()
    }

    pub(super) fn handle_timeout(&mut self, context: &mut Context, now: Now) -> Progress {
        if self.renewal.is_none() && self.renew_at.is_some_and(|at| now.mono >= at) {
            self.renew(context, now);
        }
        match self.step {
            Step::Waiting(until, _) if now.mono >= until => self.read(context),
            Step::Pausing(until) if now.mono >= until => self.send_or_reread(context, now),
            Step::Sending(op, Some(cap)) if now.mono >= cap => {
                context.push(Effect::Abort { op });
                self.answered(context, Outcome::Lost(Lost::Cap), now)
            }
            _ => Progress::UnderWay,
        }
    }

    /// The token endpoint responded, or the transport failed.
    pub(super) fn handle_outcome(
        &mut self,
        context: &mut Context,
        outcome: Outcome,
        said: ServerError,
        now: Now,
    ) -> Progress {
        let outcome = context.of_the_client(outcome, &said);
        self.said = said;
        self.answered(context, outcome, now)
    }

    /// The record may have changed: a flight that waits for another owner's lease reads again.
    pub(super) fn handle_changed(&mut self, context: &mut Context) {
        if self.awaits_others() {
            self.step = Step::Reading(context.load());
        }
    }

    /// The marks of the previous flight were saved, or saving them failed.
    pub(super) fn handle_released(&mut self, context: &mut Context) {
        if matches!(self.step, Step::AwaitingRelease) {
            self.step = Step::Reading(context.load());
        }
    }

    pub(super) fn handle_loaded(
        &mut self,
        context: &mut Context,
        loaded: Result<Loaded, Unavailable>,
        now: Now,
    ) -> Progress {
        let after_dead = match self.step {
            Step::Rereading(_, reason) => Some(reason),
            _ => None,
        };
        if context.lease_release.is_some() && after_dead.is_none() {
            return self.go_on(Step::AwaitingRelease);
        }
        let stored = match context.stored(loaded) {
            Ok(stored) => stored,
            Err(_) if context.spends_without_store() && after_dead.is_none() => {
                return self.send(context, now);
            }
            Err(unavailable) => return self.store_failed(context, &unavailable, now),
        };
        let (record, version) = match self.ours(context, stored) {
            ControlFlow::Continue(stored) => stored,
            ControlFlow::Break(progress) => return progress,
        };
        match after_dead {
            Some(reason) => self.reread_after_dead(context, record, version, reason, now),
            None => self.consider(context, record, version, now),
        }
    }

    /// The store's answer about the owner of a lease or an intent.
    pub(super) fn handle_owner(&mut self, context: &mut Context, owner: Owner, now: Now) -> Progress {
        let Some((record, version)) = self.read.take() else { return Progress::UnderWay };
        let lease = record.lease.as_ref();
        let left = lease.map(|lease| lease.until.left(now, context.boot(), context.config.lease));
        let holds = owner != Owner::Dead && left.is_some_and(|left| !left.is_zero());
        if holds {
            self.wait_for_lease(context, now)
        } else {
            self.claim_after(context, *record, version, owner, now)
        }
    }

    pub(super) fn handle_saved(
        &mut self,
        context: &mut Context,
        saved: Result<Saved, Unavailable>,
        now: Now,
    ) -> Progress {
        match (self.step, self.written.take()) {
            (Step::Claiming(_), Some(record)) => self.claimed(context, *record, saved, now),
            (Step::Marking(_, reason), Some(record)) => self.marked(context, *record, reason, saved),
            _ => Progress::UnderWay,
        }
    }

    fn go_on(&mut self, step: Step) -> Progress {
        self.step = step;
        Progress::UnderWay
    }

    fn write(&mut self, step: Step, record: Record) -> Progress {
        self.written = Some(Box::new(record));
        self.go_on(step)
    }

    fn read(&mut self, context: &mut Context) -> Progress {
        self.go_on(Step::Reading(context.load()))
    }
}
