//! What the flight, the commit and the writes of a machine have in common: the record that it goes by, what it knows
//! beside it, and what it has to say. None of them is known here.

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
    /// Which of the store's records is this machine's; `None`: whatever it gives.
    pub(super) key: Option<Arc<str>>,
    pub(super) entropy: Entropy,
    /// How far the store's clock is ahead of our monotonic one, if it has one.
    pub(super) store_ahead: Option<Duration>,
    /// Until the store was read.
    pub(super) seed: Option<Box<Credential>>,
    /// When the seed was given: its `expires_in` counts from then on (spec 1.9).
    pub(super) seed_given: Option<Box<Now>>,
    /// What is stored is the parent's.
    pub(super) forked: bool,
    /// What the parent knew of its token.
    pub(super) legacy: Option<Box<Legacy>>,
    pub(super) standing: Standing,
    /// The release of a lease after a failed flight: written beside whatever comes next.
    pub(super) lease_release: Option<Box<Rewrite>>,
    /// What the store got last, until the machine rests.
    pub(super) last_saved: Option<Box<Bytes>>,
    /// The origins that rejected the current generation.
    pub(super) rejected_by: Vec<Rejection>,
    /// The origins that accepted the current generation, as far as they are numbered below 64.
    pub(super) accepted_by: OriginSet,
    pub(super) invalidated: bool,
    /// RefreshLimited was reported for the pause that ends then.
    limit_reported: Option<Box<Duration>>,
    /// The order of rejections and sends.
    pub(super) sequence: u64,
    next_op: OpId,
    next_ticket: Ticket,
    pub(super) last_refresh: Option<Duration>,
    /// The credential whose loss was reported (spec 10.1).
    pub(super) reported_login: Option<Box<(String, Option<Fingerprint>)>>,
    /// The owners that this machine has been: their leases are its own.
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

    /// An owner whose leases are this machine's own from now on.
    pub(super) fn remember_owner(&mut self, owner: String) {
        const MOST: usize = 8;
        if self.owners.len() == MOST {
            self.owners.pop_front();
        }
        self.owners.push_back(owner);
    }
}
