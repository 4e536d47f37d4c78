//! A grant on its way into the store: persisted before it is published, and never lost (spec 7.2, 7.4).

use std::collections::BTreeSet;
use std::time::Duration;

use super::backoff::{Backoff, BackoffKind};
use super::context::Pause;
use super::effect::Effect;
use super::record::{Record, RefreshTokenLife, SLOT, Slot};
use super::refresh_budget::full_jitter;
use super::unknown_fields::Unknown;
use super::{Machine, OpId};
use crate::credential::{Fingerprint, Secret, TokenResponse};
use crate::event::{EventKind, Warning};
use crate::rotation::Rotation;
use crate::store::{Expected, Loaded, Saved, Unavailable, Version};
use crate::time::Now;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Well within a lease: others must not take over what only waits for the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const UNSERVABLE_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_UNSERVABLE_PAUSE: Duration = Duration::from_secs(3600);
/// Somebody keeps writing between our reading and our saving; a grant is worth some patience.
const MOST_CONFLICTS: u32 = 16;

/// One grant that is not in the store yet.
pub(super) struct Commit {
    record: Record,
    /// The refresh token that it was granted for: only over this one it is saved.
    spent: Option<Fingerprint>,
    sequence: u64,
    phase: Phase,
    failures: u32,
    conflicts: u32,
    /// The flight's callers were served without it.
    unpersisted: bool,
    /// Who keeps the lease until it is saved, once the flight is over.
    owner: Option<String>,
}

enum Phase {
    Saving(OpId),
    Reading(OpId),
    Waiting(Duration),
}

impl Commit {
    pub(super) fn awaits(&self, op: OpId) -> bool {
        matches!(self.phase, Phase::Saving(own) | Phase::Reading(own) if own == op)
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Saving(_) | Phase::Reading(_) => None,
        }
    }

    pub(super) fn unpersisted(&self) -> bool {
        self.unpersisted
    }

    /// The flight is over, its lease is not.
    pub(super) fn keep(&mut self, owner: String) {
        self.owner = Some(owner);
    }

    /// What is lost if it never reaches the store.
    pub(super) fn token(&self) -> Option<Secret> {
        self.record.refresh_token.clone()
    }
}

impl Machine {
    /// Takes a grant for the token that the flight spent.
    pub(super) fn begin_commit(&mut self, grant: &TokenResponse, sent: Now, sequence: u64, now: Now) {
        let Some(held) = self.context.held() else { return };
        let (base, version) = (held.record.clone(), held.version.clone());
        let asked = self
            .context
            .config
            .binding
            .client_credentials
            .as_ref()
            .and_then(|request| request.scope.as_deref());
        if narrower(base.scope.as_deref().or(asked), grant.scope.as_deref()) {
            self.context.warn(Warning::ScopeNarrowed);
        }
        let spent = base.refresh_fingerprint();
        let mut record = granted(base, grant, !self.context.begins_alone(), sent, now);
        record.backoff = self.unservable_pause(grant, now).map(Box::new);
        let phase = match version {
            Some(version) => Phase::Saving(self.context.save(&mut record, Expected::Version(version))),
            None => Phase::Reading(self.context.load()),
        };
        self.commit = Some(Box::new(Commit {
            record,
            spent,
            sequence,
            phase,
            failures: 0,
            conflicts: 0,
            unpersisted: false,
            owner: None,
        }));
    }

    /// A token that cannot be served is replaced at the next call; if that brings another one of the kind, after
    /// pauses (spec 1.8).
    fn unservable_pause(&mut self, grant: &TokenResponse, now: Now) -> Option<Backoff> {
        let unservable =
            (self.context.config.servable)(&grant.access_token, grant.token_type.as_deref()).err()?;
        let before = self.context.held().and_then(|held| held.record.backoff.as_deref());
        let failures = before
            .filter(|before| before.kind == BackoffKind::Unservable)
            .map_or(0, |before| before.failures);
        let pause = match failures.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => {
                UNSERVABLE_PAUSE.saturating_mul(1 << doublings.min(6)).min(LONGEST_UNSERVABLE_PAUSE)
            }
        };
        self.context.pause(BackoffKind::Unservable, Pause::For(pause), unservable, now);
        self.context.held().and_then(|held| held.record.backoff.as_deref().cloned())
    }

    pub(super) fn commit_saved(&mut self, saved: Result<Saved, Unavailable>, now: Now) {
        match saved {
            Ok(Saved::Done(version)) => self.committed(version, now),
            Ok(Saved::Conflict) => {
                let op = self.context.load();
                self.commit_phase(Phase::Reading(op));
            }
            Err(_) => self.commit_failed(now),
        }
    }

    /// Somebody wrote in between: the grant goes on top, unless its lineage was ended (spec 7.4).
    pub(super) fn commit_loaded(&mut self, loaded: Result<Loaded, Unavailable>, now: Now) {
        let Some(commit) = &mut self.commit else { return };
        commit.conflicts += 1;
        let parsed = loaded.and_then(|loaded| match loaded {
            Loaded::Present(bytes, version) => {
                self.context.parse(&bytes).map(|record| Some((record, version)))
            }
            Loaded::Absent => Ok(None),
        });
        match parsed {
            Err(unavailable) if unavailable.damaged => self.commit_over_damage(now),
            Err(_) => self.commit_failed(now),
            Ok(stored) => self.commit_over(stored, now),
        }
    }

    pub(super) fn commit_timeout(&mut self, now: Now) {
        let due = self.commit.as_deref().and_then(Commit::timeout).is_some_and(|until| now.mono >= until);
        if due {
            let op = self.context.load();
            self.commit_phase(Phase::Reading(op));
        }
    }

    /// Somebody needs the refresh token that is not saved yet: try within `most` rather than later.
    pub(super) fn flush_commit(&mut self, now: Now, most: Duration) {
        if let Some(Commit { phase: Phase::Waiting(until), .. }) = self.commit.as_deref_mut() {
            *until = (*until).min(now.mono + most);
        }
    }

    /// The lineage was ended while its grant was on its way (spec 4.6).
    pub(super) fn drop_commit(&mut self) {
        if let Some(token) = self.take_commit().and_then(|commit| commit.token()) {
            self.context.push(Effect::Revoke { token });
        }
    }

    /// Whoever kept the lease for it has nothing to keep any more.
    fn take_commit(&mut self) -> Option<Commit> {
        let mut commit = self.commit.take()?;
        if let Some(owner) = commit.owner.take() {
            self.context.push(Effect::Retire { owner });
        }
        Some(*commit)
    }

    fn commit_phase(&mut self, phase: Phase) {
        if let Some(commit) = &mut self.commit {
            commit.phase = phase;
        }
    }

    fn commit_over(&mut self, stored: Option<(Record, Version)>, now: Now) {
        let Some(commit) = &self.commit else { return };
        let same_lineage = |record: &Record| record.lineage == commit.record.lineage && !record.tombstone;
        match stored {
            Some((record, version)) if record.write == commit.record.write => self.committed(version, now),
            Some((record, version)) if same_lineage(&record) => {
                let older = record.fence < commit.record.fence
                    && record.generation() + 1 < commit.record.generation();
                if older || record.refresh_fingerprint() == commit.spent {
                    self.save_over(&record, version, now);
                } else {
                    self.superseded(record, version, now);
                }
            }
            ended => {
                self.drop_commit();
                self.lineage_ended(ended, now);
            }
        }
    }

    /// The grant is for exactly the stored token: it is saved whatever the fence, also over a Dead mark.
    fn save_over(&mut self, stored: &Record, version: Version, now: Now) {
        let Some(mut commit) = self.commit.take() else { return };
        if commit.conflicts > MOST_CONFLICTS {
            self.commit = Some(commit);
            return self.commit_failed(now);
        }
        commit.record.fence = stored.fence.max(commit.record.fence) + 1;
        let generation = stored.generation() + 1;
        if let Some(slot) = commit.record.slots.get_mut(SLOT) {
            slot.generation = slot.generation.max(generation);
        }
        let op = self.context.save(&mut commit.record, Expected::Version(version));
        commit.phase = Phase::Saving(op);
        self.commit = Some(commit);
    }

    /// Nobody can read what is there, and we hold the newest version (spec 7.7).
    fn commit_over_damage(&mut self, now: Now) {
        let version = self.context.held().and_then(|held| held.version.clone());
        let (Some(mut commit), Some(version)) = (self.commit.take(), version) else {
            return self.commit_failed(now);
        };
        if commit.conflicts > MOST_CONFLICTS {
            self.commit = Some(commit);
            return self.commit_failed(now);
        }
        let op = self.context.save(&mut commit.record, Expected::Version(version));
        commit.phase = Phase::Saving(op);
        self.commit = Some(commit);
    }

    /// Somebody's later refresh is stored already: theirs is taken.
    fn superseded(&mut self, record: Record, version: Version, now: Now) {
        self.take_commit();
        self.context.hold(record, Some(version), 0, now);
        self.context.report(EventKind::Adopted);
        if self.flight.is_some() {
            self.satisfy_flight(now);
        }
    }

    fn committed(&mut self, version: Version, now: Now) {
        let Some(commit) = self.take_commit() else { return };
        let was_unpersisted = commit.unpersisted;
        self.context.hold(commit.record, Some(version), commit.sequence, now);
        if was_unpersisted {
            self.context.report(EventKind::Persisted);
        } else {
            self.report_success(true, now);
            self.satisfy_flight(now);
        }
    }

    /// Served from memory, reported, and saved again later (spec 7.2).
    fn commit_failed(&mut self, now: Now) {
        if self.loses_nothing() {
            return self.serve_unsaved(now);
        }
        let Some(commit) = &mut self.commit else { return };
        commit.failures += 1;
        commit.conflicts = 0;
        let failures = commit.failures;
        let first = !std::mem::replace(&mut commit.unpersisted, true);
        let pause = full_jitter(&mut self.context.entropy, FIRST_PAUSE, failures, LONGEST_PAUSE);
        self.commit_phase(Phase::Waiting(now.mono + pause));
        if first {
            self.serve_unpersisted(now);
        }
    }

    /// The stored refresh token stays usable: only an access token would be lost, and anybody can have another.
    fn loses_nothing(&self) -> bool {
        let spent = self
            .commit
            .as_ref()
            .filter(|commit| !commit.unpersisted)
            .and_then(|commit| commit.spent.as_ref());
        let same =
            spent == self.commit.as_ref().and_then(|commit| commit.record.refresh_fingerprint()).as_ref();
        self.context.config.rotation == Rotation::None && spent.is_some() && same
    }

    /// Served from memory, with a warning; nothing is left to be saved (spec 7.2).
    fn serve_unsaved(&mut self, now: Now) {
        self.report_success(false, now);
        let Some(commit) = self.take_commit() else { return };
        let version = self.context.held().and_then(|held| held.version.clone());
        self.context.hold(commit.record, version, commit.sequence, now);
        if !std::mem::replace(&mut self.warned_not_saved, true) {
            self.context.warn(Warning::NotSaved);
        }
        self.satisfy_flight(now);
    }

    fn serve_unpersisted(&mut self, now: Now) {
        self.report_success(false, now);
        self.context.report(EventKind::Unpersisted);
        if !self.keeps_serving_old(now) {
            let Some(commit) = &self.commit else { return };
            let (record, sequence) = (commit.record.clone(), commit.sequence);
            let version = self.context.held().and_then(|held| held.version.clone());
            self.context.hold(record, version, sequence, now);
        }
        self.satisfy_flight(now);
    }

    /// The first use of the new token would end the old refresh token, which is the only one that is stored.
    fn keeps_serving_old(&self, now: Now) -> bool {
        let valid = self.context.current().is_some_and(|current| current.valid(now))
            && self.context.rejected_by.is_empty()
            && !self.context.invalidated;
        valid && matches!(self.context.rotation(), Rotation::UntilSuccessorUsed | Rotation::Grace(_))
    }

    fn report_success(&mut self, persisted: bool, now: Now) {
        let Some(flight) = &self.flight else { return };
        let (waiters, duration) = (flight.waiters, now.mono.saturating_sub(flight.started.mono));
        self.context.report(EventKind::RefreshSucceeded { waiters, duration, persisted });
    }
}

/// The record after a grant: what the answer leaves out stays as it was (spec 5.4). `spendable`: whether a refresh token
/// would ever be spent; who asks on its own behalf (RFC 6749 section 4.4.3) or with a cookie has no use for one.
fn granted(base: Record, grant: &TokenResponse, spendable: bool, sent: Now, now: Now) -> Record {
    let generation = base.generation() + 1;
    let arrived_dead =
        grant.expired_on_arrival || grant.lifetime.is_some_and(|lifetime| now.reached(sent.plus(lifetime)));
    let lifetime = grant.lifetime.filter(|_| !arrived_dead);
    let slot = Slot {
        generation,
        access_token: grant.access_token.clone(),
        token_type: grant.token_type.clone(),
        issued_at: sent.wall,
        expires_at: lifetime.map(|lifetime| sent.wall.plus(lifetime)),
        lifetime_ms: lifetime.map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
        unknown: Unknown::default(),
    };
    let rotated = grant.refresh_token.as_ref().filter(|token| spendable && !token.expose().is_empty());
    let mut record = base;
    record.slots.insert(SLOT, slot);
    record.refresh_token_life = match grant.refresh_token_lifetime.filter(|_| spendable) {
        Some(life) => Some(RefreshTokenLife {
            from: sent.wall,
            until: sent.wall.plus(life),
            unknown: Unknown::default(),
        }),
        None if rotated.is_some() => None,
        None => record.refresh_token_life,
    };
    if let Some(token) = rotated {
        record.refresh_token = Some(token.clone());
    }
    if let Some(scope) = &grant.scope {
        record.scope = Some(scope.clone());
    }
    record.extra.extend(grant.extra.clone());
    record.refreshed_at = Some(now.wall);
    (record.lease, record.intent, record.backoff, record.dead) = (None, None, None, None);
    record
}

fn narrower(old: Option<&str>, new: Option<&str>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    let new: BTreeSet<&str> = new.split_whitespace().collect();
    old.split_whitespace().any(|scope| !new.contains(scope))
}
