//! The record that a machine goes by, and the token in it.

use std::sync::Arc;

use super::Machine;
use super::compact_record::CompactRecord;
use super::current::{self, Current};
use super::origins::OriginSet;
use super::record::Record;
use super::refresh_budget::RefreshBudget;
use crate::error::Failure;
use crate::store::Version;
use crate::time::Now;

/// Where the session stands.
pub(super) enum Standing {
    /// The store was not read yet (spec 7.3).
    Unread,
    /// There is nothing to serve.
    Empty(Box<Failure>),
    /// There is a credential.
    Held(Box<Held>),
}

pub(super) struct Held {
    pub(super) record: CompactRecord,
    pub(super) version: Option<Version>,
    pub(super) current: Option<Arc<Current>>,
}

impl Machine {
    pub(super) fn held(&self) -> Option<&Held> {
        match &self.standing {
            Standing::Held(held) => Some(held),
            Standing::Unread | Standing::Empty(_) => None,
        }
    }

    pub(super) fn held_mut(&mut self) -> Option<&mut Held> {
        match &mut self.standing {
            Standing::Held(held) => Some(held),
            Standing::Unread | Standing::Empty(_) => None,
        }
    }

    pub(super) fn current(&self) -> Option<&Arc<Current>> {
        self.held().and_then(|held| held.current.as_ref())
    }

    pub(super) fn budget(&self) -> Option<&RefreshBudget> {
        self.held().and_then(|held| held.record.refresh_budget.as_deref())
    }

    /// Takes a stored record for ours; `sent` is when its access token was asked for, in our order.
    pub(super) fn hold(&mut self, mut record: Record, version: Option<Version>, sent: u64, now: Now) {
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
            // What was said before the store was read is said of what it holds.
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
        self.standing =
            Standing::Held(Box::new(Held { record: CompactRecord::new(record), version, current }));
        (self.seed, self.seed_given) = (None, None);
        self.publish(now);
    }

    pub(super) fn read_current(&self, record: &Record, sent: u64, now: Now) -> Option<Arc<Current>> {
        let slot = record.slot()?;
        let unservable = (self.config.servable)(&slot.access_token, slot.token_type.as_deref()).err();
        Current::of(record, now, sent, unservable).map(Arc::new)
    }

    pub(super) fn empty(&mut self, failure: Failure, now: Now) {
        self.standing = Standing::Empty(Box::new(failure));
        (self.seed, self.seed_given) = (None, None);
        self.rejected_by.clear();
        self.accepted_by = OriginSet::default();
        self.invalidated = false;
        self.publish(now);
    }

    /// A backup, say, was put over what this process knows to be newer (spec 7.11). Or others wrote, and what is known
    /// here was never saved: for the same refresh token, theirs is still the older one (spec 7.2).
    pub(super) fn is_older_copy(&self, record: &Record) -> bool {
        self.held().is_some_and(|held| {
            held.record.lineage == record.lineage
                && !record.tombstone
                && record.generation() < held.record.generation()
                && (record.fence <= held.record.fence
                    || record.refresh_fingerprint() == held.record.refresh_fingerprint())
        })
    }

    /// A session at rest keeps no room for what it has done.
    pub(super) fn rest(&mut self) {
        self.effects.shrink_to_fit();
        if self.idle() {
            let stored = self.stored.take();
            if let Some(held) = self.held_mut() {
                held.record.rest(stored.as_deref());
            }
        }
    }
}
