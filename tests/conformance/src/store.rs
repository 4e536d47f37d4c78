//! A store that fails on demand, and what can happen to a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use rekindle::store::{Expected, Loaded, Owner, Saved, Store, Unavailable, Version};

use crate::case::{Damage, StoreMode};

/// One record that all sessions of a case share, and the life of the process that looks at it.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Mutex<Kept>>, Life);

/// Whether a process still lives.
#[derive(Clone, Default)]
pub(crate) struct Life(Arc<AtomicBool>);

impl Life {
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn has_ended(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
struct Kept {
    record: Option<Vec<u8>>,
    saves: u64,
    load: StoreMode,
    save: StoreMode,
    owners: BTreeMap<String, Life>,
}

impl Scripted {
    /// As a process sees it.
    pub(crate) fn of(&self, life: &Life) -> Self {
        Self(self.0.clone(), life.clone())
    }

    pub(crate) fn set(&self, load: Option<StoreMode>, save: Option<StoreMode>) {
        let mut kept = self.0.lock();
        kept.load = load.unwrap_or(kept.load);
        kept.save = save.unwrap_or(kept.save);
    }

    pub(crate) fn record(&self) -> Option<String> {
        self.0.lock().record.as_ref().map(|record| String::from_utf8_lossy(record).into_owned())
    }

    pub(crate) fn damage(&self, how: Damage) {
        let mut kept = self.0.lock();
        let record = kept.record.take();
        kept.record = record.and_then(|record| damaged(record, how));
        kept.saves += 1;
    }
}

#[async_trait]
impl Store for Scripted {
    fn identity(&self) -> Option<String> {
        Some(format!("scripted {:p}", Arc::as_ptr(&self.0)))
    }

    async fn load(&self, _: &str) -> Result<Loaded, Unavailable> {
        let kept = self.0.lock();
        if kept.load != StoreMode::Works || self.1.has_ended() {
            return Err(Unavailable::new("as scripted"));
        }
        let version = Version::new(kept.saves.to_string());
        Ok(kept.record.clone().map_or(Loaded::Absent, |record| Loaded::Present(record.into(), version)))
    }

    async fn save(&self, _: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let mut kept = self.0.lock();
        if kept.save == StoreMode::Unavailable || self.1.has_ended() {
            return Err(Unavailable::new("as scripted"));
        }
        let current = Version::new(kept.saves.to_string());
        let fits = match expected {
            Expected::Anything => true,
            Expected::Absent => kept.record.is_none(),
            Expected::Version(version) => kept.record.is_some() && *version == current,
        };
        if !fits {
            return Ok(Saved::Conflict);
        }
        kept.record = Some(record.to_vec());
        kept.saves += 1;
        if kept.save == StoreMode::Lands {
            return Err(Unavailable::new("as scripted, though it has landed"));
        }
        Ok(Saved::Done(Version::new(kept.saves.to_string())))
    }

    async fn announce(&self, _: &str, owner: &str) {
        self.0.lock().owners.insert(owner.to_owned(), self.1.clone());
    }

    async fn owner(&self, _: &str, owner: &str) -> Owner {
        match self.0.lock().owners.get(owner) {
            Some(life) if life.has_ended() => Owner::Dead,
            Some(_) => Owner::Alive,
            None => Owner::Unknown,
        }
    }
}

/// Does to a file what happens to files.
pub(crate) fn damage_file(path: &Path, how: Damage) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let record = fs::read(path).map_err(told)?;
    match damaged(record, how) {
        Some(record) => fs::write(path, record).map_err(told),
        None => fs::remove_file(path).map_err(told),
    }
}

fn damaged(mut record: Vec<u8>, how: Damage) -> Option<Vec<u8>> {
    match how {
        Damage::Remove => return None,
        Damage::Empty => record.clear(),
        Damage::Truncate => record.truncate(record.len() / 2),
        Damage::Garbage => record.fill(b'#'),
        Damage::Trailing => record.extend_from_slice(b"}trailing"),
    }
    Some(record)
}
