//! The contract of a store.

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable};

/// Completes when a record may have changed.
pub type Changed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Keeps one opaque record for each session's key, by compare-and-save (spec 7.1).
///
/// Core derives the lease, intent and marks from it. A call may take long, but is never dropped before it ends. A key
/// is the application's identifier of a user: at most 1,024 bytes, not empty, and without control characters. A single
/// session has the key [`DEFAULT_KEY`].
///
/// [`testkit`](super::testkit) checks your own store against this contract.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Identifies this store: a canonical path or URL, without the key. Sessions of one process with the same identity,
    /// key and configuration share state (spec 4.2). `None` means not shared.
    fn identity(&self) -> Option<String>;

    /// Distinguishes this store from others that claim the same identity: by default each object differs; override it
    /// if the identity is sufficient proof.
    #[doc(hidden)]
    fn instance(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>() as usize
    }

    /// Whether other processes, or a forked child, see the same records. False for a memory store (spec 4.9).
    fn shared(&self) -> bool {
        true
    }

    /// Whether the store keeps a record for each key. A store with a single record serves only [`DEFAULT_KEY`].
    fn keyed(&self) -> bool {
        true
    }

    /// Whether the store has room for the registrations of clients, under keys that begin with `rekindle.client:` (spec
    /// 12.18).
    fn keeps_clients(&self) -> bool {
        self.keyed()
    }

    /// The keys of all records, in any order, for [`App::accounts`](crate::App::accounts). `None` if it cannot list
    /// them.
    async fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        Ok(None)
    }

    /// Reads the record of a key.
    async fn load(&self, key: &str) -> Result<Loaded, Unavailable>;

    /// Durably replaces the record of a key if its version is still the expected one. The bytes are shared, and wiped
    /// when the last reference is dropped.
    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable>;

    /// Shows other processes that the owner of a flight is alive, until [`Store::retire`]. Best effort.
    async fn announce(&self, key: &str, owner: &str) {
        let _ = (key, owner);
    }

    /// Ends an announcement by [`Store::announce`].
    async fn retire(&self, key: &str, owner: &str) {
        let _ = (key, owner);
    }

    /// Whether the owner is still alive.
    async fn owner(&self, key: &str, owner: &str) -> Owner {
        let _ = (key, owner);
        Owner::Unknown
    }

    /// Completes when the record of a key may have changed since the call: wakes callers that wait for another
    /// process's refresh and otherwise poll. Dropped when no caller waits any more. `None` if not supported.
    fn changed<'a>(&'a self, key: &'a str) -> Option<Changed<'a>> {
        let _ = key;
        None
    }

    /// The store's own clock, if it has one: leases of a store shared by several machines are measured on it (spec
    /// 4.5).
    async fn now(&self) -> Option<SystemTime> {
        None
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    fn identity(&self) -> Option<String> {
        (**self).identity()
    }

    fn instance(&self) -> usize {
        (**self).instance()
    }

    fn shared(&self) -> bool {
        (**self).shared()
    }

    fn keyed(&self) -> bool {
        (**self).keyed()
    }

    fn keeps_clients(&self) -> bool {
        (**self).keeps_clients()
    }

    async fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        (**self).keys().await
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        (**self).load(key).await
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        (**self).save(key, record, expected).await
    }

    async fn announce(&self, key: &str, owner: &str) {
        (**self).announce(key, owner).await;
    }

    async fn retire(&self, key: &str, owner: &str) {
        (**self).retire(key, owner).await;
    }

    async fn owner(&self, key: &str, owner: &str) -> Owner {
        (**self).owner(key, owner).await
    }

    fn changed<'a>(&'a self, key: &'a str) -> Option<Changed<'a>> {
        (**self).changed(key)
    }

    async fn now(&self) -> Option<SystemTime> {
        (**self).now().await
    }
}

/// The key of a single session.
pub const DEFAULT_KEY: &str = "default";
