//! One read or write that a user asked for: opening the store, signing in, signing out (spec 4.6, 7.3, 7.6).

use std::time::Duration;

use super::context::{Context, Standing};
use super::effect::Settled;
use super::failures::{signed_out, store_unavailable};
use super::record::Record;
use super::refresh_budget::full_jitter;
use super::{OpId, Ticket};
use crate::credential::{Credential, Fingerprint};
use crate::error::{ErrorKind, Failure};
use crate::event::{EventKind, Warning};
use crate::store::{Expected, Loaded, Saved, Unavailable, Version};
use crate::time::Now;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A read or write in progress. It handles its own inputs; the machine applies the results.
pub(super) struct Write {
    ticket: Ticket,
    purpose: Purpose,
    phase: Phase,
    failures: u32,
    settled: bool,
}

/// The result of an input.
#[must_use]
pub(super) enum Progress {
    UnderWay,
    /// It is over, and waiters get this result.
    Finished(Settled),
}

enum Purpose {
    /// Read the record; use the seed if there is none.
    Open,
    /// A new lineage replaces any record.
    SignIn(Box<Record>),
    /// A tombstone replaces any record.
    SignOut,
}

enum Phase {
    Reading(OpId),
    /// The write in progress.
    Saving(OpId, Box<Record>),
    Waiting(Duration),
}

impl Write {
    pub(super) fn open(context: &mut Context) -> Self {
        Self::begin(Purpose::Open, context)
    }

    pub(super) fn sign_in(record: Record, context: &mut Context) -> Self {
        Self::begin(Purpose::SignIn(Box::new(record)), context)
    }

    pub(super) fn sign_out(context: &mut Context) -> Self {
        Self::begin(Purpose::SignOut, context)
    }

    fn begin(purpose: Purpose, context: &mut Context) -> Self {
        let ticket = context.ticket();
        let phase = Phase::Reading(context.load());
        Self { ticket, purpose, phase, failures: 0, settled: false }
    }

    pub(super) fn begun(&self) -> Ticket {
        self.ticket
    }

    /// The ticket that callers wait for, unless it has been resolved.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        (!self.settled).then_some(self.ticket)
    }

    pub(super) fn awaits(&self, op: OpId) -> bool {
        matches!(&self.phase, Phase::Reading(own) | Phase::Saving(own, _) if *own == op)
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Reading(_) | Phase::Saving(..) => None,
        }
    }

    /// The process is about to end: cuts a pause short.
    pub(super) fn flush(&mut self, now: Now) {
        if let Phase::Waiting(until) = &mut self.phase {
            *until = now.mono;
        }
    }

    pub(super) fn handle_timeout(&mut self, context: &mut Context, now: Now) {
        if self.timeout().is_some_and(|until| now.mono >= until) {
            self.phase = Phase::Reading(context.load());
        }
    }

    pub(super) fn handle_loaded(
        &mut self,
        context: &mut Context,
        loaded: Result<Loaded, Unavailable>,
        now: Now,
    ) -> Progress {
        match self.purpose {
            Purpose::Open => self.opened(context, loaded, now),
            Purpose::SignIn(_) | Purpose::SignOut => self.replace(context, loaded, now),
        }
    }

    pub(super) fn handle_saved(
        &mut self,
        context: &mut Context,
        saved: Result<Saved, Unavailable>,
        now: Now,
    ) -> Progress {
        match saved {
            Ok(Saved::Done(version)) => self.written(context, version, now),
            Ok(Saved::Conflict) => {
                self.phase = Phase::Reading(context.load());
                Progress::UnderWay
            }
            Err(unavailable) => self.not_written(context, &unavailable, now),
        }
    }

    /// Reading for the first time, or again (spec 7.3).
    fn opened(&mut self, context: &mut Context, loaded: Result<Loaded, Unavailable>, now: Now) -> Progress {
        match context.stored(loaded) {
            Err(unavailable) => Progress::Finished(Settled::Failed(store_unavailable(&unavailable))),
            Ok(None) => self.opened_absent(context, now),
            Ok(Some((record, version))) => self.opened_present(context, record, version, now),
        }
    }

    fn opened_absent(&mut self, context: &mut Context, now: Now) -> Progress {
        let known = context.held().is_some();
        // A session that needs no initial token starts a new lineage if the store is empty.
        let may = matches!(context.standing, Standing::Unread) || context.begins_alone();
        if let Some(beginning) = context.beginning().filter(|_| may && !known) {
            return self.take_seed(context, beginning, Vec::new(), Expected::Absent, now);
        }
        let failure = if known { signed_out() } else { context.nothing_held() };
        if known {
            context.report(EventKind::SignedOut);
        }
        context.empty(failure, now);
        Progress::Finished(Settled::Again)
    }

    fn opened_present(
        &mut self,
        context: &mut Context,
        record: Record,
        version: Version,
        now: Now,
    ) -> Progress {
        let over = record.tombstone || record.dead_for(&context.config.binding).is_some();
        let first = matches!(context.standing, Standing::Unread);
        // The host may have another cookie by now, which is not visible here (spec 5.21).
        let unseen = context.config.by_cookie() && over && !record.tombstone;
        let is_new = |beginning: &(_, Fingerprint)| first && (unseen || !record.seeds.contains(&beginning.1));
        let is_ignored = !over && context.seed.is_some();
        match context.beginning().filter(is_new) {
            Some(beginning) if over => {
                return self.take_seed(context, beginning, record.seeds, Expected::Version(version), now);
            }
            Some(_) if is_ignored => {
                context.take_stored_or_tombstone(record, version, now);
                context.warn(Warning::SeedIgnored);
            }
            _ => context.take_stored_or_tombstone(record, version, now),
        }
        Progress::Finished(Settled::Again)
    }

    /// A seed gets its lineage id only by being saved (spec 7.3).
    fn take_seed(
        &mut self,
        context: &mut Context,
        (seed, fingerprint): (Credential, Fingerprint),
        taken: Vec<Fingerprint>,
        expected: Expected,
        now: Now,
    ) -> Progress {
        let given = context.seed_given.as_deref().copied().unwrap_or(now);
        let mut record = context.new_lineage(&seed, given, now);
        record.seeds = taken;
        record.took_seed(fingerprint);
        self.save(context, record, expected)
    }

    /// Next version, next fence, no wait for a lease (spec 4.6).
    fn replace(&mut self, context: &mut Context, loaded: Result<Loaded, Unavailable>, now: Now) -> Progress {
        let (stored, expected) = match loaded {
            Ok(Loaded::Absent) => (None, Expected::Absent),
            Ok(Loaded::Present(bytes, version)) => match context.parse(&bytes) {
                Ok(record) => (Some(record), Expected::Version(version)),
                Err(foreign) if foreign.foreign => return self.not_written(context, &foreign, now),
                Err(_) => (None, Expected::Version(version)),
            },
            Err(unavailable) if unavailable.damaged => (None, Expected::Anything),
            Err(unavailable) => return self.not_written(context, &unavailable, now),
        };
        let mut record = match &self.purpose {
            Purpose::SignIn(record) => Record::clone(record),
            Purpose::SignOut | Purpose::Open => match &stored {
                Some(stored) => stored.tombstone(),
                None => Record::new(context.entropy.id(), context.config.binding.clone()).tombstone(),
            },
        };
        if let Some(stored) = stored {
            record.fence = stored.fence + 1;
            record.seeds.clone_from(&stored.seeds);
        }
        if context.begins_alone() {
            // A restart does not revive a session that was signed out (spec 7.3).
            record.took_seed(context.config.binding.fingerprint());
        }
        self.save(context, record, expected)
    }

    fn save(&mut self, context: &mut Context, mut record: Record, expected: Expected) -> Progress {
        let op = context.save(&mut record, expected);
        self.phase = Phase::Saving(op, Box::new(record));
        Progress::UnderWay
    }

    fn written(&mut self, context: &mut Context, version: Version, now: Now) -> Progress {
        let Phase::Saving(_, record) = &self.phase else { return Progress::UnderWay };
        let record = Record::clone(record);
        if record.tombstone {
            context.empty(signed_out(), now);
        } else {
            context.hold(record, Some(version), 0, now);
            context.report(if self.settled { EventKind::Persisted } else { EventKind::SignedIn });
        }
        Progress::Finished(Settled::Again)
    }

    /// The store is down. A sign-in is served from memory and saved later; a sign-out is tried again.
    fn not_written(&mut self, context: &mut Context, unavailable: &Unavailable, now: Now) -> Progress {
        if matches!(self.purpose, Purpose::Open) {
            return Progress::Finished(Settled::Failed(store_unavailable(unavailable)));
        }
        self.failures += 1;
        let pause = full_jitter(&mut context.entropy, FIRST_PAUSE, self.failures, LONGEST_PAUSE);
        self.phase = Phase::Waiting(now.mono + pause);
        if !std::mem::replace(&mut self.settled, true) {
            let failure = self.unsaved(context, unavailable, now);
            context.settle(self.ticket, Settled::Failed(failure));
        }
        Progress::UnderWay
    }

    fn unsaved(&self, context: &mut Context, unavailable: &Unavailable, now: Now) -> Failure {
        let Purpose::SignIn(record) = &self.purpose else { return not_wiped(unavailable) };
        context.hold(Record::clone(record), None, 0, now);
        context.report(EventKind::SignedIn);
        context.report(EventKind::Unpersisted);
        not_saved(unavailable)
    }
}

fn not_saved(unavailable: &Unavailable) -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        format!(
            "signed in, but the credential could not be saved ({unavailable}): it is served from memory \
             and saved as soon as the store can be written; keep the process running, or fix the store"
        ),
    )
}

fn not_wiped(unavailable: &Unavailable) -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        format!(
            "signed out here, but the stored credential could not be wiped ({unavailable}): \
             it will be retried; fix the store"
        ),
    )
}
