//! Stores of the host's: a keychain, a keystore, preferences.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use rekindle::store::{self as core, FileStore};
use rekindle_bindings::StoreSettings;
use rekindle_bindings::host::{Host, Unanswered};
use rekindle_bindings::store::{self as shared, ForeignStore, StoreAnswer, StoreQuestion, StoreTask};

use crate::host::Hosted;

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

impl StoreChoice {
    pub(crate) fn into_core(self) -> Arc<dyn core::Store> {
        match self {
            Self::Memory => Arc::new(core::MemoryStore::new()),
            Self::File { path } => Arc::new(FileStore::new(path)),
            Self::Folder { path } => Arc::new(FileStore::folder(path)),
            Self::Host { store, identity, shared, instance, wakes } => {
                let settings = StoreSettings {
                    file: None,
                    folder: None,
                    identity,
                    shared,
                    keyed: true,
                    clients: true,
                    instance: Some(instance),
                    owners: true,
                    wakes,
                    clock: true,
                };
                Arc::new(ForeignStore { host: Hosted(store), settings })
            }
        }
    }
}

#[async_trait]
impl Host<StoreQuestion> for Hosted<dyn Store> {
    async fn ask(&self, StoreQuestion { key, task }: StoreQuestion) -> Result<StoreAnswer, Unanswered> {
        let mut answer = StoreAnswer::default();
        match task {
            StoreTask::Load => {
                if let Loaded::Present { record, version } = self.0.load(key).await? {
                    (answer.record, answer.version) = (Some(record), Some(version));
                }
            }
            StoreTask::Save { record, expected } => match self.0.save(key, record, expected.into()).await? {
                Saved::Done { version } => answer.version = Some(version),
                Saved::Conflict => answer.conflict = true,
            },
            StoreTask::Announce { owner } => self.0.announce(key, owner).await?,
            StoreTask::Retire { owner } => self.0.retire(key, owner).await?,
            StoreTask::Owner { owner } => answer.owner = Some(self.0.owner(key, owner).await?.into()),
            StoreTask::Changed => self.0.changed(key).await?,
            StoreTask::Now => answer.now = self.0.now().await?,
        }
        Ok(answer)
    }
}

impl From<shared::Expected> for Expected {
    fn from(expected: shared::Expected) -> Self {
        match expected {
            shared::Expected::Absent => Self::Absent,
            shared::Expected::Version { version } => Self::Version { version },
            shared::Expected::Anything => Self::Anything,
        }
    }
}

impl From<Owner> for shared::OwnerState {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Alive => Self::Alive,
            Owner::Dead => Self::Dead,
            Owner::Unknown => Self::Unknown,
        }
    }
}

impl From<StoreFailure> for Unanswered {
    fn from(StoreFailure::Unavailable { reason }: StoreFailure) -> Self {
        Self::Lost(reason)
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
