//! How a flight fails: the pause afterwards, and the failure for callers (spec 5.3).

use super::{Flight, Progress};
use crate::error::Failure;
use crate::machine::backoff::BackoffKind;
use crate::machine::context::{Context, Pause};
use crate::machine::failures::store_unavailable;
use crate::store::Unavailable;
use crate::time::Now;
use crate::verdict::ServerError;

impl Flight {
    /// Ends with a failure that callers share.
    pub(super) fn fail(&mut self, context: &Context, failure: Failure) -> Progress {
        Progress::Failed(Box::new(self.explained(context, failure)))
    }

    pub(super) fn store_failed(
        &mut self,
        context: &mut Context,
        unavailable: &Unavailable,
        now: Now,
    ) -> Progress {
        let failure = store_unavailable(unavailable);
        self.back_off_with(context, BackoffKind::StoreUnavailable, Pause::Transient, failure, now)
    }

    pub(super) fn back_off(
        &mut self,
        context: &mut Context,
        kind: BackoffKind,
        pause: Pause,
        message: &str,
        now: Now,
    ) -> Progress {
        self.back_off_with(context, kind, pause, Failure::new(kind.error(), message), now)
    }

    /// Ends the flight; back-off and release are written while other operations continue (spec 5.3).
    pub(super) fn back_off_with(
        &mut self,
        context: &mut Context,
        kind: BackoffKind,
        pause: Pause,
        failure: Failure,
        now: Now,
    ) -> Progress {
        // Callers during the pause get the same failure, with the server's message.
        let failure = self.explained(context, failure);
        let failure = context.pause(kind, pause, failure, now);
        if let Some(held) = context.held_mut()
            && held.record.lease.as_ref().is_some_and(|lease| lease.owner == self.owner)
        {
            held.record.lease = None;
        }
        if kind != BackoffKind::StoreUnavailable {
            context.write_marks();
        }
        self.fail(context, failure)
    }

    fn explained(&mut self, context: &Context, failure: Failure) -> Failure {
        in_its_words(failure, std::mem::take(&mut self.said), context.config.refresh_function)
    }
}

/// An error that is due to a response contains the server's message.
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
            // Without a status it is the transport's message.
            let who = if said.status.is_some() { "the server says: " } else { "" };
            failure.message = format!("{} ({who}{message})", failure.message);
        }
        None => {}
    }
    failure
}
