//! Where a credential is kept (spec 7).

mod file;
mod memory;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::file::{FileStore, ForkHold, close_inherited_locks, hold_for_fork};
pub use self::memory::MemoryStore;

/// A version of a stored record, opaque to the session: equal bytes mean the same version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub Arc<str>);

impl Version {
    /// Wraps what the store uses as a version: an ETag, a counter, a checksum.
    ///
    /// ```
    /// use rekindle::store::Version;
    ///
    /// assert_ne!(Version::new("1"), Version::new("2"));
    /// ```
    pub fn new(version: impl Into<Arc<str>>) -> Self {
        Self(version.into())
    }
}

/// What [`Store::load`] found.
#[derive(Clone, PartialEq, Eq)]
pub enum Loaded {
    /// The record and its version.
    Present(Vec<u8>, Version),
    /// There is certainly no record.
    Absent,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The record holds tokens.
            Self::Present(record, version) => {
                write!(f, "Present(<{} bytes>, {:?})", record.len(), version.0)
            }
            Self::Absent => f.write_str("Absent"),
        }
    }
}

/// What [`Store::save`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The record is stored, durably, under this version.
    Done(Version),
    /// Another version is there than the one expected; nothing was written.
    Conflict,
}

/// The store cannot tell now: locked, unreachable, damaged, full. Never means "no record" (spec 7.1).
#[derive(Clone, Debug)]
pub struct Unavailable {
    /// What is wrong and what to do, without secrets.
    pub reason: String,
    /// The record is there but unreadable; only a sign-in or a holder of the newest version mends it.
    pub damaged: bool,
}

impl Unavailable {
    /// A passing trouble.
    ///
    /// ```
    /// use rekindle::store::Unavailable;
    ///
    /// assert!(!Unavailable::new("the keyring is locked; unlock it").damaged);
    /// ```
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), damaged: false }
    }

    /// The record is damaged (spec 7.7).
    ///
    /// ```
    /// use rekindle::store::Unavailable;
    ///
    /// assert!(Unavailable::damaged("the checksum is wrong; sign in again").damaged);
    /// ```
    pub fn damaged(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), damaged: true }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unavailable {}

/// What a store expects to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No record.
    Absent,
    /// This version.
    Version(Version),
    /// Whatever is there, damaged or not: only for a sign-in (spec 4.6, 7.7).
    Anything,
}

/// Whether the owner of a flight is still there (a store that all sharers reach from one machine can tell).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Its process lives.
    Alive,
    /// Its process is gone, for certain.
    Dead,
    /// Nobody can tell: its lease decides.
    Unknown,
}

/// Keeps one opaque record per session, by compare-and-save (spec 7.1).
///
/// Core derives lease, intent and marks from it. A call may take its time, but is never dropped half-way.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What tells this store from others: canonical path or URL, and key. Sessions of one process with the
    /// same identity and config share one state (spec 4.2). `None` = shared with nobody.
    fn identity(&self) -> Option<String>;

    /// Whether other processes, or a forked child, see the same record. A memory store says no (spec 4.9).
    fn shared(&self) -> bool {
        true
    }

    /// Reads the record.
    async fn load(&self) -> Result<Loaded, Unavailable>;

    /// Replaces the record if it is still what was expected, durably.
    async fn save(&self, record: &[u8], expected: &Expected) -> Result<Saved, Unavailable>;

    /// Shows to other processes that the owner of a flight lives, until [`Store::retire`]. Best effort.
    async fn announce(&self, owner: &str) {
        let _ = owner;
    }

    /// Ends what [`Store::announce`] began.
    async fn retire(&self, owner: &str) {
        let _ = owner;
    }

    /// Whether that owner still lives.
    async fn owner(&self, owner: &str) -> Owner {
        let _ = owner;
        Owner::Unknown
    }
}
