//! What the flight, the commit and the writes of a machine share: the record, related state, and the outputs. It
//! knows none of them.

mod held;
mod limits;
mod lineage;
mod marks;
mod outputs;
mod pause;
mod renewal;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(super) use self::held::Standing;
pub(super) use self::marks::Rewrite;
pub(super) use self::outputs::Output;
pub(super) use self::pause::Pause;
use super::current::{self, Legacy};
use super::entropy::Entropy;
use super::origins::{OriginSet, Rejection};
use super::{MachineConfig, OpId, Ticket};
use crate::credential::{Credential, Fingerprint};
use crate::time::Now;

pub(super) struct Context {
    pub(super) config: Arc<MachineConfig>,
    /// The key of this machine's record; `None`: any record is accepted.
    pub(super) key: Option<Arc<str>>,
    pub(super) entropy: Entropy,
    /// How far the store's clock is ahead of our monotonic one, if it has one.
    pub(super) store_ahead: Option<Duration>,
    /// The seed, until the store has been read.
    pub(super) seed: Option<Box<Credential>>,
    /// When the seed was given: its `expires_in` counts from then (spec 1.9).
    pub(super) seed_given: Option<Box<Now>>,
    /// The stored record is the parent process's.
    pub(super) forked: bool,
    /// What the parent process knew about its token.
    pub(super) legacy: Option<Box<Legacy>>,
    pub(super) standing: Standing,
    /// The release of a lease after a failed flight: written while other operations continue.
    pub(super) lease_release: Option<Box<Rewrite>>,
    /// The bytes that were last saved, until the machine rests.
    pub(super) last_saved: Option<Box<Bytes>>,
    /// The origins that rejected the current generation.
    pub(super) rejected_by: Vec<Rejection>,
    /// The origins that accepted the current generation, if their numbers are below 64.
    pub(super) accepted_by: OriginSet,
    pub(super) invalidated: bool,
    /// When the pause ends for which RefreshLimited was reported.
    limit_reported: Option<Box<Duration>>,
    /// The order of rejections and sends.
    pub(super) sequence: u64,
    next_op: OpId,
    next_ticket: Ticket,
    pub(super) last_refresh: Option<Duration>,
    /// The credential whose loss was reported (spec 10.1).
    pub(super) reported_login: Option<Box<(String, Option<Fingerprint>)>>,
    /// The owners that this machine has used: their leases are its own.
    pub(super) owners: VecDeque<String>,
    pub(super) jitter: f64,
    pub(super) outputs: VecDeque<Output>,
}

impl Context {
    pub(super) fn new(config: Arc<MachineConfig>, seed: Option<Credential>, mut entropy: Entropy) -> Self {
        let jitter = current::jitter(&mut entropy);
        Self {
            config,
            key: None,
            entropy,
            store_ahead: None,
            seed: seed.map(Box::new),
            seed_given: None,
            forked: false,
            legacy: None,
            standing: Standing::Unread,
            lease_release: None,
            last_saved: None,
            rejected_by: Vec::new(),
            accepted_by: OriginSet::default(),
            invalidated: false,
            limit_reported: None,
            sequence: 0,
            next_op: 0,
            next_ticket: 0,
            last_refresh: None,
            reported_login: None,
            owners: VecDeque::new(),
            jitter,
            outputs: VecDeque::new(),
        }
    }

    /// Adds an owner whose leases are this machine's own from now on.
    pub(super) fn remember_owner(&mut self, owner: String) {
        const MOST: usize = 8;
        if self.owners.len() == MOST {
            self.owners.pop_front();
        }
        self.owners.push_back(owner);
    }
}
