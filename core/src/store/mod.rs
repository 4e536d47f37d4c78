//! Where credentials are stored (spec 7).

pub(crate) mod contract;
mod memory;
pub mod testkit;

pub use self::contract::{Changed, DEFAULT_KEY, Store};
pub use self::memory::MemoryStore;
#[cfg(feature = "runtime")]
pub use crate::platform::file_store::FileStore;
pub use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};
