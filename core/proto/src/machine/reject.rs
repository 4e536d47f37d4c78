//! Rejections of the token by a server (spec 3).

use std::sync::Arc;

use super::acquire::Acquired;
use super::context::Standing;
use super::current::Current;
use super::failures::signed_out;
use super::origins::{OriginId, Rejection};
use super::refresh_budget::RefreshBudget;
use super::{Machine, Ticket};
use crate::error::Failure;
use crate::event::RefreshCause;
use crate::time::Now;

/// An origin of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Its index in the session's list.
    pub id: OriginId,
    /// Its name, `https://api.example.com`: the same in every process.
    pub name: &'a str,
}

/// The token that a request was sent with, and its history (spec 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The lineage.
    pub lineage: Arc<str>,
    /// The generation of its token. 0 = sent without a token.
    pub generation: u64,
    /// How often it was sent again with another token.
    pub replays: u8,
    /// When it was first rejected, in the machine's order.
    pub rejected: Option<u64>,
}

impl Stamp {
    /// The stamp of a request that is sent for the first time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-1 is valid") };
    /// let stamp = Stamp::new(&token);
    /// assert_eq!((stamp.generation, stamp.replays), (token.generation, 0));
    /// ```
    #[must_use]
    pub fn new(current: &Current) -> Self {
        Self { lineage: current.lineage.clone(), generation: current.generation, replays: 0, rejected: None }
    }

    /// The stamp of its replay.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-1 is valid") };
    /// let stamp = Stamp::new(&token).replayed(&token);
    /// assert_eq!(stamp.replays, 1);
    /// ```
    #[must_use]
    pub fn replayed(&self, current: &Current) -> Self {
        Self { generation: current.generation, replays: self.replays + 1, ..self.clone() }
    }
}

/// Why a request was not sent again although its token was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayRefused {
    /// Its body cannot be sent twice (spec 3.4).
    BodyNotReplayable,
    /// It may have had an effect (spec 2.4, 2.5).
    MaybeApplied,
    /// A token that was issued after the rejection was rejected, too (spec 3.3).
    FreshTokenRejected,
    /// It has been sent again twice (spec 3.3).
    LimitReached,
    /// Refreshes did not help this origin; for a while its rejections start none (spec 3.6).
    OriginHeld,
    /// The error was found in a stream that the caller was already reading (spec 2.6).
    Streamed,
}

impl ReplayRefused {
    /// The name, the same in every language.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::machine::ReplayRefused::MaybeApplied.name(), "maybe_applied");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BodyNotReplayable => "body_not_replayable",
            Self::MaybeApplied => "maybe_applied",
            Self::FreshTokenRejected => "fresh_token_rejected",
            Self::LimitReached => "limit_reached",
            Self::OriginHeld => "origin_held",
            Self::Streamed => "streamed",
        }
    }
}

/// What to do after a rejection.
#[derive(Clone, Debug)]
pub enum AfterRejection {
    /// Send it again with this token.
    Replay(Arc<Current>),
    /// Wait for this ticket, then send it again.
    Wait(Ticket),
    /// Return the response to the caller.
    Refuse(ReplayRefused),
    /// Return the error to the caller.
    Fail(Failure),
}

impl Machine {
    /// Handles a token that was rejected as Expired. Updates `stamp`. `refused`: the request cannot be sent again,
    /// but the token is refreshed (spec 3.4).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-1 is valid") };
    /// let mut stamp = Stamp::new(&token);
    /// let api = Origin { id: 0, name: "https://api.example.com" };
    /// let after = machine.reject(&mut stamp, api, None, now);
    /// assert!(matches!(after, AfterRejection::Wait(_))); // a refresh is under way
    /// assert!(stamp.rejected.is_some());
    /// ```
    pub fn reject(
        &mut self,
        stamp: &mut Stamp,
        origin: Origin<'_>,
        refused: Option<ReplayRefused>,
        now: Now,
    ) -> AfterRejection {
        const MOST_REPLAYS: u8 = 2;
        let held = match &self.context.standing {
            Standing::Held(held) => held,
            // A forked child continues with a token of its parent process.
            Standing::Unread => return AfterRejection::Wait(self.open()),
            Standing::Empty(_) => return AfterRejection::Fail(signed_out()),
        };
        if *held.record.lineage != *stamp.lineage {
            return AfterRejection::Fail(signed_out());
        }
        self.context.sequence += 1;
        let first = *stamp.rejected.get_or_insert(self.context.sequence);
        let refused = refused.or((stamp.replays >= MOST_REPLAYS).then_some(ReplayRefused::LimitReached));
        self.context.is_alive(origin.name, now);
        if let Some(ticket) = self.renewal_ticket().filter(|_| refused.is_none()) {
            // Its successor is being saved.
            return AfterRejection::Wait(ticket);
        }
        match self.context.current().cloned() {
            Some(current) if current.generation > stamp.generation => {
                self.after_late_rejection(current, refused, now)
            }
            Some(current) if current.sent > first => {
                self.note_useless(origin);
                AfterRejection::Refuse(ReplayRefused::FreshTokenRejected)
            }
            Some(_)
                if self.flight.is_none() && self.is_fresh(now) && !self.context.holds(origin.name, now) =>
            {
                if let Some(look) = self.look_after(first) {
                    return AfterRejection::Wait(look);
                }
                if stamp.replays > 0 {
                    self.note_useless(origin);
                }
                AfterRejection::Refuse(refused.unwrap_or(ReplayRefused::FreshTokenRejected))
            }
            Some(_) => self.after_rejection(origin, refused, now),
            None => self.after_rejection(origin, refused, now),
        }
    }

    /// An origin accepted the token of a request with that stamp. Call it if the snapshot
    /// [`watches`](super::Snapshot::watches) for that.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let Example { mut machine, now, .. } = Example::new();
    /// let Acquired::Serve(token) = machine.acquire(TokenRequirements::default(), now) else { panic!("at-1") };
    /// machine.accepted(&Stamp::new(&token), Origin { id: 0, name: "https://api.example.com" }, now);
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), now), Acquired::Serve(_)));
    /// ```
    pub fn accepted(&mut self, stamp: &Stamp, origin: Origin<'_>, now: Now) {
        let current = self.context.current().is_some_and(|current| {
            *current.lineage == *stamp.lineage && current.generation == stamp.generation
        });
        if !current {
            return;
        }
        self.context.is_alive(origin.name, now);
        self.context.accepted_by.insert(origin.id);
        self.context.rejected_by.retain(|by| by.id != origin.id);
        let replayed = stamp.replays > 0;
        if self.context.budget().is_some_and(|budget| budget.clears(origin.name, replayed)) {
            self.change_budget(|budget| budget.clear(origin.name, replayed));
        }
        self.context.publish(now);
    }

    /// A newer generation is current: no refresh for this one (spec 3.1).
    fn after_late_rejection(
        &mut self,
        current: Arc<Current>,
        refused: Option<ReplayRefused>,
        now: Now,
    ) -> AfterRejection {
        match refused {
            Some(reason) => AfterRejection::Refuse(reason),
            None if current.valid(now) => AfterRejection::Replay(current),
            None => waiting(self.acquire(super::TokenRequirements::default(), now)),
        }
    }

    /// The current generation was rejected: join the flight, or start one (spec 3.2).
    fn after_rejection(
        &mut self,
        origin: Origin<'_>,
        refused: Option<ReplayRefused>,
        now: Now,
    ) -> AfterRejection {
        if self.context.holds(origin.name, now) {
            if let Some(look) = self.look_now_and_then(now) {
                return AfterRejection::Wait(look);
            }
            return AfterRejection::Refuse(refused.unwrap_or(ReplayRefused::OriginHeld));
        }
        if !self.context.rejected_by.iter().any(|by| by.id == origin.id) {
            self.context.rejected_by.push(Rejection { id: origin.id, name: origin.name.into() });
        }
        let acquired = self.unexplained(RefreshCause::Rejected, Some(origin.name), false, now);
        self.context.publish(now);
        match refused {
            Some(reason) => {
                self.wait_no_more(&acquired);
                AfterRejection::Refuse(reason)
            }
            None => waiting(acquired),
        }
    }

    fn is_fresh(&self, now: Now) -> bool {
        self.context.budget().is_some_and(|budget| budget.is_fresh((now, self.context.boot())))
    }

    /// The new token was rejected as well: the refresh that this origin caused was useless.
    fn note_useless(&mut self, origin: Origin<'_>) {
        if self.context.budget().is_some_and(|budget| budget.may_be_useless(origin.name)) {
            self.change_budget(|budget| budget.note_useless(origin.name));
        }
    }

    /// Other processes need to know this, too: written at once, or after the write in progress.
    fn change_budget(&mut self, change: impl FnOnce(&mut RefreshBudget)) {
        if let Some(budget) =
            self.context.held_mut().and_then(|held| held.record.refresh_budget.as_deref_mut())
        {
            change(budget);
        }
        self.marks_behind = self.context.config.shared;
    }

    /// Writes the counts that changed, once no other write is in progress.
    pub(super) fn catch_up(&mut self) {
        if self.marks_behind && self.idle() {
            self.marks_behind = false;
            self.context.write_marks();
        }
    }

    /// A request that is not sent again needs the flight, but does not wait for it.
    fn wait_no_more(&mut self, acquired: &Acquired) {
        if let (Acquired::Wait(_), Some(flight)) = (acquired, &mut self.flight) {
            flight.waiters = flight.waiters.saturating_sub(1);
        }
    }
}

fn waiting(acquired: Acquired) -> AfterRejection {
    match acquired {
        Acquired::Serve(current) => AfterRejection::Replay(current),
        Acquired::Wait(ticket) => AfterRejection::Wait(ticket),
        Acquired::Fail(failure) => AfterRejection::Fail(failure),
    }
}
