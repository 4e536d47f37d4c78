//! The session's decisions: when to serve a token, who refreshes, and how to handle the outcome of a refresh.
//!
//! A [`Machine`] takes inputs (`acquire`, `reject`, `handle_*`) and returns what to do ([`Machine::poll_effect`]) and
//! when to call it again ([`Machine::poll_timeout`]). It never acts itself.
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
//! `sign_in` and `sign_out` run in parallel with a flight and take precedence over it (spec 4.6).
//!
//! Three sub-machines handle their own inputs: a flight (`flight.rs`), the commit of a grant (`commit.rs`), and a
//! write that a user asked for (`write.rs`). None knows another. They share a context (`context/`), and return
//! results, which the machine applies (`refresh.rs`, `sign_in.rs`).

mod acquire;
mod backoff;
mod binding;
mod commit;
mod compact_record;
mod config;
mod context;
mod current;
mod effect;
mod entropy;
mod example;
mod failures;
mod flight;
mod granted;
mod inputs;
mod look;
mod note;
mod origins;
mod rebind;
mod record;
mod refresh;
mod refresh_budget;
mod refresh_windows;
mod reject;
mod renew;
mod renewal;
mod resend;
mod shared_time;
mod sign_in;
mod status;
#[cfg(test)]
mod tests;
mod unknown_fields;
mod waiting;
mod write;

use std::sync::Arc;
use std::time::Duration;

pub use acquire::{Acquired, TokenRequirements};
pub use binding::Binding;
pub use config::{MachineConfig, Servable};
pub use current::{Current, Fast, Snapshot};
pub use effect::{Effect, Settled};
pub use entropy::Entropy;
#[doc(hidden)]
pub use example::Example;
pub use note::{note, read_note};
pub use origins::OriginId;
pub use rebind::rebound;
pub use reject::{AfterRejection, Origin, ReplayRefused, Stamp};
pub use status::{Standing as StatusStanding, Status};
pub use waiting::Waiting;

use crate::credential::{Credential, Fingerprint};
use crate::time::Now;
use commit::Commit;
use context::Context;
use flight::Flight;
use look::Look;
use write::Write;

/// Identifies an I/O operation; the answer carries the same id.
pub type OpId = u64;
/// Identifies something that callers wait for.
pub type Ticket = u64;

/// Makes the decisions of one session. See the module's documentation.
pub struct Machine {
    context: Context,
    // Boxed, because most sessions are at rest most of the time.
    flight: Option<Box<Flight>>,
    commit: Option<Box<Commit>>,
    write: Option<Box<Write>>,
    /// A read between flights.
    look: Option<Box<Look>>,
    /// When the last read between flights began, in the order of rejections and sends.
    looked: u64,
    /// Sends of an ended lineage: the tokens that they return are revoked.
    abandoned_sends: Vec<OpId>,
    /// Counts that changed and are not saved yet.
    marks_behind: bool,
    last_read: Option<Duration>,
    warned_life: Option<u64>,
    /// Whether it was reported that a token could not be saved.
    warned_not_saved: bool,
    // Boxed, because the expiry of most refresh tokens is unknown.
    warned_end: Option<Box<Fingerprint>>,
}

impl Machine {
    /// Creates a machine that has not read its store. `seed` is used as in spec 7.3.
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
    pub fn new(config: impl Into<Arc<MachineConfig>>, seed: Option<Credential>, entropy: Entropy) -> Self {
        Self {
            context: Context::new(config.into(), seed, entropy),
            flight: None,
            commit: None,
            write: None,
            look: None,
            looked: 0,
            abandoned_sends: Vec::new(),
            marks_behind: false,
            last_read: None,
            warned_life: None,
            warned_not_saved: false,
            warned_end: None,
        }
    }

    /// Makes it one of several sessions of its store: its records contain its key, and other records are not accepted
    /// (spec 7.5).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let machine = Machine::new(config, None, Entropy::new([7; 32])).keyed("user-42");
    /// # let _ = machine;
    /// ```
    #[must_use]
    pub fn keyed(mut self, key: impl Into<Arc<str>>) -> Self {
        self.context.key = Some(key.into());
        self
    }

    /// Counts the seed's lifetime from `given`, not from its first use (spec 1.9).
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
    pub fn given_at(mut self, given: Now) -> Self {
        self.context.seed_given = self.context.seed.as_ref().map(|_| Box::new(given));
        self
    }

    /// Makes it a forked child's machine. A record in a store that is not shared is a copy of what its parent process
    /// continues with. It is served, and not refreshed, unless the refresh token stays the same (spec 4.9). About the
    /// token that both start with, the child knows what the parent published: a token that was rejected is not served
    /// before it is refreshed.
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
    pub fn forked(mut self, parent: &Snapshot) -> Self {
        self.context.forked = true;
        self.context.legacy = parent.legacy().map(Box::new);
        self
    }

    /// Whether the seed has neither been used nor found superfluous yet (spec 7.3).
    ///
    /// ```
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let seed = Credential { access_token: Some("at-1".into()), ..Credential::default() };
    /// assert!(Machine::new(config, Some(seed), Entropy::new([7; 32])).is_seeded()); // the store was not read
    /// ```
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        self.context.seed.is_some()
    }
}
