//! Opening the store, signing in, signing out (spec 4.6, 7.3, 7.6). The user's actions take precedence over a flight.

use super::context::{Context, Standing};
use super::effect::Settled;
use super::failures::signed_out;
use super::write::{Progress, Write};
use super::{Machine, Ticket};
use crate::credential::{Credential, Secret};
use crate::error::Failure;
use crate::event::{EventKind, Warning};
use crate::time::Now;

impl Machine {
    /// A user signed in: immediately replaces the credential (spec 4.6). Wait for the ticket.
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
        // From now on the credential is this process's own.
        self.context.forked = false;
        let record = self.context.new_lineage(credential, now, now);
        self.context.standing = Standing::Empty(Box::new(signed_out()));
        let ticket = self.begin_write(|context| Write::sign_in(record, context));
        self.context.publish(now);
        Ok(ticket)
    }

    /// The user signs out: no token is served from now on, and a tombstone replaces the stored record.
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
        self.begin_write(Write::sign_out)
    }

    /// Reads the store: for the first time, or because a caller would fail with what memory has.
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
        self.write_ticket().unwrap_or_else(|| self.begin_write(Write::open))
    }

    /// A seed that was given after the machine was made: it is used as if it had been given then, unless a token is
    /// served that it would replace (spec 7.3).
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
        // The store is read again: it may contain a newer record.
        self.context.standing = Standing::Unread;
        self.context.seed = Some(Box::new(seed));
        self.context.seed_given = Some(Box::new(now));
    }

    /// The token to revoke at a sign-out (RFC 7009): the refresh token, and with it the tokens that it returned.
    #[must_use]
    pub fn revocable(&self) -> Option<Secret> {
        let record = &self.context.held()?.record;
        if self.context.config.by_cookie() {
            // The cookie identifies itself.
            return Some(Secret::new(""));
        }
        record.refresh_token.clone().or_else(|| record.slot().map(|slot| slot.access_token.clone()))
    }

    /// The extra value of that name, stored with the tokens.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<String> {
        self.context.held()?.record.extra.get(name).cloned()
    }

    /// The ticket that callers wait for before they are served.
    pub(super) fn write_ticket(&self) -> Option<Ticket> {
        self.write.as_ref().and_then(|write| write.ticket())
    }

    /// Applies the result of an input of the write.
    pub(super) fn advance_write(&mut self, progress: Progress, now: Now) {
        let Progress::Finished(result) = progress else { return };
        self.context.drop_seed();
        if let Some(ticket) = self.write.take().and_then(|write| write.ticket()) {
            self.context.settle(ticket, result);
        }
        // No caller waits for the store any more: its record is served without asking.
        self.context.publish(now);
    }

    fn begin_write(&mut self, begin: impl FnOnce(&mut Context) -> Write) -> Ticket {
        if let Some(ticket) = self.write_ticket() {
            self.context.settle(ticket, Settled::Again);
        }
        let write = begin(&mut self.context);
        let ticket = write.begun();
        self.write = Some(Box::new(write));
        ticket
    }

    /// Waiters of the old lineage get SignedOut; tokens that still arrive for it are revoked.
    fn end_lineage(&mut self) {
        self.end_flight(signed_out());
        self.end_look();
        self.drop_commit();
        self.context.reported_login = None;
    }
}
