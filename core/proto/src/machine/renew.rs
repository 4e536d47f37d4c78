//! An API's response carried new tokens (spec 2.13).

use super::Machine;
use super::commit::Commit;
use super::reject::Stamp;
use super::renewal::Renewal;
use crate::credential::TokenResponse;
use crate::event::EventKind;
use crate::time::Now;

impl Machine {
    /// The response to a request with that stamp carried new tokens. They are saved and then served, if the stamp's token
    /// is the current one and nothing else is about to replace it; else they are ignored.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-1 is valid") };
    /// machine.renew(&Stamp::new(&token), TokenResponse::new("at-2"), now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     if let Effect::Save { op, .. } = effect {
    ///         machine.handle_saved(op, Ok(Saved::Done(Version::new("2"))), now);
    ///     }
    /// }
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-2 is valid") };
    /// assert_eq!((token.value.expose(), token.generation), ("at-2", 2));
    /// ```
    pub fn renew(&mut self, stamp: &Stamp, mut tokens: TokenResponse, now: Now) {
        if !self.may_renew(stamp, &tokens) {
            return;
        }
        // The header says nothing of it.
        tokens.token_type = self.context.current().and_then(|current| current.token_type.clone());
        if self.commit.is_some() {
            return self.renew_unsaved(tokens, now);
        }
        let renewal = Renewal::new(tokens, stamp.generation, self.context.ticket());
        self.commit = Commit::of_renewal(&mut self.context, renewal, now).map(Box::new);
        self.context.publish(now);
    }

    fn may_renew(&self, stamp: &Stamp, tokens: &TokenResponse) -> bool {
        let is_current = self.context.current().is_some_and(|current| {
            *current.lineage == *stamp.lineage
                && current.generation == stamp.generation
                && current.value != tokens.access_token
        });
        let token_type = self.context.current().and_then(|current| current.token_type.as_deref());
        is_current
            && (self.context.config.servable)(&tokens.access_token, token_type).is_ok()
            && self.flight.is_none()
            && self.write.is_none()
            && self.commit.as_deref().is_none_or(Commit::may_be_renewed)
    }

    /// The store is down, and the last renewal is served from memory: so is this one.
    fn renew_unsaved(&mut self, tokens: TokenResponse, now: Now) {
        let Some(commit) = &mut self.commit else { return };
        commit.renew(&self.context, tokens, now);
        let record = commit.record.clone();
        let version = self.context.held().and_then(|held| held.version.clone());
        self.context.hold(record, version, 0, now);
        self.context.report(EventKind::Renewed);
    }
}
