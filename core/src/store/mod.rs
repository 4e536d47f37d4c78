//! Where a credential is kept (spec 7).

mod memory;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::memory::MemoryStore;
#[cfg(feature = "runtime")]
pub use crate::platform::file_store::FileStore;
pub use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};

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

    /// Replaces the record if it is still what was expected, durably. The bytes are shared, and wiped when the last
    /// lets go of them.
    async fn save(&self, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable>;

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
