//! How a flight ends, and what its callers get.

use crate::error::Failure;
use crate::event::EventKind;
use crate::machine::Machine;
use crate::machine::effect::{Effect, Settled};
use crate::time::Now;
use crate::verdict::ServerError;

impl Machine {
    /// Ends a flight from outside: its lineage was ended (spec 4.6). What it sent is revoked when it arrives.
    pub(in crate::machine) fn end_flight(&mut self, failure: Failure) {
        let Some(flight) = self.flight.take() else { return };
        self.abandoned_sends.extend(flight.sending());
        self.context.push(Effect::Retire { owner: flight.owner });
        self.context.settle(flight.ticket, Settled::Failed(failure));
    }

    /// Ends a flight with a failure that callers share.
    pub(in crate::machine) fn fail_flight(&mut self, failure: Failure, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        let failure = in_its_words(failure, flight.said, self.context.config.refresh_function);
        self.context
            .report(EventKind::RefreshFailed { kind: failure.kind, retry_after: failure.retry_after });
        self.context.push(Effect::Retire { owner: flight.owner });
        self.context.publish(now);
        self.context.settle(flight.ticket, Settled::Failed(failure));
    }

    /// Ends a flight with the token that is held now.
    pub(in crate::machine) fn satisfy_flight(&mut self, now: Now) {
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

    pub(super) fn satisfy_with(&mut self, result: Settled, now: Now) {
        let Some(flight) = self.flight.take() else { return };
        self.context.push(Effect::Retire { owner: flight.owner });
        self.context.publish(now);
        self.context.settle(flight.ticket, result);
    }
}

/// An error that came of an answer carries what the answer said.
pub(super) fn in_its_words(mut failure: Failure, said: ServerError, by_function: bool) -> Failure {
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
