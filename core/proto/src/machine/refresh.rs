//! A refresh: the flight, and the commit of its grant. The results of their inputs are applied here.

use super::Machine;
use super::commit::{Commit, Progress as Committing};
use super::effect::{Effect, Settled};
use super::failures::signed_out;
use super::flight::{Flight, Progress as Flown};
use super::record::Record;
use super::{OpId, Ticket};
use crate::credential::TokenResponse;
use crate::error::Failure;
use crate::event::{EventKind, RefreshCause, Warning};
use crate::rotation::Rotation;
use crate::store::Version;
use crate::time::Now;
use crate::verdict::{Outcome, ServerError};

impl Machine {
    pub(super) fn start(&mut self, cause: RefreshCause, force: bool, now: Now) -> Ticket {
        let flight = Flight::start(&mut self.context, cause, force, now);
        let ticket = flight.ticket;
        self.flight = Some(Box::new(flight));
        self.context.publish(now);
        ticket
    }

    /// The token endpoint responded, or the transport failed. `said` becomes part of the error, if there is one.
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
            let progress = flight.handle_outcome(&mut self.context, outcome, said, now);
            self.advance_flight(progress, now);
        }
    }

    /// Whether another process refreshes, and this machine waits for its result: the engine should then watch the
    /// store for changes.
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// assert!(!machine.awaits_others());
    /// ```
    #[must_use]
    pub fn awaits_others(&self) -> bool {
        self.flight.as_deref().is_some_and(Flight::awaits_others)
    }

    /// Applies the result of an input of the flight.
    pub(super) fn advance_flight(&mut self, progress: Flown, now: Now) {
        match progress {
            Flown::UnderWay => {}
            Flown::Granted(grant) => self.begin_commit(&grant, now),
            Flown::Satisfied => self.satisfy_flight(now),
            Flown::Again => self.settle_flight(Settled::Again, now),
            Flown::Failed(failure) => {
                self.context.report(EventKind::RefreshFailed {
                    kind: failure.kind,
                    retry_after: failure.retry_after,
                });
                self.settle_flight(Settled::Failed(*failure), now);
            }
            Flown::LineageEnded(stored) => self.lineage_ended(stored.map(|stored| *stored), now),
        }
    }

    fn begin_commit(&mut self, grant: &TokenResponse, now: Now) {
        let Some(sent) = self.flight.as_ref().and_then(|flight| flight.sent) else { return };
        self.commit = Commit::begin(&mut self.context, grant, sent, now).map(Box::new);
    }

    /// Applies the result of an input of the commit.
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

    /// The lineage was ended while its grant was being saved (spec 4.6).
    pub(super) fn drop_commit(&mut self) {
        if let Some(token) = self.take_commit().and_then(|commit| commit.token()) {
            self.context.push(Effect::Revoke { token });
        }
    }

    /// The owner that kept the lease for it no longer needs to.
    fn take_commit(&mut self) -> Option<Commit> {
        let mut commit = self.commit.take()?;
        if let Some(owner) = commit.take_owner() {
            self.context.push(Effect::Retire { owner });
        }
        if let Some(ticket) = commit.take_ticket() {
            self.context.settle(ticket, Settled::Again);
        }
        Some(*commit)
    }

    /// A later refresh of another process is stored already and is adopted.
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
        let (was_unpersisted, is_renewal) = (commit.unpersisted(), commit.is_renewal());
        self.context.hold(commit.record, Some(version), commit.sequence, now);
        if was_unpersisted {
            self.context.report(EventKind::Persisted);
        } else if is_renewal {
            self.context.report(EventKind::Renewed);
        } else {
            self.report_success(true, now);
            self.satisfy_flight(now);
        }
    }

    /// The token is served from memory, with a warning, and will not be saved (spec 7.2).
    fn serve_unsaved(&mut self, now: Now) {
        self.report_success(false, now);
        let Some(commit) = self.take_commit() else { return };
        let version = self.context.held().and_then(|held| held.version.clone());
        let is_renewal = commit.is_renewal();
        self.context.hold(commit.record, version, commit.sequence, now);
        if is_renewal {
            self.context.report(EventKind::Renewed);
        }
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
        if let Some(ticket) = self.commit.as_mut().and_then(|commit| commit.take_ticket()) {
            self.context.report(EventKind::Renewed);
            self.context.settle(ticket, Settled::Again);
        }
        self.satisfy_flight(now);
    }

    /// The first use of the new token would invalidate the old refresh token, which is the only stored one.
    fn keeps_serving_old(&self, now: Now) -> bool {
        let valid = self.context.current().is_some_and(|current| current.valid(now))
            && self.context.rejected_by.is_empty()
            && !self.context.invalidated;
        let at_stake = self.commit.as_deref().is_some_and(Commit::replaces_refresh_token);
        let kept = matches!(self.context.rotation(), Rotation::UntilSuccessorUsed | Rotation::Grace(_));
        valid && at_stake && kept
    }

    fn report_success(&mut self, persisted: bool, now: Now) {
        let Some(flight) = &self.flight else { return };
        let (waiters, duration) = (flight.waiters, now.mono.saturating_sub(flight.started.mono));
        self.context.report(EventKind::RefreshSucceeded { waiters, duration, persisted });
    }

    /// What callers wait for while the tokens of an API's response are saved.
    pub(super) fn renewal_ticket(&self) -> Option<Ticket> {
        self.commit.as_deref().and_then(Commit::ticket)
    }

    /// The store holds nothing, a tombstone, or another lineage (spec 7.6).
    pub(super) fn lineage_ended(&mut self, stored: Option<(Record, Version)>, now: Now) {
        self.end_flight(signed_out());
        self.context.report(EventKind::SignedOut);
        match stored {
            Some((record, version)) if !record.tombstone => self.context.take_stored(record, version, now),
            _ => self.context.empty(signed_out(), now),
        }
    }

    /// Ends a flight because its lineage was ended (spec 4.6). Tokens that it still receives are revoked.
    pub(super) fn end_flight(&mut self, failure: Failure) {
        let Some(flight) = self.flight.take() else { return };
        self.abandoned_sends.extend(flight.sending());
        self.context.push(Effect::Retire { owner: flight.owner });
        self.context.settle(flight.ticket, Settled::Failed(failure));
    }

    /// Ends a flight with the current token.
    fn satisfy_flight(&mut self, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        match &mut self.commit {
            Some(commit) => commit.keep(flight.owner),
            None => self.context.push(Effect::Retire { owner: flight.owner }),
        }
        self.context.invalidated = flight.again;
        let result = match self.context.current().cloned() {
            _ if flight.again => Settled::Again,
            Some(current) => match &current.unservable {
                Some(unservable) => Settled::Failed(Failure::clone(unservable)),
                None => Settled::Token(current),
            },
            None => Settled::Again,
        };
        self.context.publish(now);
        self.context.settle(flight.ticket, result);
    }

    fn settle_flight(&mut self, result: Settled, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        self.context.push(Effect::Retire { owner: flight.owner });
        self.context.publish(now);
        self.context.settle(flight.ticket, result);
    }

    /// Tokens for an ended lineage are revoked, never saved (spec 4.6).
    fn abandoned_send_answered(&mut self, outcome: Outcome) {
        if self.context.config.by_cookie() {
            // The host's cookie may already be that of the next sign-in.
            return;
        }
        let token = match outcome {
            Outcome::Granted(grant) => grant.refresh_token.unwrap_or(grant.access_token),
            Outcome::GrantedWithoutAccess { refresh_token } => refresh_token,
            _ => return,
        };
        self.context.push(Effect::Revoke { token });
    }
}
