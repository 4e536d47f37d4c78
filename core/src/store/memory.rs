//! Records in this process's memory: for tests, scripts, and sessions that are not shared.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Expected, Loaded, Saved, Store, Unavailable, Version};
use crate::fork;
use crate::lock::Mutex;

/// Keeps records in memory: they are lost when the process ends, and other processes cannot see them (spec 4.9).
///
/// ```
/// use rekindle::store::{Expected, Loaded, MemoryStore, Saved, Store};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// assert_eq!(store.load("ada").await.unwrap(), Loaded::Absent);
///
/// let Saved::Done(version) = store.save("ada", "record".into(), &Expected::Absent).await.unwrap() else { panic!() };
/// assert_eq!(store.load("ada").await.unwrap(), Loaded::Present("record".into(), version));
/// # });
/// ```
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<Box<str>, Kept>>,
}

struct Kept {
    record: Bytes,
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

    async fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        let _no_fork = fork::guard();
        Ok(Some(self.records.lock().keys().map(ToString::to_string).collect()))
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        let _no_fork = fork::guard();
        let records = self.records.lock();
        Ok(match records.get(key) {
            Some(kept) => Loaded::Present(kept.record.clone(), kept.version()),
            None => Loaded::Absent,
        })
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let _no_fork = fork::guard();
        let mut records = self.records.lock();
        let kept = records.get(key);
        if !is(kept, expected) {
            return Ok(Saved::Conflict);
        }
        let kept = Kept { record, saves: kept.map_or(0, |kept| kept.saves) + 1 };
        let version = kept.version();
        records.insert(key.into(), kept);
        Ok(Saved::Done(version))
    }
}

impl Kept {
    fn version(&self) -> Version {
        Version::new(self.saves.to_string())
    }
}

fn is(kept: Option<&Kept>, expected: &Expected) -> bool {
    match expected {
        Expected::Anything => true,
        Expected::Absent => kept.is_none(),
        Expected::Version(version) => kept.is_some_and(|kept| *version == kept.version()),
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
        assert_eq!(store.save("ada", "a".into(), &never).await.unwrap(), Saved::Conflict);
        let first = done(store.save("ada", "a".into(), &Expected::Absent).await.unwrap());
        assert_eq!(store.save("ada", "b".into(), &Expected::Absent).await.unwrap(), Saved::Conflict);
        let second = done(store.save("ada", "b".into(), &Expected::Version(first.clone())).await.unwrap());
        assert_eq!(store.save("ada", "c".into(), &Expected::Version(first)).await.unwrap(), Saved::Conflict);
        assert_eq!(store.load("ada").await.unwrap(), Loaded::Present("b".into(), second));
    }

    #[tokio::test]
    async fn the_same_bytes_again_are_another_version() {
        let store = MemoryStore::new();
        let first = done(store.save("ada", "a".into(), &Expected::Anything).await.unwrap());
        let second = done(store.save("ada", "a".into(), &Expected::Anything).await.unwrap());
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn each_key_has_a_record_of_its_own() {
        let store = MemoryStore::new();
        done(store.save("ada", "a".into(), &Expected::Absent).await.unwrap());
        done(store.save("bob", "b".into(), &Expected::Absent).await.unwrap());
        let found = |loaded| match loaded {
            Loaded::Present(record, _) => record,
            Loaded::Absent => panic!("absent"),
        };
        assert_eq!(found(store.load("ada").await.unwrap()), "a");
        assert_eq!(found(store.load("bob").await.unwrap()), "b");
        assert_eq!(store.load("eve").await.unwrap(), Loaded::Absent);
    }

    #[tokio::test]
    async fn debug_shows_no_record() {
        let store = MemoryStore::new();
        store.save("ada", "SENTINEL".into(), &Expected::Absent).await.unwrap();
        assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
    }
}
