//! Stores of the host's: a keychain, a keystore, preferences.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use rekindle::store::{self as core, FileStore, Unavailable, Version};

/// Where a credential is kept.
#[derive(uniffi::Enum)]
pub enum StoreChoice {
    /// This process' memory.
    Memory,
    /// A file that all processes of one machine share.
    File {
        /// Its path.
        path: String,
    },
    /// A folder with a file for each key, that all processes of one machine share.
    Folder {
        /// Its path.
        path: String,
    },
    /// The host's own.
    Host {
        /// The store.
        store: Arc<dyn Store>,
        /// Two stores of one identity hold the same records; sessions of one process then share their state.
        identity: Option<String>,
        /// Whether other processes use it too.
        shared: bool,
        /// Tells the object from others that claim the same identity.
        instance: u64,
        /// Whether `changed` is there.
        wakes: bool,
    },
}

/// A store of the host's. It may take its time: a call that takes more than five seconds counts as unavailable, and a
/// save that has begun goes on to its end.
#[uniffi::export(foreign)]
#[async_trait]
pub trait Store: Send + Sync {
    /// The record of that key and its version. `Absent` only if there certainly is none.
    ///
    /// # Errors
    ///
    /// Nobody can tell now: locked, out of reach.
    async fn load(&self, key: String) -> Result<Loaded, StoreFailure>;

    /// Replaces the record of that key if it is still what was expected, in one step.
    ///
    /// # Errors
    ///
    /// It could not be written.
    async fn save(&self, key: String, record: Vec<u8>, expected: Expected) -> Result<Saved, StoreFailure>;

    /// From now on this owner lives; its death can be told.
    ///
    /// # Errors
    ///
    /// Then it cannot.
    async fn announce(&self, key: String, owner: String) -> Result<(), StoreFailure>;

    /// The owner is done.
    ///
    /// # Errors
    ///
    /// Nobody looks at them.
    async fn retire(&self, key: String, owner: String) -> Result<(), StoreFailure>;

    /// Whether an owner lives.
    ///
    /// # Errors
    ///
    /// As `Unknown`.
    async fn owner(&self, key: String, owner: String) -> Result<Owner, StoreFailure>;

    /// Returns when the record of that key may have changed: a wake-up for those who wait for another process. It is
    /// cancelled when nobody waits any more.
    ///
    /// # Errors
    ///
    /// There is no such wake-up.
    async fn changed(&self, key: String) -> Result<(), StoreFailure>;

    /// The store's own clock, if it has one.
    ///
    /// # Errors
    ///
    /// It cannot be read now.
    async fn now(&self) -> Result<Option<SystemTime>, StoreFailure>;
}

/// What a store found.
#[derive(uniffi::Enum)]
#[uniffi::export(Debug)]
pub enum Loaded {
    /// A record, opaque to the store, and its version: equal versions mean equal records.
    Present {
        /// The record. It holds tokens.
        record: Vec<u8>,
        /// The version.
        version: String,
    },
    /// There is none.
    Absent,
}

/// What a save may replace.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Expected {
    /// There is no record.
    Absent,
    /// The record of this version.
    Version {
        /// The version.
        version: String,
    },
    /// Whatever is there: a sign-in, a sign-out.
    Anything,
}

/// What came of a save.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Saved {
    /// It is saved, as this version.
    Done {
        /// The version.
        version: String,
    },
    /// The record was another one than expected, and was left alone.
    Conflict,
}

/// Whether the owner of a lease lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Owner {
    /// It does.
    Alive,
    /// It is gone, for sure.
    Dead,
    /// Nobody can tell.
    Unknown,
}

/// A store cannot tell now. Never to be read as "there is no record".
#[derive(Debug, uniffi::Error)]
pub enum StoreFailure {
    /// Why. It goes into errors: no secrets.
    Unavailable {
        /// The reason.
        reason: String,
    },
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Unavailable { reason } = self;
        f.write_str(reason)
    }
}

impl std::error::Error for StoreFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for StoreFailure {
    /// Its text could quote the record.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable { reason: "the store threw an undeclared exception".to_owned() }
    }
}

impl From<StoreFailure> for Unavailable {
    fn from(StoreFailure::Unavailable { reason }: StoreFailure) -> Self {
        Self::new(reason)
    }
}

impl StoreChoice {
    pub(crate) fn into_core(self) -> Arc<dyn core::Store> {
        match self {
            Self::Memory => Arc::new(core::MemoryStore::new()),
            Self::File { path } => Arc::new(FileStore::new(path)),
            Self::Folder { path } => Arc::new(FileStore::folder(path)),
            Self::Host { store, identity, shared, instance, wakes } => {
                let instance = usize::try_from(instance).unwrap_or(usize::MAX);
                Arc::new(HostStore { store, identity, shared, instance, wakes })
            }
        }
    }
}

struct HostStore {
    store: Arc<dyn Store>,
    identity: Option<String>,
    shared: bool,
    instance: usize,
    wakes: bool,
}

#[async_trait]
impl core::Store for HostStore {
    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }

    fn shared(&self) -> bool {
        self.shared
    }

    fn instance(&self) -> usize {
        self.instance
    }

    async fn load(&self, key: &str) -> Result<core::Loaded, Unavailable> {
        Ok(match self.store.load(key.to_owned()).await? {
            Loaded::Present { record, version } => {
                core::Loaded::Present(record.into(), Version::new(version))
            }
            Loaded::Absent => core::Loaded::Absent,
        })
    }

    async fn save(
        &self,
        key: &str,
        record: Bytes,
        expected: &core::Expected,
    ) -> Result<core::Saved, Unavailable> {
        let expected = match expected {
            core::Expected::Absent => Expected::Absent,
            core::Expected::Version(version) => Expected::Version { version: version.0.to_string() },
            core::Expected::Anything => Expected::Anything,
        };
        Ok(match self.store.save(key.to_owned(), record.to_vec(), expected).await? {
            Saved::Done { version } => core::Saved::Done(Version::new(version)),
            Saved::Conflict => core::Saved::Conflict,
        })
    }

    async fn announce(&self, key: &str, owner: &str) {
        let _ = self.store.announce(key.to_owned(), owner.to_owned()).await;
    }

    async fn retire(&self, key: &str, owner: &str) {
        let _ = self.store.retire(key.to_owned(), owner.to_owned()).await;
    }

    async fn owner(&self, key: &str, owner: &str) -> core::Owner {
        match self.store.owner(key.to_owned(), owner.to_owned()).await {
            Ok(Owner::Alive) => core::Owner::Alive,
            Ok(Owner::Dead) => core::Owner::Dead,
            Ok(Owner::Unknown) | Err(_) => core::Owner::Unknown,
        }
    }

    fn changed<'a>(&'a self, key: &'a str) -> Option<core::Changed<'a>> {
        if !self.wakes {
            return None;
        }
        Some(Box::pin(async {
            if self.store.changed(key.to_owned()).await.is_err() {
                // It failed: who waits polls.
                std::future::pending().await
            }
        }))
    }

    async fn now(&self) -> Option<SystemTime> {
        self.store.now().await.ok().flatten()
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present { record, version } => write!(f, "Present(<{} bytes>, {version:?})", record.len()),
            Self::Absent => f.write_str("Absent"),
        }
    }
}
