//! What a store has to fulfil.

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
/// Core derives lease, intent and marks from it. A call may take its time, but is never dropped half-way. A key is
/// whatever the application calls a user by: at most 1,024 bytes, not empty, and without control characters. A
/// session alone has the key [`DEFAULT_KEY`].
///
/// [`testkit`](super::testkit) runs what a store has to fulfil against one of your own.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What tells this store from others: a canonical path or URL, without the key. Sessions of one process with the
    /// same identity, key and configuration share one state (spec 4.2). `None` = shared with nobody.
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

    /// Whether it keeps a record for each key. One that keeps a single record serves [`DEFAULT_KEY`] alone.
    fn keyed(&self) -> bool {
        true
    }

    /// The keys of all its records, in no order, for [`App::accounts`](crate::App::accounts). `None`: it cannot tell.
    async fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        Ok(None)
    }

    /// Reads the record of that key.
    async fn load(&self, key: &str) -> Result<Loaded, Unavailable>;

    /// Replaces the record of that key if it is still what was expected, durably. The bytes are shared, and wiped when
    /// the last lets go of them.
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

    /// Ends when the record of that key may have changed since the call: a wake-up for those who wait for another
    /// process' refresh, which they otherwise poll for. It is dropped when nobody waits any more. `None`: there is no
    /// such thing.
    fn changed<'a>(&'a self, key: &'a str) -> Option<Changed<'a>> {
        let _ = key;
        None
    }

    /// The store's own clock, if it has one: where machines share a store, leases are measured on it (spec 4.5).
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

/// The key of a session that is alone in its store.
pub const DEFAULT_KEY: &str = "default";
