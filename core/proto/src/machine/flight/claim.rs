//! The record is read: adopt, obey, wait, or take the lease (spec 4.4, 6.3, 7.4).

use std::time::Duration;

use super::Step;
use crate::error::{ErrorKind, Failure};
use crate::event::EventKind;
use crate::machine::Machine;
use crate::machine::compact_record::CompactRecord;
use crate::machine::context::Context;
use crate::machine::current::{Current, mandatory};
use crate::machine::effect::{Effect, Settled};
use crate::machine::failures::{dead as dead_mark, login_required, misconfigured, signed_out};
use crate::machine::record::{Intent, Record};
use crate::machine::resend::{Resend, resend, send_cap};
use crate::machine::shared_time::SharedTime;
use crate::machine::unknown_fields::Unknown;
use crate::machine::waiting::Waiting;
use crate::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};
use crate::time::Now;
use crate::verdict::{DeadReason, Lost};

impl Machine {
    /// A stored record of our lineage and configuration; everything else ends the flight here.
    pub(super) fn stored(
        &mut self,
        loaded: Result<Loaded, Unavailable>,
        now: Now,
    ) -> Result<Option<(Record, Version)>, Unavailable> {
        let (record, version) = match loaded? {
            Loaded::Present(bytes, version) => (self.context.parse(&bytes)?, version),
            Loaded::Absent => {
                self.lineage_ended(None, now);
                return Ok(None);
            }
        };
        let ours = self.context.held().is_some_and(|held| held.record.lineage == record.lineage);
        if !ours || record.tombstone {
            self.lineage_ended(Some((record, version)), now);
            return Ok(None);
        }
        if !record.binding.admits(&self.context.config.binding, self.context.config.strict_binding) {
            let failure = misconfigured(&record.binding, &self.context.config.binding);
            self.fail_flight(failure, now);
            return Ok(None);
        }
        Ok(Some((record, version)))
    }

    /// The store holds nothing, a tombstone, or another lineage (spec 7.6).
    pub(in crate::machine) fn lineage_ended(&mut self, stored: Option<(Record, Version)>, now: Now) {
        self.end_flight(signed_out());
        self.context.report(EventKind::SignedOut);
        match stored {
            Some((record, version)) if !record.tombstone => self.context.take_stored(record, version, now),
            _ => self.context.empty(signed_out(), now),
        }
    }

    /// The record is read: adopt, obey, wait, or claim.
    pub(super) fn consider(&mut self, record: Record, version: Version, now: Now) {
        let record = self.context.newest(record);
        let Some(flight) = &self.flight else { return };
        let force = flight.force;
        let newer = self.context.held().is_some_and(|held| record.generation() > held.record.generation());
        let dead = record.dead_for(&self.context.config.binding).filter(|_| !force).cloned();
        self.context.hold(record.clone(), Some(version.clone()), 0, now);
        if newer && self.context.current().is_some_and(|current| adoptable(current, now)) {
            self.context.report(EventKind::Adopted);
            return self.satisfy_flight(now);
        }
        if let Some(mark) = dead {
            self.context.report_login_required(mark.reason);
            return self.fail_flight(dead_mark(&mark), now);
        }
        if !self.context.renewable(&record) {
            self.context.report_login_required(DeadReason::NoRefreshToken);
            return self.fail_flight(login_required(DeadReason::NoRefreshToken), now);
        }
        let pausing = self.context.held().and_then(|held| self.context.pausing(&held.record, now));
        if let Some(failure) = pausing.filter(|_| !force).map(|(backoff, left)| backoff.failure(left)) {
            return self.fail_flight(failure, now);
        }
        if self.ended_by_budget(now) {
            return;
        }
        // With what memory knows better than the store.
        let record = self.context.held().map_or(record, |held| held.record.clone());
        self.claim_or_wait(record, version, now);
    }

    /// Other processes' refreshes count as well (spec 5.3): whether that ended the flight.
    pub(super) fn ended_by_budget(&mut self, now: Now) -> bool {
        let Some(origin) = self.flight.as_ref().and_then(|flight| flight.unexplained.clone()) else {
            return false;
        };
        if let Some(wait) = self.context.budget_full(now) {
            let failure = self.context.limited(wait, now);
            self.fail_flight(failure, now);
            return true;
        }
        // Whoever was rejected asks again, and is refused (spec 3.6).
        let held = origin.is_some_and(|origin| self.context.holds(&origin, now));
        if held {
            self.satisfy_with(Settled::Again, now);
        }
        held
    }

    /// Somebody may be at it (spec 7.4): ask whether they live, before the lease is waited for.
    pub(super) fn claim_or_wait(&mut self, record: Record, version: Version, now: Now) {
        let foreign_lease = record.lease.as_ref().map(|lease| lease.owner.clone());
        let foreign_intent = record.intent.as_ref().filter(|intent| intent.lost.is_none());
        let owner = foreign_lease.or_else(|| foreign_intent.map(|intent| intent.owner.clone()));
        match owner.filter(|owner| !self.context.owners.contains(owner)) {
            Some(owner) => {
                let op = self.context.op();
                self.context.push(Effect::Probe { op, owner });
                if let Some(flight) = &mut self.flight {
                    flight.step = Step::Probing(op);
                    flight.read = Some((Box::new(record), version));
                }
            }
            None => self.claim_after(record, version, Owner::Unknown, now),
        }
    }

    /// Nobody else holds the lease. An open intent decides when the token may be sent again (spec 6.3).
    pub(super) fn claim_after(&mut self, record: Record, version: Version, owner: Owner, now: Now) {
        let Some(intent) = self.open_intent(&record) else { return self.claim(record, version, None, now) };
        let lost = intent.lost.unwrap_or(Lost::Vanished);
        let over = intent.lost.is_some() && intent.sends >= 2;
        match self.resend(&intent, lost, now) {
            // Its back-off is over, or we would not be here.
            _ if over => self.claim(record, version, Some(intent), now),
            // Its connection ended with it, and nothing speaks for a server that punishes a second send (spec 6.2).
            Resend::In(_) if owner == Owner::Dead && self.context.forgives() => {
                self.claim(record, version, Some(intent), now)
            }
            Resend::In(wait) => self.step(Step::Waiting(now.mono + wait, Waiting::VanishedOwner)),
            Resend::WhenTokenEnds => self.hold_until_token_ends(now),
            Resend::Now | Resend::Paused | Resend::BackOff => self.claim(record, version, Some(intent), now),
        }
    }

    /// What is known of earlier sends of the stored token. Of our own sends we know more than the store.
    pub(super) fn open_intent(&self, record: &Record) -> Option<Box<Intent>> {
        let flight = self.flight.as_ref()?;
        let stored = record.intent.as_ref()?;
        let intent = if stored.owner == flight.owner { flight.intent.clone()? } else { stored.clone() };
        Context::is_intent_for(&intent, record).then_some(intent)
    }

    pub(super) fn resend(&self, intent: &Intent, lost: Lost, now: Now) -> Resend {
        let valid = self.context.current().is_some_and(|current| current.valid(now))
            && self.context.rejected_by.is_empty();
        let cap = send_cap(self.context.rotation(), self.context.config.send_cap);
        resend(self.context.rotation(), intent, lost, valid, cap, (now, self.context.boot()))
    }

    pub(super) fn wait_for_lease(&mut self, now: Now) {
        let often = self.context.config.look_again;
        let pause = often / 2 + self.context.entropy.up_to(often);
        let most = self.context.config.lease_wait;
        let Some(flight) = &mut self.flight else { return };
        let since = *flight.waiting_since.get_or_insert(now.mono);
        if now.mono.saturating_sub(since) < most {
            return self.step(Step::Waiting(now.mono + pause, Waiting::OthersLease));
        }
        let failure = Failure::new(
            ErrorKind::RefreshFailed,
            "another process has been refreshing for a long time and has not stored its result: try again later",
        );
        self.fail_flight(failure.after(Duration::from_secs(1)), now);
    }

    /// Takes the lease and writes the intent, in one compare-and-save (spec 4.4).
    pub(super) fn claim(
        &mut self,
        mut record: Record,
        version: Version,
        open: Option<Box<Intent>>,
        now: Now,
    ) {
        let refresh_token = record.refresh_fingerprint();
        let Some(owner) = self.flight.as_ref().map(|flight| flight.owner.clone()) else { return };
        let sends = open.as_ref().map_or(1, |intent| intent.sends + 1);
        let first_sent =
            open.map_or_else(|| SharedTime::new(now, self.context.boot()), |intent| intent.first_sent);
        record.fence += 1;
        record.lease = Some(Box::new(self.context.lease(owner.clone(), now)));
        let intent =
            Intent { refresh_token, owner, first_sent, sends, lost: None, unknown: Unknown::default() };
        record.intent = Some(Box::new(intent));
        let op = self.context.save(&mut record, Expected::Version(version));
        self.write(Step::Claiming(op), record);
    }

    pub(super) fn claimed(&mut self, record: Record, saved: Result<Saved, Unavailable>, now: Now) {
        let third = self.context.config.lease / 3;
        match saved {
            Ok(Saved::Done(version)) => {
                if let Some(flight) = &mut self.flight {
                    flight.intent.clone_from(&record.intent);
                    flight.renew_at = Some(now.mono + third);
                }
                if let Some(held) = self.context.held_mut() {
                    held.record = CompactRecord::new(record);
                    held.version = Some(version);
                }
                self.send(now);
            }
            Ok(Saved::Conflict) => self.read(),
            Err(_) if self.spends_without_store() => self.send(now),
            Err(unavailable) => self.store_failed(&unavailable, now),
        }
    }
}

/// Adopted is what can be served for a while: not what is about to end itself.
fn adoptable(current: &Current, now: Now) -> bool {
    let mandatory = current.lifetime.map(mandatory).unwrap_or_default();
    current.valid(now) && current.left(now).is_none_or(|left| left > mandatory)
}
