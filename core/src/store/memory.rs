//! A record in this process's memory: for tests, for scripts, and for sessions that nobody shares.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{Expected, Loaded, Saved, Store, Unavailable, Version};
use crate::fork;
use crate::lock::Mutex;

/// Keeps the record in memory: it ends with the process, and no other process sees it (spec 4.9).
///
/// ```
/// use rekindle::store::{Expected, Loaded, MemoryStore, Saved, Store};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// assert_eq!(store.load().await.unwrap(), Loaded::Absent);
///
/// let Saved::Done(version) = store.save(b"record", &Expected::Absent).await.unwrap() else { panic!() };
/// assert_eq!(store.load().await.unwrap(), Loaded::Present(b"record".to_vec(), version));
/// # });
/// ```
#[derive(Default)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    record: Option<Zeroizing<Vec<u8>>>,
    saves: u64,
}

impl MemoryStore {
    /// An empty store.
    ///
    /// ```
    /// use rekindle::store::{MemoryStore, Store};
    ///
    /// let store = MemoryStore::new();
    /// assert!(!store.shared());
    /// assert_eq!(store.identity(), None);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn identity(&self) -> Option<String> {
        None
    }

    fn shared(&self) -> bool {
        false
    }

    async fn load(&self) -> Result<Loaded, Unavailable> {
        let _whole = fork::quiet();
        let kept = self.kept.lock();
        Ok(match &kept.record {
            Some(record) => Loaded::Present(record.to_vec(), kept.version()),
            None => Loaded::Absent,
        })
    }

    async fn save(&self, record: &[u8], expected: &Expected) -> Result<Saved, Unavailable> {
        let _whole = fork::quiet();
        let mut kept = self.kept.lock();
        if !kept.is(expected) {
            return Ok(Saved::Conflict);
        }
        kept.record = Some(Zeroizing::new(record.to_vec()));
        kept.saves += 1;
        Ok(Saved::Done(kept.version()))
    }
}

impl Kept {
    fn version(&self) -> Version {
        Version::new(self.saves.to_string())
    }

    fn is(&self, expected: &Expected) -> bool {
        match expected {
            Expected::Anything => true,
            Expected::Absent => self.record.is_none(),
            Expected::Version(version) => self.record.is_some() && *version == self.version(),
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The record holds tokens.
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(saved: Saved) -> Version {
        match saved {
            Saved::Done(version) => version,
            Saved::Conflict => panic!("conflict"),
        }
    }

    #[tokio::test]
    async fn saves_only_over_what_was_expected() {
        let store = MemoryStore::new();
        let never = Expected::Version(Version::new("0"));
        assert_eq!(store.save(b"a", &never).await.unwrap(), Saved::Conflict);
        let first = done(store.save(b"a", &Expected::Absent).await.unwrap());
        assert_eq!(store.save(b"b", &Expected::Absent).await.unwrap(), Saved::Conflict);
        let second = done(store.save(b"b", &Expected::Version(first.clone())).await.unwrap());
        assert_eq!(store.save(b"c", &Expected::Version(first)).await.unwrap(), Saved::Conflict);
        assert_eq!(store.load().await.unwrap(), Loaded::Present(b"b".to_vec(), second));
    }

    #[tokio::test]
    async fn the_same_bytes_again_are_another_version() {
        let store = MemoryStore::new();
        let first = done(store.save(b"a", &Expected::Anything).await.unwrap());
        let second = done(store.save(b"a", &Expected::Anything).await.unwrap());
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn debug_shows_no_record() {
        let store = MemoryStore::new();
        store.save(b"SENTINEL", &Expected::Absent).await.unwrap();
        assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
    }
}
