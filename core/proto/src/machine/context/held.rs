//! The record in memory, and the token in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Context;
use crate::error::Failure;
use crate::event::EventKind;
use crate::machine::compact_record::CompactRecord;
use crate::machine::current::{self, Current};
use crate::machine::failures::{misconfigured, never_signed_in, signed_out};
use crate::machine::origins::OriginSet;
use crate::machine::record::Record;
use crate::store::Version;
use crate::time::Now;

/// The standing of the session.
pub(in crate::machine) enum Standing {
    /// The store has not been read yet (spec 7.3).
    Unread,
    /// There is nothing to serve.
    Empty(Box<Failure>),
    /// There is a credential.
    Held(Box<Held>),
}

pub(in crate::machine) struct Held {
    pub(in crate::machine) record: CompactRecord,
    pub(in crate::machine) version: Option<Version>,
    pub(in crate::machine) current: Option<Arc<Current>>,
}

impl Context {
    pub(in crate::machine) fn held(&self) -> Option<&Held> {
        match &self.standing {
            Standing::Held(held) => Some(held),
            Standing::Unread | Standing::Empty(_) => None,
        }
    }

    pub(in crate::machine) fn held_mut(&mut self) -> Option<&mut Held> {
        match &mut self.standing {
            Standing::Held(held) => Some(held),
            Standing::Unread | Standing::Empty(_) => None,
        }
    }

    pub(in crate::machine) fn current(&self) -> Option<&Arc<Current>> {
        self.held().and_then(|held| held.current.as_ref())
    }

    /// Adopts a stored record; `sent` is when its access token was requested, in the machine's order.
    pub(in crate::machine) fn hold(
        &mut self,
        mut record: Record,
        version: Option<Version>,
        sent: u64,
        now: Now,
    ) {
        let known = self.current().map(|token| (token.lineage.clone(), token.generation));
        let fresh = known.is_none_or(|(lineage, generation)| {
            *lineage != *record.lineage || generation != record.generation()
        });
        let current = if fresh { self.read_current(&record, sent, now) } else { self.current().cloned() };
        if fresh {
            self.rejected_by.clear();
            self.accepted_by = OriginSet::default();
            let legacy = self.legacy.take().filter(|legacy| {
                *legacy.current.lineage == *record.lineage && legacy.current.generation == record.generation()
            });
            if let Some(budget) = record
                .refresh_budget
                .as_deref_mut()
                .filter(|_| legacy.as_ref().is_some_and(|legacy| legacy.proven))
            {
                budget.prove();
            }
            let suspect = legacy.is_some_and(|legacy| legacy.suspect);
            // An `invalidate` before the store was read applies to the record that it holds.
            self.invalidated = suspect || self.invalidated && matches!(self.standing, Standing::Unread);
            self.jitter = current::jitter(&mut self.entropy);
        }
        let known = self.held().filter(|held| held.record.lineage == record.lineage);
        if let Some(known) = known.and_then(|held| held.record.backoff.as_deref()) {
            record.backoff = record.backoff.map(|stored| Box::new(stored.merged(known)));
        }
        if let Some(known) = known.and_then(|held| held.record.refresh_budget.as_deref()) {
            record.refresh_budget = record.refresh_budget.map(|stored| Box::new(stored.merged(known)));
        }
        if record.binding == self.config.binding && record.binding.is_known() {
            record.binding = self.config.binding.clone();
        }
        let changed = changed_extra(self.held(), &record);
        self.standing =
            Standing::Held(Box::new(Held { record: CompactRecord::new(record), version, current }));
        (self.seed, self.seed_given) = (None, None);
        self.publish(now);
        if !changed.is_empty() {
            self.report(EventKind::ExtraChanged { names: changed });
        }
    }

    pub(in crate::machine) fn read_current(
        &self,
        record: &Record,
        sent: u64,
        now: Now,
    ) -> Option<Arc<Current>> {
        let slot = record.slot()?;
        let unservable = (self.config.servable)(&slot.access_token, slot.token_type.as_deref()).err();
        Current::of(record, now, sent, unservable).map(Arc::new)
    }

    pub(in crate::machine) fn empty(&mut self, failure: Failure, now: Now) {
        self.standing = Standing::Empty(Box::new(failure));
        (self.seed, self.seed_given) = (None, None);
        self.rejected_by.clear();
        self.accepted_by = OriginSet::default();
        self.invalidated = false;
        self.publish(now);
    }

    /// For example, a backup was restored over a record that this process knows to be newer (spec 7.11). Or other
    /// processes wrote, and the newer data here was never saved: for the same refresh token, theirs is still the
    /// older one (spec 7.2).
    pub(in crate::machine) fn is_older_copy(&self, record: &Record) -> bool {
        self.held().is_some_and(|held| {
            held.record.lineage == record.lineage
                && !record.tombstone
                && record.generation() < held.record.generation()
                && (record.fence <= held.record.fence
                    || record.refresh_fingerprint() == held.record.refresh_fingerprint())
        })
    }

    /// Whether a record belongs to this configuration.
    pub(in crate::machine) fn admits(&self, record: &Record) -> bool {
        record.binding.admits(&self.config.binding, self.config.strict_binding)
    }

    /// Adopts a stored record of another lineage, or of the first read.
    pub(in crate::machine) fn take_stored(&mut self, record: Record, version: Version, now: Now) {
        if !self.admits(&record) {
            return self.empty(misconfigured(&record.binding, &self.config.binding), now);
        }
        self.hold(record, Some(version), 0, now);
        let dead = self.held().and_then(|held| held.record.dead_for(&self.config.binding));
        if let Some(reason) = dead.map(|mark| mark.reason) {
            self.report_login_required(reason);
        }
    }

    pub(in crate::machine) fn take_stored_or_tombstone(
        &mut self,
        record: Record,
        version: Version,
        now: Now,
    ) {
        if self.is_older_copy(&record) {
            // The next flight overwrites it (spec 7.11).
            return;
        }
        let known = self.held().map(|held| held.record.lineage.clone());
        if known.is_some_and(|known| known != record.lineage || record.tombstone) {
            self.report(EventKind::SignedOut);
        }
        if record.tombstone {
            return self.empty(signed_out(), now);
        }
        self.take_stored(record, version, now);
    }

    /// The stored record is older than the one in memory, which is kept and will be written over it (spec 7.11). What
    /// other processes wrote for the same refresh token in the meantime still applies.
    pub(in crate::machine) fn newest(&self, stored: Record) -> Record {
        let Some(held) = self.held().filter(|_| self.is_older_copy(&stored)) else { return stored };
        let mut newest = held.record.clone();
        (newest.lease, newest.intent) = (None, None);
        if stored.fence > newest.fence {
            newest.fence = stored.fence;
            (newest.lease, newest.intent) = (stored.lease, stored.intent);
            (newest.backoff, newest.dead) = (stored.backoff, stored.dead);
        }
        newest
    }

    pub(in crate::machine) fn nothing_held(&self) -> Failure {
        match &self.standing {
            Standing::Empty(failure) => Failure::clone(failure),
            Standing::Unread | Standing::Held(_) => never_signed_in(),
        }
    }

    /// The seed is no longer needed once the store has been read.
    pub(in crate::machine) fn drop_seed(&mut self) {
        if !matches!(self.standing, Standing::Unread) {
            (self.seed, self.seed_given) = (None, None);
        }
    }
}

/// The names of what a record holds beside its tokens and the one before it, of the same sign-in, held otherwise.
fn changed_extra(known: Option<&Held>, record: &Record) -> Vec<String> {
    let Some(known) = known.filter(|held| held.record.lineage == record.lineage) else { return Vec::new() };
    let (old, new) = (&known.record.extra, &record.extra);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}
