//! The session's decisions: when a token is served, who refreshes, what a refresh's end means.
//!
//! A [`Machine`] is fed with what happened (`acquire`, `reject`, `handle_*`) and drained of what is to be
//! done ([`Machine::poll_effect`]) and when to call again ([`Machine::poll_timeout`]). It never acts.
//!
//! ```text
//!            open                    acquire, reject, refresh
//!  Unread ---------> Held <-----------------------------------------------+
//!     |               |  |                                                |
//!     |               |  +-> Flight: Reading -> Claiming -> Sending -> Committing
//!     v               v         ^  |  |            |          |           |
//!   Empty <------- Empty        |  |  +- Waiting --+- Pausing-+           +-> Unpersisted (tried again)
//!        sign_out, other lineage   +- adopt
//! ```
//!
//! `sign_in` and `sign_out` run beside a flight and win over it (spec 4.6).

mod acquire;
mod backoff;
mod commit;
mod compact_record;
mod current;
mod entropy;
mod failures;
mod flight;
mod look;
mod record;
mod refresh_budget;
mod reject;
mod renewal;
mod resend;
mod shared_time;
mod status;
#[cfg(test)]
mod tests;
mod unknown_fields;
mod waiting;
mod write;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use acquire::{Acquired, TokenRequirements};
pub use current::{Current, Fast, Snapshot};
pub use entropy::Entropy;
pub use record::{Binding, rebound};
pub use reject::{AfterRejection, Origin, ReplayRefused, Stamp};
pub use status::{Standing as StatusStanding, Status};
pub use waiting::Waiting;

use crate::credential::{Credential, Fingerprint, Secret};
use crate::error::{ErrorKind, Failure};
use crate::event::{Event, EventKind, Warning};
use crate::grant::GrantRequest;
use crate::rotation::Rotation;
use crate::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};
use crate::time::{Now, Wall};
use crate::verdict::DeadReason;
use commit::Commit;
use compact_record::CompactRecord;
use current::Legacy;
use flight::Flight;
use look::Look;
use record::Record;
use refresh_budget::RefreshBudget;
use shared_time::SharedClock;
use write::Write;

/// The place of an origin in the session's list.
pub type OriginId = u16;
/// Names one piece of I/O; its answer carries it back.
pub type OpId = u64;
/// Names one thing that callers wait for.
pub type Ticket = u64;
/// Why a token cannot be served (an unknown type, no header value), asked of the dialect.
pub type Servable = Arc<dyn Fn(&Secret, Option<&str>) -> Result<(), Failure> + Send + Sync>;

/// What a machine must know of its session.
#[derive(Clone)]
pub struct MachineConfig {
    /// What the server does with a used refresh token.
    pub rotation: Rotation,
    /// The old access token dies when a refresh succeeds (spec 5.4).
    pub old_token_dies: bool,
    /// Refresh in the advisory window (spec 1.2).
    pub background: bool,
    /// Whom records belong to (spec 7.5).
    pub binding: Arc<Binding>,
    /// Whether a record must have been signed in for this dialect and these origins (spec 7.10).
    pub strict_binding: bool,
    /// What the client authenticates with: a pause after ClientRejected holds for the same alone (spec 5.1).
    pub client: Option<Fingerprint>,
    /// Other processes see the same store.
    pub shared: bool,
    /// Names this boot of this machine, where that can be known (spec 4.5).
    pub boot: Option<Arc<str>>,
    /// How long one send may take. Default 60 s.
    pub send_cap: Duration,
    /// How long a lease lasts without renewal. Default 90 s.
    pub lease: Duration,
    /// How often a flight that waits for somebody else's lease looks whether it is over. Default 100 ms.
    pub look_again: Duration,
    /// How long a flight waits for somebody else's lease. Default 30 s.
    pub lease_wait: Duration,
    /// A function of the user's gets new tokens. It occupies the flight until it returns (spec 4.5).
    pub refresh_function: bool,
    /// Asked for each token that arrives.
    pub servable: Servable,
}

impl MachineConfig {
    /// The defaults of the spec.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::{Rotation, machine::{Binding, MachineConfig}};
    ///
    /// let binding = Binding::new("https://auth.example.com");
    /// let config = MachineConfig::new(Rotation::Strict, binding);
    /// assert_eq!((config.send_cap, config.lease), (Duration::from_secs(60), Duration::from_secs(90)));
    /// ```
    #[must_use]
    pub fn new(rotation: Rotation, binding: impl Into<Arc<Binding>>) -> Self {
        Self {
            rotation,
            old_token_dies: false,
            background: true,
            binding: binding.into(),
            strict_binding: false,
            client: None,
            shared: true,
            boot: None,
            send_cap: Duration::from_secs(60),
            lease: Duration::from_secs(90),
            look_again: Duration::from_millis(100),
            lease_wait: Duration::from_secs(30),
            refresh_function: false,
            servable: Arc::new(|_, _| Ok(())),
        }
    }
}

/// Something for the engine to do.
#[derive(Clone)]
pub enum Effect {
    /// Read the store; answer with [`Machine::handle_loaded`].
    Load {
        /// The answer's name.
        op: OpId,
    },
    /// Write the store; answer with [`Machine::handle_saved`].
    Save {
        /// The answer's name.
        op: OpId,
        /// What to write; wiped when the last lets go of it.
        record: Bytes,
        /// What must be there.
        expected: Expected,
    },
    /// Ask the store about an owner; answer with [`Machine::handle_owner`].
    Probe {
        /// The answer's name.
        op: OpId,
        /// The owner.
        owner: String,
    },
    /// Show that an owner lives.
    Announce {
        /// The owner.
        owner: String,
    },
    /// End that.
    Retire {
        /// The owner.
        owner: String,
    },
    /// Ask the token endpoint; answer with [`Machine::handle_outcome`].
    Send {
        /// The answer's name.
        op: OpId,
        /// What to ask with.
        request: GrantRequest,
    },
    /// Break off a send whose cap has passed. Its answer does not matter any more.
    Abort {
        /// The send.
        op: OpId,
    },
    /// Revoke a token of a lineage that was ended, where the dialect can (spec 4.6).
    Revoke {
        /// The refresh token, or else the access token.
        token: Secret,
    },
    /// Replace what the fast path sees.
    Publish(Arc<Snapshot>),
    /// Wake everybody who waits for this ticket.
    Settle {
        /// The ticket.
        ticket: Ticket,
        /// What they get.
        result: Settled,
    },
    /// Tell.
    Event(Event),
}

impl std::fmt::Debug for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Records and tokens stay out of it.
        match self {
            Self::Load { op } => write!(f, "Load {op}"),
            Self::Save { op, expected, .. } => write!(f, "Save {op} over {expected:?}"),
            Self::Probe { op, owner } => write!(f, "Probe {op} {owner}"),
            Self::Announce { owner } => write!(f, "Announce {owner}"),
            Self::Retire { owner } => write!(f, "Retire {owner}"),
            Self::Send { op, .. } => write!(f, "Send {op}"),
            Self::Abort { op } => write!(f, "Abort {op}"),
            Self::Revoke { .. } => write!(f, "Revoke"),
            Self::Publish(_) => write!(f, "Publish"),
            Self::Settle { ticket, result } => write!(f, "Settle {ticket} {result:?}"),
            Self::Event(event) => write!(f, "{event:?}"),
        }
    }
}

/// What waiters get.
#[derive(Clone, Debug)]
pub enum Settled {
    /// A token.
    Token(Arc<Current>),
    /// Nothing to wait for any more: ask again.
    Again,
    /// It did not come through. A token that is still valid is served all the same
    /// ([`Machine::fallback`]).
    Failed(Failure),
}

/// Where the session stands.
enum Standing {
    /// The store was not read yet (spec 7.3).
    Unread,
    /// There is nothing to serve.
    Empty(Box<Failure>),
    /// There is a credential.
    Held(Box<Held>),
}

/// An origin that rejected a token.
struct Rejection {
    id: OriginId,
    name: Box<str>,
}

/// A few origins, in no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OriginSet(u64);

impl OriginSet {
    fn bit(origin: OriginId) -> u64 {
        1u64.checked_shl(u32::from(origin)).unwrap_or_default()
    }

    pub(crate) fn insert(&mut self, origin: OriginId) {
        self.0 |= Self::bit(origin);
    }

    pub(crate) fn contains(self, origin: OriginId) -> bool {
        self.0 & Self::bit(origin) != 0
    }

    /// An origin that has no place in it is never missing.
    pub(crate) fn lacks(self, origin: OriginId) -> bool {
        Self::bit(origin) != 0 && !self.contains(origin)
    }
}

struct Held {
    record: CompactRecord,
    version: Option<Version>,
    current: Option<Arc<Current>>,
}

/// Decides for one session. See the module's documentation.
pub struct Machine {
    config: Arc<MachineConfig>,
    /// Which of the store's records is this machine's; `None`: whatever it gives.
    key: Option<Arc<str>>,
    entropy: Entropy,
    /// How far the store's clock is ahead of our monotonic one, if it has one.
    store_ahead: Option<Duration>,
    /// Until the store was read.
    seed: Option<Box<Credential>>,
    /// When the seed was given: its `expires_in` counts from then on (spec 1.9).
    seed_given: Option<Now>,
    /// What is stored is the parent's.
    forked: bool,
    /// What the parent knew of its token.
    legacy: Option<Legacy>,
    standing: Standing,
    // Boxed: most sessions rest most of the time.
    flight: Option<Box<Flight>>,
    commit: Option<Box<Commit>>,
    write: Option<Box<Write>>,
    /// A reading between flights.
    look: Option<Look>,
    /// The place of the last look's beginning in the order of rejections and sends.
    looked: u64,
    /// The release of a lease after a failed flight: written beside whatever comes next.
    lease_release: Option<Box<flight::Rewrite>>,
    /// Sends whose lineage was ended: what they bring is revoked.
    abandoned_sends: Vec<OpId>,
    /// What the store got last, until the machine rests.
    stored: Option<Box<Bytes>>,
    /// The origins that rejected the current generation.
    rejected_by: Vec<Rejection>,
    /// The origins that accepted the current generation, as far as they are numbered below 64.
    accepted_by: OriginSet,
    invalidated: bool,
    /// Counts changed that the store does not have yet.
    marks_behind: bool,
    /// RefreshLimited was reported for the pause that ends then.
    limit_reported: Option<Duration>,
    /// The order of rejections and sends.
    sequence: u64,
    next_op: OpId,
    next_ticket: Ticket,
    last_read: Option<Duration>,
    last_refresh: Option<Duration>,
    /// The credential whose loss was reported (spec 10.1).
    reported_login: Option<Box<(String, Option<Fingerprint>)>>,
    warned_life: Option<u64>,
    /// That a token could not be saved was reported.
    warned_not_saved: bool,
    warned_end: Option<Fingerprint>,
    /// The owners that this machine has been: their leases are its own.
    owners: VecDeque<String>,
    jitter: f64,
    effects: VecDeque<Effect>,
}

impl Machine {
    /// A machine that has not read its store. `seed` is taken as spec 7.3 says.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::{Credential, Expiry, Now, Rotation};
    /// use rekindle_proto::machine::{Binding, Entropy, Machine, MachineConfig, StatusStanding};
    ///
    /// let binding = Binding::new("https://auth.example.com");
    /// let config = MachineConfig::new(Rotation::Strict, binding);
    /// let seed = Credential {
    ///     access_token: Some("at-1".into()),
    ///     refresh_token: Some("rt-1".into()),
    ///     expiry: Some(Expiry::In(Duration::from_secs(900))),
    ///     ..Credential::default()
    /// };
    /// let machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// assert_eq!(machine.status(Now::default()).standing, StatusStanding::Unread);
    /// ```
    #[must_use]
    pub fn new(
        config: impl Into<Arc<MachineConfig>>,
        seed: Option<Credential>,
        mut entropy: Entropy,
    ) -> Self {
        let jitter = current::jitter(&mut entropy);
        Self {
            config: config.into(),
            key: None,
            entropy,
            store_ahead: None,
            seed: seed.map(Box::new),
            seed_given: None,
            forked: false,
            legacy: None,
            looked: 0,
            standing: Standing::Unread,
            flight: None,
            commit: None,
            write: None,
            look: None,
            lease_release: None,
            abandoned_sends: Vec::new(),
            stored: None,
            rejected_by: Vec::new(),
            accepted_by: OriginSet::default(),
            invalidated: false,
            marks_behind: false,
            limit_reported: None,
            sequence: 0,
            next_op: 0,
            next_ticket: 0,
            last_read: None,
            last_refresh: None,
            reported_login: None,
            warned_life: None,
            warned_not_saved: false,
            warned_end: None,
            owners: VecDeque::new(),
            jitter,
            effects: VecDeque::new(),
        }
    }

    /// One of the many sessions of its store: its records say whose they are, and another's is not taken (spec 7.5).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let machine = Machine::new(config, None, Entropy::new([7; 32])).keyed("user-42");
    /// # let _ = machine;
    /// ```
    #[must_use]
    pub fn keyed(self, key: impl Into<Arc<str>>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The seed's lifetime counts from then on, not from its first use (spec 1.9).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// let expiry = Some(Expiry::In(Duration::from_secs(2)));
    /// let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32])).given_at(now);
    /// let later = now.plus(Duration::from_secs(3)); // at the first use it has ended
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), later),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), later)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), later), Acquired::Wait(_)));
    /// ```
    #[must_use]
    pub fn given_at(self, given: Now) -> Self {
        Self { seed_given: Some(given), ..self }
    }

    /// As a forked child's: what a store that is not shared holds is a copy of what its parent goes on with. It
    /// is served, and not refreshed, unless the refresh token stays the same (spec 4.9). Of the token that both begin
    /// with, the child knows what the parent published: one that was turned away is not served before it is refreshed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let mut config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// config.shared = false;
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32])).forked(&Snapshot::default());
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), now), Acquired::Serve(_)));
    /// let Acquired::Fail(failure) = machine.refresh(false, now) else { panic!("the parent's token") };
    /// assert_eq!(failure.kind, ErrorKind::Misuse);
    /// ```
    #[must_use]
    pub fn forked(self, parent: &Snapshot) -> Self {
        Self { forked: true, legacy: parent.legacy(), ..self }
    }

    /// Whether the seed still waits to be taken, or to be found superfluous (spec 7.3).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let seed = Credential { access_token: Some("at-1".into()), ..Credential::default() };
    /// assert!(Machine::new(config, Some(seed), Entropy::new([7; 32])).is_seeded()); // the store was not read
    /// ```
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        self.seed.is_some()
    }

    /// The next thing to do. Drain it after every call that takes `&mut self`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// machine.acquire(TokenRequirements::default(), now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     match effect {
    ///         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    ///         Effect::Save { op, .. } => {
    ///             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    ///         }
    ///         _ => {} // send, publish, report ..
    ///     }
    /// }
    /// assert!(matches!(machine.acquire(TokenRequirements::default(), now), Acquired::Serve(_)));
    /// ```
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if effect.is_none() {
            self.rest();
        }
        effect
    }

    /// When to call [`Machine::handle_timeout`] next, on the monotonic clock. Changes with every call.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// machine.sign_out(now);
    /// while let Some(effect) = machine.poll_effect() {
    ///     if let Effect::Load { op } = effect {
    ///         machine.handle_loaded(op, Err(Unavailable::new("the keychain is locked")), now);
    ///     }
    /// }
    /// assert!(machine.poll_timeout().is_some_and(|due| due >= now.mono)); // to be tried again
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let flight = self.flight.as_deref().and_then(Flight::timeout);
        let commit = self.commit.as_deref().and_then(Commit::timeout);
        let write = self.write.as_deref().and_then(Write::timeout);
        [flight, commit, write].into_iter().flatten().min()
    }

    /// Time has passed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// # machine.sign_out(now);
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     if let Effect::Load { op } = effect {
    /// #         machine.handle_loaded(op, Err(Unavailable::new("the keychain is locked")), now);
    /// #     }
    /// # }
    /// // the store could not be read: it is tried again
    /// let due = machine.poll_timeout().expect("something to wait for");
    /// machine.handle_timeout(now.plus(due.saturating_sub(now.mono)));
    /// assert!(matches!(machine.poll_effect(), Some(Effect::Load { .. })));
    /// ```
    pub fn handle_timeout(&mut self, now: Now) {
        self.flight_timeout(now);
        self.commit_timeout(now);
        self.write_timeout(now);
    }

    /// The store was read.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// machine.open();
    /// if let Some(Effect::Load { op }) = machine.poll_effect() {
    ///     machine.handle_loaded(op, Ok(Loaded::Absent), now); // so the seed is taken, and saved
    /// }
    /// let mut effects = std::iter::from_fn(|| machine.poll_effect());
    /// assert!(effects.any(|effect| matches!(effect, Effect::Save { .. })));
    /// ```
    pub fn handle_loaded(&mut self, op: OpId, loaded: Result<Loaded, Unavailable>, now: Now) {
        self.last_read = Some(now.mono);
        if self.flight.as_ref().is_some_and(|flight| flight.awaits(op)) {
            self.flight_loaded(loaded, now);
        } else if self.commit.as_ref().is_some_and(|commit| commit.awaits(op)) {
            self.commit_loaded(loaded, now);
        } else if self.write.as_ref().is_some_and(|write| write.awaits(op)) {
            self.write_loaded(loaded, now);
        } else if self.look.as_ref().is_some_and(|look| look.awaits(op)) {
            self.look_loaded(loaded, now);
        }
    }

    /// The store was written, or not.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// machine.open();
    /// while let Some(effect) = machine.poll_effect() {
    ///     match effect {
    ///         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    ///         Effect::Save { op, .. } => {
    ///             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    ///         }
    ///         _ => {} // send, publish, report ..
    ///     }
    /// }
    /// assert!(machine.idle());
    /// ```
    pub fn handle_saved(&mut self, op: OpId, saved: Result<Saved, Unavailable>, now: Now) {
        if self.lease_release.as_ref().is_some_and(|lease_release| lease_release.op == op) {
            self.lease_released(saved);
        } else if self.flight.as_ref().is_some_and(|flight| flight.renews(op)) {
            self.renewed(saved, now);
        } else if self.flight.as_ref().is_some_and(|flight| flight.awaits(op)) {
            self.flight_saved(saved, now);
        } else if self.commit.as_ref().is_some_and(|commit| commit.awaits(op)) {
            self.commit_saved(saved, now);
        } else if self.write.as_ref().is_some_and(|write| write.awaits(op)) {
            self.write_saved(saved, now);
        }
        self.catch_up();
    }

    /// The store says that the record may have changed: who waits for another process' refresh looks again at once, and
    /// a machine at rest takes what others wrote, a sign-out among it (spec 7.13).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let mut machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// machine.handle_changed(Now::default());
    /// assert!(machine.poll_effect().is_none()); // nobody waits
    /// ```
    pub fn handle_changed(&mut self, _: Now) {
        if self.flight.is_some() {
            self.flight_changed();
        } else {
            self.look();
        }
    }

    /// What the store's own clock said, read at `now`: leases, back-off and intents are measured on it from here on,
    /// since machines that share a store need not agree on the time (spec 4.5).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let mut machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// machine.handle_store_clock(Wall(1_893_456_000_000), Now::default());
    /// assert!(machine.idle());
    /// ```
    pub fn handle_store_clock(&mut self, store: Wall, now: Now) {
        let store = Duration::from_millis(u64::try_from(store.0).unwrap_or(0));
        self.store_ahead = Some(store.saturating_sub(now.mono));
    }

    /// The store knows an owner's fate, or not.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// // an answer to an Effect::Probe; one that nobody waits for any more changes nothing
    /// machine.handle_owner(99, Owner::Dead, now);
    /// assert!(machine.idle());
    /// ```
    pub fn handle_owner(&mut self, op: OpId, owner: Owner, now: Now) {
        if self.flight.as_ref().is_some_and(|flight| flight.awaits(op)) {
            self.flight_probed(owner, now);
        }
    }

    /// The process is about to end: what waits out a pause before it is saved again is saved now (spec 4.10).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// machine.flush(now);
    /// assert!(machine.poll_effect().is_none()); // nothing waits
    /// ```
    pub fn flush(&mut self, now: Now) {
        self.flush_commit(now, Duration::ZERO);
        self.commit_timeout(now);
        self.flush_write(now);
        self.write_timeout(now);
    }

    /// Whether everything that must reach the store has, and nothing is under way (spec 4.10).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*, store::*};
    /// # let now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// # let (access_token, refresh_token) = (Some("at-1".into()), Some("rt-1".into()));
    /// # let expiry = Some(Expiry::In(Duration::from_secs(900)));
    /// # let seed = Credential { access_token, refresh_token, expiry, ..Credential::default() };
    /// # let mut machine = Machine::new(config, Some(seed), Entropy::new([7; 32]));
    /// # machine.open();
    /// # while let Some(effect) = machine.poll_effect() {
    /// #     match effect {
    /// #         Effect::Load { op } => machine.handle_loaded(op, Ok(Loaded::Absent), now),
    /// #         Effect::Save { op, .. } => {
    /// #             machine.handle_saved(op, Ok(Saved::Done(Version::new("1"))), now)
    /// #         }
    /// #         _ => {}
    /// #     }
    /// # }
    /// assert!(machine.idle());
    /// machine.refresh(false, now);
    /// assert!(!machine.idle());
    /// ```
    #[must_use]
    pub fn idle(&self) -> bool {
        self.is_quiet() && self.abandoned_sends.is_empty()
    }

    /// Nothing is under way for which the record that is held now matters.
    fn is_quiet(&self) -> bool {
        self.flight.is_none() && self.commit.is_none() && self.write.is_none() && self.lease_release.is_none()
    }

    fn has_not_read_for(&self, time: Duration, now: Now) -> bool {
        self.last_read.is_none_or(|read| now.mono.saturating_sub(read) >= time)
    }

    /// A session at rest keeps no room for what it has done.
    fn rest(&mut self) {
        self.effects.shrink_to_fit();
        if self.idle() {
            let stored = self.stored.take();
            if let Some(held) = self.held_mut() {
                held.record.rest(stored.as_deref());
            }
        }
    }

    fn held(&self) -> Option<&Held> {
        match &self.standing {
            Standing::Held(held) => Some(held),
            Standing::Unread | Standing::Empty(_) => None,
        }
    }

    fn held_mut(&mut self) -> Option<&mut Held> {
        match &mut self.standing {
            Standing::Held(held) => Some(held),
            Standing::Unread | Standing::Empty(_) => None,
        }
    }

    fn current(&self) -> Option<&Arc<Current>> {
        self.held().and_then(|held| held.current.as_ref())
    }

    /// A backup, say, was put over what this process knows to be newer (spec 7.11). Or others wrote, and what is known
    /// here was never saved: for the same refresh token, theirs is still the older one (spec 7.2).
    fn is_older_copy(&self, record: &Record) -> bool {
        self.held().is_some_and(|held| {
            held.record.lineage == record.lineage
                && !record.tombstone
                && record.generation() < held.record.generation()
                && (record.fence <= held.record.fence
                    || record.refresh_fingerprint() == held.record.refresh_fingerprint())
        })
    }

    fn budget(&self) -> Option<&RefreshBudget> {
        self.held().and_then(|held| held.record.refresh_budget.as_deref())
    }

    fn op(&mut self) -> OpId {
        self.next_op += 1;
        self.next_op
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn load(&mut self) -> OpId {
        let op = self.op();
        self.effects.push_back(Effect::Load { op });
        op
    }

    /// Writes a record under a mark of its own, by which a save that was carried out is recognized.
    fn save(&mut self, record: &mut Record, expected: Expected) -> OpId {
        record.write = self.entropy.id();
        if self.key.is_some() {
            record.key.clone_from(&self.key);
        }
        let op = self.op();
        let record = record.to_bytes();
        self.stored = Some(Box::new(record.clone()));
        self.effects.push_back(Effect::Save { op, record, expected });
        op
    }

    /// A stored record, if it is ours.
    fn parse(&self, bytes: &[u8]) -> Result<Record, Unavailable> {
        let record = Record::parse(bytes)?;
        match (&self.key, &record.key) {
            (Some(asked), Some(given)) if asked != given => Err(Unavailable::foreign(asked, given)),
            _ => Ok(record),
        }
    }

    fn settle(&mut self, ticket: Ticket, result: Settled) {
        self.effects.push_back(Effect::Settle { ticket, result });
    }

    fn report(&mut self, kind: EventKind) {
        let (lineage, generation) = match self.held() {
            Some(held) => (tag(&held.record.lineage), held.record.generation()),
            None => (String::new(), 0),
        };
        self.effects.push_back(Effect::Event(Event { lineage, generation, kind }));
    }

    /// LoginRequired, once for each lost credential.
    fn report_login_required(&mut self, reason: DeadReason) {
        let Some(held) = self.held() else { return };
        let lost = Box::new((held.record.lineage.clone(), held.record.refresh_fingerprint()));
        if self.reported_login.as_ref() != Some(&lost) {
            self.reported_login = Some(lost);
            self.report(EventKind::LoginRequired { reason });
        }
    }

    fn warn(&mut self, warning: Warning) {
        self.report(EventKind::Warned(warning));
    }

    /// Takes a stored record for ours; `sent` is when its access token was asked for, in our order.
    fn hold(&mut self, mut record: Record, version: Option<Version>, sent: u64, now: Now) {
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
        self.seed = None;
        self.publish(now);
    }

    fn read_current(&self, record: &Record, sent: u64, now: Now) -> Option<Arc<Current>> {
        let slot = record.slot()?;
        let unservable = (self.config.servable)(&slot.access_token, slot.token_type.as_deref()).err();
        Current::of(record, now, sent, unservable).map(Arc::new)
    }

    fn empty(&mut self, failure: Failure, now: Now) {
        self.standing = Standing::Empty(Box::new(failure));
        self.seed = None;
        self.rejected_by.clear();
        self.accepted_by = OriginSet::default();
        self.invalidated = false;
        self.publish(now);
    }

    fn publish(&mut self, now: Now) {
        let snapshot = Arc::new(self.snapshot(now));
        self.effects.push_back(Effect::Publish(snapshot));
    }

    /// The clock of what processes share.
    fn boot(&self) -> SharedClock<'_> {
        SharedClock::of(self.config.boot.as_deref(), self.store_ahead)
    }
}

/// Enough of a lineage's id to tell two apart.
pub(crate) fn tag(lineage: &str) -> String {
    lineage.chars().take(8).collect()
}

pub(crate) fn signed_out() -> Failure {
    Failure::new(
        ErrorKind::SignedOut,
        "this session was signed out, or signed in anew elsewhere; call again to use what is signed in now, or sign in",
    )
}

pub(crate) fn store_unavailable(unavailable: &Unavailable) -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        format!("the credential store cannot be used now ({unavailable}); nothing was spent, try again"),
    )
}

pub(crate) fn misconfigured(stored: &Binding, configured: &Binding) -> Failure {
    Failure::new(
        ErrorKind::InvalidConfig,
        format!(
            "the stored credential belongs to {}, but this session is configured for {}: \
             correct the configuration, use another store, rebind the session (`rekindle rebind`), or sign in \
             again",
            stored.describe(),
            configured.describe()
        ),
    )
}
