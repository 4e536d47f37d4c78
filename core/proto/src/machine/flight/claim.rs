//! Handles the record that was read: adopts it, obeys its marks, waits, or takes the lease (spec 4.4, 6.3, 7.4).

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Flight, Progress, Step};
use crate::error::{ErrorKind, Failure};
use crate::event::EventKind;
use crate::machine::compact_record::CompactRecord;
use crate::machine::context::Context;
use crate::machine::current::Current;
use crate::machine::effect::Effect;
use crate::machine::failures::{dead as dead_mark, login_required, misconfigured};
use crate::machine::record::{Intent, Record};
use crate::machine::refresh_windows::mandatory;
use crate::machine::resend::{Resend, resend, send_cap};
use crate::machine::shared_time::SharedTime;
use crate::machine::unknown_fields::Unknown;
use crate::machine::waiting::Waiting;
use crate::store::{Expected, Owner, Saved, Unavailable, Version};
use crate::time::Now;
use crate::verdict::{DeadReason, Lost};

impl Flight {
    /// A stored record of our lineage and configuration; any other ends the flight here.
    pub(super) fn ours(
        &mut self,
        context: &Context,
        stored: Option<(Record, Version)>,
    ) -> ControlFlow<Progress, (Record, Version)> {
        let lineage = context.held().map(|held| &held.record.lineage);
        let is_ours = |record: &Record| lineage == Some(&record.lineage) && !record.tombstone;
        match stored {
            Some((record, _)) if is_ours(&record) && !context.admits(&record) => {
                let failure = misconfigured(&record.binding, &context.config.binding);
                ControlFlow::Break(self.fail(context, failure))
            }
            Some((record, version)) if is_ours(&record) => ControlFlow::Continue((record, version)),
            other => ControlFlow::Break(Progress::LineageEnded(other.map(Box::new))),
        }
    }

    /// Handles the record that was read: adopts it, obeys its marks, waits, or takes the lease.
    pub(super) fn consider(
        &mut self,
        context: &mut Context,
        record: Record,
        version: Version,
        now: Now,
    ) -> Progress {
        let record = context.newest(record);
        let force = self.force;
        let newer = context.held().is_some_and(|held| record.generation() > held.record.generation());
        let dead = record.dead_for(&context.config.binding).filter(|_| !force).cloned();
        context.hold(record.clone(), Some(version.clone()), 0, now);
        if newer && context.current().is_some_and(|current| adoptable(current, now)) {
            context.report(EventKind::Adopted);
            return Progress::Satisfied;
        }
        if let Some(mark) = dead {
            context.report_login_required(mark.reason);
            return self.fail(context, dead_mark(&mark));
        }
        if !context.renewable(&record) {
            context.report_login_required(DeadReason::NoRefreshToken);
            return self.fail(context, login_required(DeadReason::NoRefreshToken));
        }
        let pausing = context.held().and_then(|held| context.pausing(&held.record, now));
        if let Some(failure) = pausing.filter(|_| !force).map(|(backoff, left)| backoff.failure(left)) {
            return self.fail(context, failure);
        }
        if let Some(ended) = self.limited(context, now) {
            return ended;
        }
        // Adds what memory knows and the store does not.
        let record = context.held().map_or(record, |held| held.record.clone());
        self.claim_or_wait(context, record, version, now)
    }

    /// Other processes' refreshes count, too (spec 5.3): how that ends the flight, if it does.
    fn limited(&mut self, context: &mut Context, now: Now) -> Option<Progress> {
        let origin = self.unexplained.clone()?;
        if let Some(wait) = context.budget_full(now) {
            let failure = context.limited(wait, now);
            return Some(self.fail(context, failure));
        }
        // The caller that was rejected asks again, and is refused (spec 3.6).
        origin.is_some_and(|origin| context.holds(&origin, now)).then_some(Progress::Again)
    }

    /// Another owner may be refreshing (spec 7.4): check whether it is alive before waiting for its lease.
    pub(super) fn claim_or_wait(
        &mut self,
        context: &mut Context,
        record: Record,
        version: Version,
        now: Now,
    ) -> Progress {
        let foreign_lease = record.lease.as_ref().map(|lease| lease.owner.clone());
        let foreign_intent = record.intent.as_ref().filter(|intent| intent.lost.is_none());
        let owner = foreign_lease.or_else(|| foreign_intent.map(|intent| intent.owner.clone()));
        match owner.filter(|owner| !context.owners.contains(owner)) {
            Some(owner) => {
                let op = context.op();
                context.push(Effect::Probe { op, owner });
                self.read = Some((Box::new(record), version));
                self.go_on(Step::Probing(op))
            }
            None => self.claim_after(context, record, version, Owner::Unknown, now),
        }
    }

    /// No other owner holds the lease. An open intent decides when the token may be sent again (spec 6.3).
    pub(super) fn claim_after(
        &mut self,
        context: &mut Context,
        record: Record,
        version: Version,
        owner: Owner,
        now: Now,
    ) -> Progress {
        let Some(intent) = self.open_intent(&record) else {
            return self.claim(context, record, version, None, now);
        };
        let lost = intent.lost.unwrap_or(Lost::Vanished);
        let over = intent.lost.is_some() && intent.sends >= 2;
        match self.resend(context, &intent, lost, now) {
            // Its back-off has passed, otherwise this would not be reached.
            _ if over => self.claim(context, record, version, Some(intent), now),
            // Its connection ended with the process, and nothing indicates that the server punishes a second send
            // (spec 6.2).
            Resend::In(_) if owner == Owner::Dead && context.forgives() => {
                self.claim(context, record, version, Some(intent), now)
            }
            Resend::In(wait) => self.go_on(Step::Waiting(now.mono + wait, Waiting::VanishedOwner)),
            Resend::WhenTokenEnds => self.hold_until_token_ends(context, now),
            Resend::Now | Resend::Paused | Resend::BackOff => {
                self.claim(context, record, version, Some(intent), now)
            }
        }
    }

    /// What is known about earlier sends of the stored token. About our own sends memory knows more than the store.
    pub(super) fn open_intent(&self, record: &Record) -> Option<Box<Intent>> {
        let stored = record.intent.as_ref()?;
        let intent = if stored.owner == self.owner { self.intent.clone()? } else { stored.clone() };
        Context::is_intent_for(&intent, record).then_some(intent)
    }

    pub(super) fn resend(&self, context: &Context, intent: &Intent, lost: Lost, now: Now) -> Resend {
        let valid =
            context.current().is_some_and(|current| current.valid(now)) && context.rejected_by.is_empty();
        let cap = send_cap(context.rotation(), context.config.send_cap);
        resend(context.rotation(), intent, lost, valid, cap, (now, context.boot()))
    }

    pub(super) fn wait_for_lease(&mut self, context: &mut Context, now: Now) -> Progress {
        let often = context.config.look_again;
        let pause = often / 2 + context.entropy.up_to(often);
        let most = context.config.lease_wait;
        let since = *self.waiting_since.get_or_insert(now.mono);
        if now.mono.saturating_sub(since) < most {
            return self.go_on(Step::Waiting(now.mono + pause, Waiting::OthersLease));
        }
        let failure = Failure::new(
            ErrorKind::RefreshFailed,
            "another process has been refreshing for a long time and has not stored its result: try again later",
        );
        self.fail(context, failure.after(Duration::from_secs(1)))
    }

    /// Takes the lease and writes the intent, in one compare-and-save (spec 4.4).
    pub(super) fn claim(
        &mut self,
        context: &mut Context,
        mut record: Record,
        version: Version,
        open: Option<Box<Intent>>,
        now: Now,
    ) -> Progress {
        let refresh_token = record.refresh_fingerprint();
        let owner = self.owner.clone();
        let sends = open.as_ref().map_or(1, |intent| intent.sends + 1);
        let first_sent =
            open.map_or_else(|| SharedTime::new(now, context.boot()), |intent| intent.first_sent);
        record.fence += 1;
        record.lease = Some(Box::new(context.lease(owner.clone(), now)));
        let intent =
            Intent { refresh_token, owner, first_sent, sends, lost: None, unknown: Unknown::default() };
        record.intent = Some(Box::new(intent));
        let op = context.save(&mut record, Expected::Version(version));
        self.write(Step::Claiming(op), record)
    }

    pub(super) fn claimed(
        &mut self,
        context: &mut Context,
        record: Record,
        saved: Result<Saved, Unavailable>,
        now: Now,
    ) -> Progress {
        let third = context.config.lease / 3;
        match saved {
            Ok(Saved::Done(version)) => {
                self.intent.clone_from(&record.intent);
                self.renew_at = Some(now.mono + third);
                if let Some(held) = context.held_mut() {
                    held.record = CompactRecord::new(record);
                    held.version = Some(version);
                }
                self.send(context, now)
            }
            Ok(Saved::Conflict) => self.read(context),
            Err(_) if context.spends_without_store() => self.send(context, now),
            Err(unavailable) => self.store_failed(context, &unavailable, now),
        }
    }
}

/// A token is adopted only if it can be served for a while, not if it is about to expire.
fn adoptable(current: &Current, now: Now) -> bool {
    let mandatory = current.lifetime.map(mandatory).unwrap_or_default();
    current.valid(now) && current.left(now).is_none_or(|left| left > mandatory)
}
