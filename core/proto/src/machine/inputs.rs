//! The inputs of a machine, and how to drain its effects.

use std::sync::Arc;
use std::time::Duration;

use super::commit::Commit;
use super::context::Output;
use super::effect::Effect;
use super::flight::Flight;
use super::write::Write;
use super::{Machine, OpId};
use crate::store::{Loaded, Owner, Saved, Unavailable};
use crate::time::{Now, Wall};

impl Machine {
    /// Returns the next effect. Drain the effects after every call that takes `&mut self`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::unread();
    /// machine.acquire(TokenRequirements::default(), now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     match effect {
    ///         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    ///         Effect::Save { op, .. } => {
    ///             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    ///         }
    ///         _ => {} // send, publish, report ..
    ///     }
    /// }
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), now), Acquired::Serve(_)));
    /// ```
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.context.outputs.is_empty() {
            self.catch_up();
        }
        match self.context.outputs.pop_front() {
            Some(Output::Effect(effect)) => Some(effect),
            Some(Output::Publish(now)) => Some(Effect::Publish(Arc::new(self.snapshot(now)))),
            None => {
                self.rest();
                None
            }
        }
    }

    /// When to call [`Machine::handle_timeout`] next, on the monotonic clock. Changes with every call.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// machine.sign_out(now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     if let Effect::Load { op } = effect {
    ///         machine.handle_loaded(op, Err(Unavailable::new("the keychain is locked")), now);
    ///     }
    /// }
    /// assert!(machine.poll_timeout().is_some_and(|due| due >= now.mono)); // to be tried again
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let flight = self.flight.as_deref().and_then(Flight::timeout);
        let commit = self.commit.as_deref().and_then(Commit::timeout);
        let write = self.write.as_deref().and_then(Write::timeout);
        [flight, commit, write].into_iter().flatten().min()
    }

    /// Handles the passing of time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// # machine.sign_out(now);
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     if let Effect::Load { op } = effect {
    /// #         machine.handle_loaded(op, Err(Unavailable::new("the keychain is locked")), now);
    /// #     }
    /// # }
    /// // the store could not be read: it is tried again
    /// let due = machine.poll_timeout().expect("something to wait for");
    /// machine.handle_timeout(now.plus(due.saturating_sub(now.mono)));
    /// assert!(matches!(machine.poll_effect(), Some(Effect::Load { .. })));
    /// ```
    pub fn handle_timeout(&mut self, now: Now) {
        if let Some(flight) = &mut self.flight {
            let progress = flight.handle_timeout(&mut self.context, now);
            self.advance_flight(progress, now);
        }
        if let Some(commit) = &mut self.commit {
            commit.handle_timeout(&mut self.context, now);
        }
        if let Some(write) = &mut self.write {
            write.handle_timeout(&mut self.context, now);
        }
    }

    /// Handles the result of a load.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::unread();
    /// machine.open();
    /// if let Some(Effect::Load { op }) = machine.poll_effect() {
    ///     machine.handle_loaded(op, Ok(Loaded::Absent), now); // so the seed is taken, and saved
    /// }
    /// let mut effects = std::iter::from_fn(|| machine.poll_effect());
    /// assert!(effects.any(|effect| matches!(effect, Effect::Save { .. })));
    /// ```
    pub fn handle_loaded(&mut self, op: OpId, loaded: Result<Loaded, Unavailable>, now: Now) {
        self.last_read = Some(now.mono);
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.awaits(op)) {
            let progress = flight.handle_loaded(&mut self.context, loaded, now);
            self.advance_flight(progress, now);
        } else if let Some(commit) = self.commit.as_mut().filter(|commit| commit.awaits(op)) {
            let progress = commit.handle_loaded(&mut self.context, loaded, now);
            self.advance_commit(progress, now);
        } else if let Some(write) = self.write.as_mut().filter(|write| write.awaits(op)) {
            let progress = write.handle_loaded(&mut self.context, loaded, now);
            self.advance_write(progress, now);
        } else if self.look.as_ref().is_some_and(|look| look.awaits(op)) {
            self.look_loaded(loaded, now);
        }
    }

    /// Handles the result of a save.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::unread();
    /// machine.open();
    /// while let Some(effect) = machine.poll_effect() {
    ///     match effect {
    ///         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    ///         Effect::Save { op, .. } => {
    ///             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    ///         }
    ///         _ => {} // send, publish, report ..
    ///     }
    /// }
    /// assert!(machine.idle());
    /// ```
    pub fn handle_saved(&mut self, op: OpId, saved: Result<Saved, Unavailable>, now: Now) {
        if self.context.lease_release.as_ref().is_some_and(|release| release.op == op) {
            self.context.handle_released(saved);
            if let Some(flight) = &mut self.flight {
                flight.handle_released(&mut self.context);
            }
        } else if let Some(flight) = self.flight.as_mut().filter(|flight| flight.renews(op)) {
            flight.handle_renewed(&mut self.context, saved, now);
        } else if let Some(flight) = self.flight.as_mut().filter(|flight| flight.awaits(op)) {
            let progress = flight.handle_saved(&mut self.context, saved, now);
            self.advance_flight(progress, now);
        } else if let Some(commit) = self.commit.as_mut().filter(|commit| commit.awaits(op)) {
            let progress = commit.handle_saved(&mut self.context, saved, now);
            self.advance_commit(progress, now);
        } else if let Some(write) = self.write.as_mut().filter(|write| write.awaits(op)) {
            let progress = write.handle_saved(&mut self.context, saved, now);
            self.advance_write(progress, now);
        }
    }

    /// The store reports that the record may have changed: a flight that waits for another process's refresh reads at
    /// once, and a machine at rest adopts what other processes wrote, including a sign-out (spec 7.13).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let mut machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// machine.handle_changed(Now::default());
    /// assert!(machine.poll_effect().is_none()); // nobody waits
    /// ```
    pub fn handle_changed(&mut self, _: Now) {
        match &mut self.flight {
            Some(flight) => flight.handle_changed(&mut self.context),
            None => self.look(),
        }
    }

    /// The time of the store's own clock, read at `now`: leases, back-off and intents are measured by it from now on,
    /// because machines that share a store need not agree on the time (spec 4.5).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let mut machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// machine.handle_store_clock(Wall(1_893_456_000_000), Now::default());
    /// assert!(machine.idle());
    /// ```
    pub fn handle_store_clock(&mut self, store: Wall, now: Now) {
        let store = Duration::from_millis(u64::try_from(store.0).unwrap_or(0));
        self.context.store_ahead = Some(store.saturating_sub(now.mono));
    }

    /// Handles the store's answer about an owner.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// // an answer to an Effect::Probe; one that nobody waits for any more changes nothing
    /// machine.handle_owner(99, Owner::Dead, now);
    /// assert!(machine.idle());
    /// ```
    pub fn handle_owner(&mut self, op: OpId, owner: Owner, now: Now) {
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.awaits(op)) {
            let progress = flight.handle_owner(&mut self.context, owner, now);
            self.advance_flight(progress, now);
        }
    }

    /// The process is about to end: a save that waits for its next try is tried now (spec 4.10).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// machine.flush(now);
    /// assert!(machine.poll_effect().is_none()); // nothing waits
    /// ```
    pub fn flush(&mut self, now: Now) {
        if let Some(commit) = &mut self.commit {
            commit.flush(now, Duration::ZERO);
            commit.handle_timeout(&mut self.context, now);
        }
        if let Some(write) = &mut self.write {
            write.flush(now);
            write.handle_timeout(&mut self.context, now);
        }
    }

    /// Whether everything has been saved and nothing is in progress (spec 4.10).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// assert!(machine.idle());
    /// machine.refresh(false, now);
    /// assert!(!machine.idle());
    /// ```
    #[must_use]
    pub fn idle(&self) -> bool {
        self.is_quiet() && self.abandoned_sends.is_empty()
    }

    /// Whether nothing is in progress that depends on the record in memory.
    pub(super) fn is_quiet(&self) -> bool {
        self.flight.is_none()
            && self.commit.is_none()
            && self.write.is_none()
            && self.context.lease_release.is_none()
    }

    pub(super) fn has_not_read_for(&self, time: Duration, now: Now) -> bool {
        self.last_read.is_none_or(|read| now.mono.saturating_sub(read) >= time)
    }

    /// Frees the memory that a session at rest does not need.
    fn rest(&mut self) {
        self.context.outputs.shrink_to_fit();
        if self.idle() {
            let saved = self.context.last_saved.take();
            if let Some(held) = self.context.held_mut() {
                held.record.rest(saved.as_deref());
            }
        }
    }
}
