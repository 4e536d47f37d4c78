//! The commit of a grant: it is saved before it is served, or served from memory and reported (spec 7.2).

use std::collections::BTreeSet;
use std::time::Duration;

use super::backoff::{Backoff, BackoffKind};
use super::context::{Context, Pause};
use super::granted::granted;
use super::record::{Record, SLOT};
use super::refresh_budget::full_jitter;
use super::renewal::Renewal;
use super::{OpId, Ticket};
use crate::credential::{Fingerprint, Secret, TokenResponse};
use crate::event::Warning;
use crate::rotation::Rotation;
use crate::store::{Expected, Loaded, Saved, Unavailable, Version};
use crate::time::Now;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Much shorter than a lease: other processes must not take over while this one only waits for the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const UNSERVABLE_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_UNSERVABLE_PAUSE: Duration = Duration::from_secs(3600);
/// Other processes keep writing between our load and our save; a grant is worth several tries.
const MOST_CONFLICTS: u32 = 16;

/// One grant that is not in the store yet. It handles its own inputs; the machine applies the results.
pub(super) struct Commit {
    pub(super) record: Record,
    /// The refresh token that it was granted for: it is saved only over a record with that token.
    spent: Option<Fingerprint>,
    pub(super) sequence: u64,
    phase: Phase,
    failures: u32,
    conflicts: u32,
    /// The flight's callers were served before it was saved.
    unpersisted: bool,
    /// The owner that keeps the lease until it is saved, once the flight is over.
    owner: Option<String>,
    /// No grant brought the tokens, but an API's response (spec 2.13).
    renewal: Option<Box<Renewal>>,
}

/// The result of an input.
#[must_use]
pub(super) enum Progress {
    UnderWay,
    Saved(Version),
    /// A later refresh of another process is stored already.
    Superseded(Record, Version),
    /// The store holds nothing, a tombstone, or another lineage.
    LineageEnded(Option<(Record, Version)>),
    /// The store was found to be down; saving will be retried.
    Unpersisted,
    /// The store is down, and nothing is lost if this is never saved.
    Dispensable,
}

enum Phase {
    Saving(OpId),
    Reading(OpId),
    Waiting(Duration),
}

impl Commit {
    /// Takes a grant for the current token. `sent` is when it was requested, `sequence` the same in the machine's
    /// order.
    pub(super) fn begin(
        context: &mut Context,
        grant: &TokenResponse,
        (sent, sequence): (Now, u64),
        now: Now,
    ) -> Option<Self> {
        let held = context.held()?;
        let (base, version) = (held.record.clone(), held.version.clone());
        let asked = context.config.binding.client_credentials.as_ref();
        let asked = asked.and_then(|request| request.scope.as_deref());
        if narrower(base.scope.as_deref().or(asked), grant.scope.as_deref()) {
            context.warn(Warning::ScopeNarrowed);
        }
        let spent = base.refresh_fingerprint();
        let mut record = granted(base, grant, !context.begins_alone(), sent, now);
        record.backoff = unservable_pause(context, grant, now).map(Box::new);
        Some(Self::of(context, record, spent, version, sequence))
    }

    /// Takes the tokens of an API's response for the token that is held. It holds no lease.
    pub(super) fn of_renewal(context: &mut Context, renewal: Renewal, now: Now) -> Option<Self> {
        let held = context.held()?;
        let (base, version) = (held.record.clone(), held.version.clone());
        let spent = base.refresh_fingerprint();
        let record = renewal.put_into(base, !context.begins_alone(), now);
        let commit = Self::of(context, record, spent, version, 0);
        Some(Self { renewal: Some(Box::new(renewal)), ..commit })
    }

    fn of(
        context: &mut Context,
        mut record: Record,
        spent: Option<Fingerprint>,
        version: Option<Version>,
        sequence: u64,
    ) -> Self {
        let phase = match version {
            Some(version) => Phase::Saving(context.save(&mut record, Expected::Version(version))),
            None => Phase::Reading(context.load()),
        };
        Self {
            record,
            spent,
            sequence,
            phase,
            failures: 0,
            conflicts: 0,
            unpersisted: false,
            owner: None,
            renewal: None,
        }
    }

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

    /// The flight is over, but its lease is kept.
    pub(super) fn keep(&mut self, owner: String) {
        self.owner = Some(owner);
    }

    /// The owner that kept the lease.
    pub(super) fn take_owner(&mut self) -> Option<String> {
        self.owner.take()
    }

    /// What is lost if the grant is never saved.
    pub(super) fn token(&self) -> Option<Secret> {
        match &self.renewal {
            Some(renewal) => renewal.refresh_token().cloned(),
            None => self.record.refresh_token.clone(),
        }
    }

    pub(super) fn is_renewal(&self) -> bool {
        self.renewal.is_some()
    }

    /// Whether the stored refresh token ends when the new access token is used first.
    pub(super) fn replaces_refresh_token(&self) -> bool {
        self.token().is_some()
    }

    /// What callers wait for who need the new token.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.renewal.as_ref()?.ticket
    }

    pub(super) fn take_ticket(&mut self) -> Option<Ticket> {
        self.renewal.as_mut()?.ticket.take()
    }

    /// Whether the next tokens can take the place of those that wait for the store.
    pub(super) fn may_be_renewed(&self) -> bool {
        self.is_renewal() && self.unpersisted && self.timeout().is_some()
    }

    pub(super) fn renew(&mut self, context: &Context, tokens: TokenResponse, now: Now) {
        let Some(renewal) = &mut self.renewal else { return };
        renewal.supersede(tokens);
        self.record = renewal.put_into(self.record.clone(), !context.begins_alone(), now);
    }

    /// A caller needs the unsaved refresh token: retry within `most`.
    pub(super) fn flush(&mut self, now: Now, most: Duration) {
        if let Phase::Waiting(until) = &mut self.phase {
            *until = (*until).min(now.mono + most);
        }
    }

    pub(super) fn handle_timeout(&mut self, context: &mut Context, now: Now) {
        if self.timeout().is_some_and(|until| now.mono >= until) {
            self.phase = Phase::Reading(context.load());
        }
    }

    pub(super) fn handle_saved(
        &mut self,
        context: &mut Context,
        saved: Result<Saved, Unavailable>,
        now: Now,
    ) -> Progress {
        match saved {
            Ok(Saved::Done(version)) => Progress::Saved(version),
            Ok(Saved::Conflict) => {
                self.phase = Phase::Reading(context.load());
                Progress::UnderWay
            }
            Err(_) => self.failed(context, now),
        }
    }

    /// Another process wrote in between: the grant is saved over that, unless its lineage was ended (spec 7.4).
    pub(super) fn handle_loaded(
        &mut self,
        context: &mut Context,
        loaded: Result<Loaded, Unavailable>,
        now: Now,
    ) -> Progress {
        self.conflicts += 1;
        match context.stored(loaded) {
            Err(unavailable) if unavailable.damaged => self.save_over_damage(context, now),
            Err(_) => self.failed(context, now),
            Ok(stored) => self.save_over(context, stored, now),
        }
    }

    fn save_over(&mut self, context: &mut Context, stored: Option<(Record, Version)>, now: Now) -> Progress {
        let is_ours = |record: &Record| record.lineage == self.record.lineage && !record.tombstone;
        match stored {
            Some((record, version)) if record.write == self.record.write => Progress::Saved(version),
            Some((record, version)) if is_ours(&record) && self.comes_too_late(&record) => {
                Progress::Superseded(record, version)
            }
            Some((record, version)) if is_ours(&record) => {
                let older =
                    record.fence < self.record.fence && record.generation() + 1 < self.record.generation();
                if older || record.refresh_fingerprint() == self.spent {
                    self.save_on_top(context, &record, version, now)
                } else {
                    Progress::Superseded(record, version)
                }
            }
            ended => Progress::LineageEnded(ended),
        }
    }

    /// Another token than the request's is stored: it is the newer one. What is already served here is newer still.
    fn comes_too_late(&self, stored: &Record) -> bool {
        let replaces = self.renewal.as_ref().map(|renewal| renewal.replaces);
        !self.unpersisted && replaces.is_some_and(|replaces| stored.generation() > replaces)
    }

    /// The grant is for exactly the stored token: it is saved regardless of the fence, also over a Dead mark.
    fn save_on_top(
        &mut self,
        context: &mut Context,
        stored: &Record,
        version: Version,
        now: Now,
    ) -> Progress {
        if self.conflicts > MOST_CONFLICTS {
            return self.failed(context, now);
        }
        let generation = match &self.renewal {
            Some(renewal) => {
                let served = self.record.generation();
                self.record = renewal.put_into(stored.clone(), !context.begins_alone(), now);
                served
            }
            None => {
                self.record.fence = stored.fence.max(self.record.fence) + 1;
                stored.generation() + 1
            }
        };
        if let Some(slot) = self.record.slots.get_mut(SLOT) {
            slot.generation = slot.generation.max(generation);
        }
        self.save(context, version)
    }

    /// The stored record cannot be read, and this process holds the newest version (spec 7.7).
    fn save_over_damage(&mut self, context: &mut Context, now: Now) -> Progress {
        match context.held().and_then(|held| held.version.clone()) {
            Some(version) if self.conflicts <= MOST_CONFLICTS => self.save(context, version),
            _ => self.failed(context, now),
        }
    }

    fn save(&mut self, context: &mut Context, over: Version) -> Progress {
        self.phase = Phase::Saving(context.save(&mut self.record, Expected::Version(over)));
        Progress::UnderWay
    }

    /// Served from memory, reported, and saved again later (spec 7.2).
    fn failed(&mut self, context: &mut Context, now: Now) -> Progress {
        if self.is_dispensable(context) {
            return Progress::Dispensable;
        }
        self.failures += 1;
        self.conflicts = 0;
        let pause = full_jitter(&mut context.entropy, FIRST_PAUSE, self.failures, LONGEST_PAUSE);
        self.phase = Phase::Waiting(now.mono + pause);
        let first = !std::mem::replace(&mut self.unpersisted, true);
        if first { Progress::Unpersisted } else { Progress::UnderWay }
    }

    /// The stored refresh token stays usable: only an access token would be lost, and any process can request
    /// another.
    fn is_dispensable(&self, context: &Context) -> bool {
        let same = self.spent.is_some() && self.spent == self.record.refresh_fingerprint();
        context.config.rotation == Rotation::None && !self.unpersisted && same
    }
}

/// A token that cannot be served is replaced at the next call; if the next one cannot be served either, after pauses
/// (spec 1.8).
fn unservable_pause(context: &mut Context, grant: &TokenResponse, now: Now) -> Option<Backoff> {
    let unservable = (context.config.servable)(&grant.access_token, grant.token_type.as_deref()).err()?;
    let before = context.held().and_then(|held| held.record.backoff.as_deref());
    let failures =
        before.filter(|before| before.kind == BackoffKind::Unservable).map_or(0, |before| before.failures);
    let pause = match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => {
            UNSERVABLE_PAUSE.saturating_mul(1 << doublings.min(6)).min(LONGEST_UNSERVABLE_PAUSE)
        }
    };
    context.pause(BackoffKind::Unservable, Pause::For(pause), unservable, now);
    context.held().and_then(|held| held.record.backoff.as_deref().cloned())
}

fn narrower(old: Option<&str>, new: Option<&str>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    let new: BTreeSet<&str> = new.split_whitespace().collect();
    old.split_whitespace().any(|scope| !new.contains(scope))
}
