//! Requests for a token by callers (spec 1).

use std::sync::Arc;
use std::time::Duration;

use super::context::Standing;
use super::current::{Around, Current, Snapshot};
use super::failures::{dead, login_required, signed_out, the_parents, unsaved};
use super::flight::Flight;
use super::origins::{OriginId, Rejection};
use super::refresh_budget::RefreshBudget;
use super::refresh_windows::{advisory, mandatory};
use super::{Machine, Ticket};
use crate::error::Failure;
use crate::event::{RefreshCause, Warning};
use crate::rotation::Rotation;
use crate::time::Now;
use crate::verdict::DeadReason;

/// What a caller needs a token for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenRequirements {
    /// The origin that the token will be sent to; `None` = any.
    pub origin: Option<OriginId>,
    /// The minimum remaining lifetime (spec 1.5).
    pub min_life: Option<Duration>,
}

/// The result for a caller.
#[derive(Clone, Debug)]
pub enum Acquired {
    /// The token.
    Serve(Arc<Current>),
    /// Wait for this ticket.
    Wait(Ticket),
    /// There is no token, and waiting does not help.
    Fail(Failure),
}

/// An unsaved refresh token that a caller needs is saved within this time.
const SOON: Duration = Duration::from_secs(1);

/// For this long a failure is returned from memory, without reading the store again.
pub(super) const REREAD_AFTER: Duration = Duration::from_secs(1);

impl Machine {
    /// Serves a token, or says what to wait for. Starts a refresh if one is due.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-1 is valid") };
    /// assert_eq!(token.value.expose(), "at-1");
    ///
    /// let later = now.plus(Duration::from_secs(900)); // it ended: there is something to wait for
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), later), Acquired::Wait(_)));
    /// ```
    pub fn acquire(&mut self, requirements: TokenRequirements, now: Now) -> Acquired {
        if let Some(ticket) = self.write_ticket().or_else(|| self.renewal_ticket()) {
            return Acquired::Wait(ticket);
        }
        match &self.context.standing {
            Standing::Unread => Acquired::Wait(self.open()),
            Standing::Empty(failure) => {
                let failure = Failure::clone(failure);
                self.last_word(failure, now)
            }
            Standing::Held(_) => self.acquire_held(requirements, now),
        }
    }

    /// The result of a wait that ended without a token: a token that is still valid, if there is one (spec 1.2).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// assert!(machine.fallback(TokenRequirements::default(), now).is_some());
    /// let later = now.plus(Duration::from_secs(900));
    /// assert!(machine.fallback(TokenRequirements::default(), later).is_none());
    /// ```
    #[must_use]
    pub fn fallback(&self, requirements: TokenRequirements, now: Now) -> Option<Arc<Current>> {
        self.servable(requirements.origin, now)
            .or_else(|| self.accepted_elsewhere(requirements.origin, now))
            .cloned()
    }

    /// Refreshes now. `force` overrides back-off and a Dead mark, once (spec 5.2).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// assert!(matches!(machine.refresh(false, now), Acquired::Wait(_)));
    /// assert!(machine.status(now).refreshing);
    /// ```
    pub fn refresh(&mut self, force: bool, now: Now) -> Acquired {
        if let Some(ticket) = self.write_ticket().or_else(|| self.renewal_ticket()) {
            return Acquired::Wait(ticket);
        }
        match &self.context.standing {
            Standing::Unread => return Acquired::Wait(self.open()),
            Standing::Empty(failure) => {
                let failure = Failure::clone(failure);
                return self.last_word(failure, now);
            }
            Standing::Held(_) => {}
        }
        self.unexplained(RefreshCause::Forced, None, force, now)
    }

    /// Treats the token as expired. During a flight it requests one more (spec 3.2).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// machine.invalidate(now);
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), now), Acquired::Wait(_)));
    /// ```
    pub fn invalidate(&mut self, now: Now) {
        match &mut self.flight {
            Some(flight) if flight.was_sent() => flight.again = true,
            _ => self.context.invalidated = true,
        }
        self.context.publish(now);
    }

    fn acquire_held(&mut self, requirements: TokenRequirements, now: Now) -> Acquired {
        self.report_end_of_refresh_token(now);
        match self.servable(requirements.origin, now).cloned() {
            Some(current) if !self.old_token_is_dying() => self.serve(current, requirements, now),
            Some(_) => self.join(RefreshCause::Expired, now),
            None => self.refuse_or_refresh(requirements, now),
        }
    }

    /// There is a token that may be served, but a refresh may still be due.
    fn serve(&mut self, current: Arc<Current>, requirements: TokenRequirements, now: Now) -> Acquired {
        let can = self.may_refresh(false, now).is_ok() && !self.too_soon(now);
        if let (Some(left), Some(lifetime), true) = (current.left(now), current.lifetime, can) {
            if left <= mandatory(lifetime) {
                return self.join(RefreshCause::Expired, now);
            }
            let window = advisory(lifetime);
            let early = window + window.mul_f64(self.context.jitter / 2.0);
            if self.context.config.background && left <= early && self.flight.is_none() {
                self.start(RefreshCause::Advisory, false, now);
            }
        }
        match requirements.min_life {
            Some(least) if current.left(now).is_some_and(|left| left < least) => {
                self.serve_longer(current, least, can, now)
            }
            _ => Acquired::Serve(current),
        }
    }

    /// The caller needs a longer lifetime than remains (spec 1.5).
    fn serve_longer(&mut self, current: Arc<Current>, least: Duration, can: bool, now: Now) -> Acquired {
        if current.lifetime.is_none_or(|lifetime| lifetime < least) {
            if self.warned_life.replace(current.generation) != Some(current.generation) {
                self.context.warn(Warning::LifeTooShort);
            }
            return Acquired::Serve(current);
        }
        if can { self.join(RefreshCause::Expired, now) } else { Acquired::Serve(current) }
    }

    /// There is no token that may be served.
    fn refuse_or_refresh(&mut self, requirements: TokenRequirements, now: Now) -> Acquired {
        let Some(current) = self.context.current().cloned() else { return self.refresh_by_clock(now) };
        if let Some(unservable) = &current.unservable {
            return self.replace_unservable(&current, Failure::clone(unservable), now);
        }
        let rejected = self.context.invalidated || self.rejected_for(requirements.origin, now);
        if rejected && current.valid(now) {
            return self.replace_rejected(current, requirements, now);
        }
        if self.too_soon(now) && current.ends.is_some_and(|ends| now.mono < ends.mono) {
            // Right after a refresh the token has expired only by the wall clock: the clock jumped. The server
            // decides.
            return Acquired::Serve(current);
        }
        self.refresh_by_clock(now)
    }

    /// The token is valid by the clock, and a server rejected it. Where the same server accepted it for another
    /// request and no other token is available, it is still served: one bad URL must not affect the others (spec
    /// 3.6).
    fn replace_rejected(
        &mut self,
        current: Arc<Current>,
        requirements: TokenRequirements,
        now: Now,
    ) -> Acquired {
        let can = self.flight.is_some()
            || self.may_refresh(false, now).is_ok() && self.context.budget_full(now).is_none();
        if !can && self.accepted_elsewhere(requirements.origin, now).is_some() {
            return Acquired::Serve(current);
        }
        let origin = self.context.rejected_by.first().map(|by| by.name.clone());
        self.unexplained(RefreshCause::Rejected, origin.as_deref(), false, now)
    }

    /// A token that cannot be served is kept until it expires if another configuration could serve it (its type is
    /// unknown here), and otherwise replaced at the next call (spec 1.8).
    fn replace_unservable(&mut self, current: &Current, unservable: Failure, now: Now) -> Acquired {
        let by_type = (self.context.config.servable)(&current.value, None).is_ok();
        let lives = current.ends.is_some_and(|ends| !now.reached(ends));
        let refreshable = self.context.held().is_some_and(|held| self.context.renewable(&held.record));
        if !refreshable || by_type && lives && self.flight.is_none() {
            return Acquired::Fail(unservable);
        }
        self.refresh_by_clock(now)
    }

    fn refresh_by_clock(&mut self, now: Now) -> Acquired {
        match self.may_refresh(false, now) {
            Ok(()) => self.join(RefreshCause::Expired, now),
            Err(failure) => self.last_word(failure, now),
        }
    }

    /// A refresh that token expiry does not explain: counted, and limited (spec 5.3).
    pub(super) fn unexplained(
        &mut self,
        cause: RefreshCause,
        origin: Option<&str>,
        force: bool,
        now: Now,
    ) -> Acquired {
        if let Err(failure) = self.may_refresh(force, now) {
            return self.last_word(failure, now);
        }
        if self.flight.is_some() {
            return self.join(cause, now);
        }
        if let Some(wait) = self.context.budget_full(now) {
            return Acquired::Fail(self.context.limited(wait, now));
        }
        let acquired = self.start_and_wait(cause, force, now);
        if let Some(flight) = &mut self.flight {
            flight.unexplained = Some(origin.map(str::to_owned));
        }
        acquired
    }

    pub(super) fn join(&mut self, cause: RefreshCause, now: Now) -> Acquired {
        match &mut self.flight {
            Some(flight) => {
                flight.waiters += 1;
                Acquired::Wait(flight.ticket)
            }
            None => self.start_and_wait(cause, false, now),
        }
    }

    /// The caller that starts a flight is its first waiter.
    fn start_and_wait(&mut self, cause: RefreshCause, force: bool, now: Now) -> Acquired {
        let ticket = self.start(cause, force, now);
        if let Some(flight) = &mut self.flight {
            flight.waiters += 1;
        }
        Acquired::Wait(ticket)
    }

    /// Before a failure is returned from memory, the store is read: the user may have signed in elsewhere.
    pub(super) fn last_word(&mut self, failure: Failure, now: Now) -> Acquired {
        let stale = self.has_not_read_for(REREAD_AFTER, now);
        if self.context.config.shared && stale && self.is_quiet() {
            return Acquired::Wait(self.open());
        }
        Acquired::Fail(failure)
    }

    /// Whether a flight may start, regardless of the limits on unexplained refreshes.
    pub(super) fn may_refresh(&mut self, force: bool, now: Now) -> Result<(), Failure> {
        if (self.commit.is_some() && self.flight.is_none()) || self.write.is_some() {
            if let Some(commit) = &mut self.commit {
                commit.flush(now, SOON);
            }
            return Err(unsaved());
        }
        let Some(held) = self.context.held() else { return Err(signed_out()) };
        if !self.context.renewable(&held.record) {
            self.context.report_login_required(DeadReason::NoRefreshToken);
            return Err(login_required(DeadReason::NoRefreshToken));
        }
        if self.is_the_parents() {
            return Err(the_parents());
        }
        if force {
            return Ok(());
        }
        if let Some(mark) = held.record.dead_for(&self.context.config.binding) {
            return Err(dead(mark));
        }
        match self.context.pausing(&held.record, now) {
            Some((backoff, left)) => Err(backoff.failure(left)),
            None => Ok(()),
        }
    }

    /// The refresh token is a copy of one that the parent process will use (spec 4.9).
    fn is_the_parents(&self) -> bool {
        self.context.forked && !self.context.config.shared && self.context.rotation() != Rotation::None
    }

    /// The token, if it may be sent to that origin.
    fn servable(&self, origin: Option<OriginId>, now: Now) -> Option<&Arc<Current>> {
        let current = self.context.current()?;
        let fit = current.valid(now) && !self.context.invalidated && !self.rejected_for(origin, now);
        fit.then_some(current)
    }

    /// The origin rejected this generation. While a breaker is open, that no longer counts (spec 3.6).
    fn rejected_for(&self, origin: Option<OriginId>, now: Now) -> bool {
        self.rejections(origin).any(|by| !self.context.holds(&by.name, now))
    }

    fn rejections(&self, origin: Option<OriginId>) -> impl Iterator<Item = &Rejection> {
        self.context.rejected_by.iter().filter(move |by| origin.is_none_or(|origin| origin == by.id))
    }

    /// The token, if the server that rejected it accepted it for another URL.
    fn accepted_elsewhere(&self, origin: Option<OriginId>, now: Now) -> Option<&Arc<Current>> {
        let current =
            self.context.current().filter(|current| current.valid(now) && !self.context.invalidated)?;
        self.rejections(origin).all(|by| self.context.accepted_by.contains(by.id)).then_some(current)
    }

    fn old_token_is_dying(&self) -> bool {
        let is_replaced =
            self.flight.as_deref().is_some_and(Flight::was_sent) || self.renewal_ticket().is_some();
        self.context.config.old_token_dies && is_replaced
    }

    /// Refreshes that token expiry explains are some time apart (spec 5.3).
    fn too_soon(&self, now: Now) -> bool {
        self.context.not_before().is_some_and(|until| now.mono < until)
    }

    fn report_end_of_refresh_token(&mut self, now: Now) {
        let Some(from) = self.refresh_token_ends_from() else { return };
        if now.wall >= from.wall {
            self.warned_end =
                self.context.held().and_then(|held| held.record.refresh_fingerprint()).map(Box::new);
            self.context.warn(Warning::RefreshTokenEnds);
            self.context.publish(now);
        }
    }

    /// The last tenth of the refresh token's lifetime, unless it was already reported (spec 5.4).
    fn refresh_token_ends_from(&self) -> Option<Now> {
        let record = &self.context.held()?.record;
        let life = record.refresh_token_life.as_ref()?;
        if self.warned_end.as_deref() == record.refresh_fingerprint().as_ref() {
            return None;
        }
        let wall = life.until.minus(life.until.since(life.from) / 10);
        Some(Now { mono: Duration::MAX, wall })
    }

    pub(super) fn snapshot(&self, now: Now) -> Snapshot {
        let Some(held) = self.context.held() else { return Snapshot::default() };
        let current = held.current.clone().filter(|current| current.unservable.is_none());
        let refreshable = self.context.renewable(&held.record)
            && !self.is_the_parents()
            && held.record.dead_for(&self.context.config.binding).is_none()
            && self.commit.is_none();
        let not_before = self.context.pausing(&held.record, now).map(|(_, left)| now.plus(left));
        let watched = self.context.budget().map(RefreshBudget::watches).unwrap_or_default();
        Snapshot::new(
            current,
            Around {
                rejected_by: self.context.rejected_by.iter().map(|by| by.id).collect(),
                accepted_by: self.context.accepted_by,
                watched: (watched.0 || self.context.may_bring_forward(now), watched.1),
                held: self.context.invalidated || self.old_token_is_dying() || self.write_ticket().is_some(),
                proven: self.context.budget().is_none_or(RefreshBudget::is_proven),
                no_advance: !self.context.config.background || !refreshable || self.flight.is_some(),
                no_mandatory: !refreshable,
                not_before,
                report_from: self.refresh_token_ends_from(),
                jitter: self.context.jitter,
            },
        )
    }
}
