//! The contract of a store.

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable};

/// Ends when a record may have changed.
pub type Changed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Keeps one opaque record for each session's key, by compare-and-save (spec 7.1).
///
/// Core derives lease, intent and marks from it. A call may take long, but is never dropped before it ends. A key is
/// what the application identifies a user by: at most 1,024 bytes, not empty, and without control characters. A
/// single session has the key [`DEFAULT_KEY`].
///
/// [`testkit`](super::testkit) checks your own store against this contract.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What distinguishes this store from others: a canonical path or URL, without the key. Sessions of one process with the
    /// same identity, key and configuration share one state (spec 4.2). `None` = not shared.
    fn identity(&self) -> Option<String>;

    /// Tells it from others that claim the same identity: each object for itself, unless the identity is proof enough.
    #[doc(hidden)]
    fn instance(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>() as usize
    }

    /// Whether other processes, or a forked child, see the same records. A memory store says no (spec 4.9).
    fn shared(&self) -> bool {
        true
    }

    /// Whether it keeps a record for each key. A store with a single record serves only [`DEFAULT_KEY`].
    fn keyed(&self) -> bool {
        true
    }

    /// The keys of all its records, in any order, for [`App::accounts`](crate::App::accounts). `None`: it cannot list them.
    async fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        Ok(None)
    }

    /// Reads the record of that key.
    async fn load(&self, key: &str) -> Result<Loaded, Unavailable>;

    /// Durably replaces the record of that key if its version is still the expected one. The bytes are shared, and wiped
    /// when the last reference is dropped.
    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable>;

    /// Shows to other processes that the owner of a flight lives, until [`Store::retire`]. Best effort.
    async fn announce(&self, key: &str, owner: &str) {
        let _ = (key, owner);
    }

    /// Ends what [`Store::announce`] began.
    async fn retire(&self, key: &str, owner: &str) {
        let _ = (key, owner);
    }

    /// Whether that owner still lives.
    async fn owner(&self, key: &str, owner: &str) -> Owner {
        let _ = (key, owner);
        Owner::Unknown
    }

    /// Ends when the record of that key may have changed since the call: a wake-up for callers that wait for another
    /// process's refresh and otherwise poll. It is dropped when nobody waits any more. `None`: not supported.
    fn changed<'a>(&'a self, key: &'a str) -> Option<Changed<'a>> {
        let _ = key;
        None
    }

    /// The store's own clock, if it has one: if machines share a store, leases are measured on it (spec 4.5).
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
