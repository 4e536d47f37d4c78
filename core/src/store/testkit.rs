//! The tests of the store contract, to run against your own store.
//!
//! ```
//! use std::sync::Arc;
//! use rekindle::store::{MemoryStore, testkit};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = Arc::new(MemoryStore::new()); // yours
//! assert_eq!(testkit::violations(|| store.clone()).await, [""; 0]);
//! # });
//! ```

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::join_all;

use super::{DEFAULT_KEY, Expected, Loaded, Owner, Saved, Store, Unavailable, Version};

/// What two users may be called.
const KEYS: [&str; 12] = [
    "ada",
    "Ada",
    "ada.lock",
    "ada.json",
    "a/b",
    "a\\b",
    "..",
    "a b",
    "=61da",
    "\u{e4}\u{1f600}",
    "con",
    "%00",
];
const WRITERS: u32 = 8;
const TIMES: u32 = 5;

/// Returns the violations of the store contract; empty if the store is correct (spec 7.1). `open` opens the same store
/// each time, as another process would. The store must be empty, and is not cleared.
pub async fn violations<S: Store>(open: impl Fn() -> S) -> Vec<String> {
    let mut found = Vec::new();
    let (one, other) = (open(), open());
    if one.identity() != other.identity() {
        found.push("identity: it differs when the same store is opened again".to_owned());
    }
    let key = format!("rekindle-testkit-{DEFAULT_KEY}");
    let key = if one.keyed() { key.as_str() } else { DEFAULT_KEY };
    for check in [saves(&one, key, &mut found).await, opens_again(&one, &other, key, &mut found).await] {
        found.extend(check.err().map(|unavailable| format!("unavailable: {unavailable}")));
    }
    if let Err(unavailable) = races(&one, &other, key, &mut found).await {
        found.push(format!("unavailable under several writers: {unavailable}"));
    }
    if one.keyed() {
        let kept_apart = keeps_apart(&one, &mut found).await;
        found.extend(kept_apart.err().map(|unavailable| format!("keys: {unavailable}")));
    }
    owners(&one, key, &mut found).await;
    found
}

/// Only over what was expected, and whole.
async fn saves(store: &impl Store, key: &str, found: &mut Vec<String>) -> Result<(), Unavailable> {
    let mut must = |holds: bool, rule: &str| {
        if !holds {
            found.push(rule.to_owned());
        }
    };
    let never = Expected::Version(Version::new("rekindle-testkit"));
    must(store.load(key).await? == Loaded::Absent, "load: a new store is not empty");
    must(
        store.save(key, "x".into(), &never).await? == Saved::Conflict,
        "save: a version was expected, there is no record, and it is no conflict",
    );
    must(store.load(key).await? == Loaded::Absent, "save: a conflict wrote the record");
    // Bytes that are no text, and as many as a record may have.
    let record: Bytes = (0..=255).cycle().take(64 * 1024).collect();
    let first = store.save(key, record.clone(), &Expected::Absent).await?;
    let Saved::Done(first) = first else {
        must(false, "save: nothing was expected, nothing is there, and it is a conflict");
        return Ok(());
    };
    must(
        store.load(key).await? == Loaded::Present(record.clone(), first.clone()),
        "load: not the record or not the version that was saved",
    );
    must(
        store.save(key, "x".into(), &Expected::Absent).await? == Saved::Conflict,
        "save: no record was expected, there is one, and it is no conflict",
    );
    let Saved::Done(second) = store.save(key, record.clone(), &Expected::Version(first.clone())).await?
    else {
        must(false, "save: the version that is there was expected, and it is a conflict");
        return Ok(());
    };
    must(
        first != second,
        "save: the same bytes again have the same version: a completed save cannot be recognized",
    );
    must(
        store.save(key, "x".into(), &Expected::Version(first)).await? == Saved::Conflict,
        "save: an older version was expected, and it is no conflict",
    );
    must(
        store.load(key).await? == Loaded::Present(record, second),
        "save: a conflict has changed the record or its version",
    );
    must(
        matches!(store.save(key, Bytes::new(), &Expected::Anything).await?, Saved::Done(_)),
        "save: anything was expected, and it is a conflict",
    );
    let empty = matches!(store.load(key).await?, Loaded::Present(record, _) if record.is_empty());
    must(empty, "load: an empty record is not there, or not empty");
    Ok(())
}

/// Another process sees the same, if the store says that it is shared.
async fn opens_again(
    one: &impl Store,
    other: &impl Store,
    key: &str,
    found: &mut Vec<String>,
) -> Result<(), Unavailable> {
    one.save(key, "mine".into(), &Expected::Anything).await?;
    if one.shared() && one.load(key).await? != other.load(key).await? {
        found.push("shared: opened again, the store has another record or another version".to_owned());
    }
    Ok(())
}

/// Several that add one at a time, by compare-and-save, lose nothing.
async fn races(
    one: &impl Store,
    other: &impl Store,
    key: &str,
    found: &mut Vec<String>,
) -> Result<(), Unavailable> {
    one.save(key, "0".into(), &Expected::Anything).await?;
    let add = async |second: bool| {
        for _ in 0..TIMES {
            match second && one.shared() {
                true => add_one(other, key).await?,
                false => add_one(one, key).await?,
            }
        }
        Ok::<(), Unavailable>(())
    };
    for added in join_all((0..WRITERS).map(|writer| add(writer % 2 == 1))).await {
        added?;
    }
    let sum = number(&one.load(key).await?);
    if sum != Some(WRITERS * TIMES) {
        found.push(format!(
            "save: of {} additions by compare-and-save by several at once, {} are left: load and save are not one step",
            WRITERS * TIMES,
            sum.unwrap_or_default()
        ));
    }
    Ok(())
}

async fn add_one(store: &impl Store, key: &str) -> Result<(), Unavailable> {
    loop {
        let loaded = store.load(key).await?;
        let Loaded::Present(_, version) = &loaded else { return Ok(()) };
        let next = (number(&loaded).unwrap_or_default() + 1).to_string();
        let expected = Expected::Version(version.clone());
        if matches!(store.save(key, next.into(), &expected).await?, Saved::Done(_)) {
            return Ok(());
        }
    }
}

fn number(loaded: &Loaded) -> Option<u32> {
    match loaded {
        Loaded::Present(record, _) => std::str::from_utf8(record).ok()?.parse().ok(),
        Loaded::Absent => None,
    }
}

/// Each key has a record of its own.
async fn keeps_apart(store: &impl Store, found: &mut Vec<String>) -> Result<(), Unavailable> {
    let longest = "x".repeat(1_024);
    let keys: Vec<&str> = KEYS.into_iter().chain([longest.as_str()]).collect();
    for key in &keys {
        if store.save(key, Bytes::copy_from_slice(key.as_bytes()), &Expected::Absent).await?
            == Saved::Conflict
        {
            found.push(format!("keys: {} returns the record of another key", short(key)));
        }
    }
    let mut seen = BTreeSet::new();
    for key in &keys {
        match store.load(key).await? {
            Loaded::Present(record, _) if *record == *key.as_bytes() => drop(seen.insert(record)),
            _ => found.push(format!("keys: {} does not return the record that was saved for it", short(key))),
        }
    }
    Ok(())
}

/// An owner is dead only if its process is gone.
async fn owners(store: &impl Store, key: &str, found: &mut Vec<String>) {
    if store.owner(key, "rekindle-testkit-nobody").await == Owner::Dead {
        found.push(
            "owner: one that was never announced is reported dead: it may be alive elsewhere".to_owned(),
        );
    }
    store.announce(key, "rekindle-testkit-1").await;
    if store.owner(key, "rekindle-testkit-1").await == Owner::Dead {
        found.push("owner: one that was announced, and is alive, is reported dead".to_owned());
    }
    store.retire(key, "rekindle-testkit-1").await;
    if store.owner(key, "rekindle-testkit-1").await == Owner::Alive {
        found.push("owner: one that has retired is reported alive".to_owned());
    }
}

fn short(key: &str) -> String {
    format!("{:?}", key.chars().take(20).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use async_trait::async_trait;

    use super::*;
    use crate::lock::Mutex;
    use crate::store::MemoryStore;

    fn wait<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    // spec 7.1
    #[test]
    fn our_stores_are_sound() {
        let memory = Arc::new(MemoryStore::new());
        assert_eq!(wait(violations(|| memory.clone())), [""; 0]);
        #[cfg(feature = "runtime")]
        {
            use crate::store::FileStore;
            let home = tempfile::tempdir().unwrap();
            assert_eq!(wait(violations(|| FileStore::new(home.path().join("session.json")))), [""; 0]);
            assert_eq!(wait(violations(|| FileStore::folder(home.path().join("sessions")))), [""; 0]);
        }
    }

    /// What a store may do wrong.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Mistake {
        HeedsNoVersion,
        HeedsNoKey,
        KeepsVersions,
        CutsRecords,
        ForgetsCase,
    }

    #[derive(Clone)]
    struct Bad(Mistake, Arc<Mutex<HashMap<String, (Bytes, u64)>>>);

    impl Bad {
        fn key(&self, key: &str) -> String {
            match self.0 {
                Mistake::HeedsNoKey => String::new(),
                Mistake::ForgetsCase => key.to_lowercase(),
                _ => key.to_owned(),
            }
        }
    }

    #[async_trait]
    impl Store for Bad {
        fn identity(&self) -> Option<String> {
            None
        }

        async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
            let kept = self.1.lock().get(&self.key(key)).cloned();
            Ok(kept.map_or(Loaded::Absent, |(record, version)| {
                Loaded::Present(record, Version::new(version.to_string()))
            }))
        }

        async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
            let mut kept = self.1.lock();
            let known = kept.get(&self.key(key)).map(|(_, version)| *version);
            let fits = match expected {
                Expected::Anything => true,
                Expected::Absent => known.is_none(),
                Expected::Version(version) => known.is_some_and(|known| known.to_string() == *version.0),
            };
            if !fits && self.0 != Mistake::HeedsNoVersion {
                return Ok(Saved::Conflict);
            }
            let version = known.map_or(1, |known| known + u64::from(self.0 != Mistake::KeepsVersions));
            let most = if self.0 == Mistake::CutsRecords { 4_096 } else { usize::MAX };
            kept.insert(self.key(key), (record.slice(..record.len().min(most)), version));
            Ok(Saved::Done(Version::new(version.to_string())))
        }
    }

    #[test]
    fn every_mistake_is_found() {
        for (mistake, word) in [
            (Mistake::HeedsNoVersion, "it is no conflict"),
            (Mistake::HeedsNoKey, "returns the record of another"),
            (Mistake::KeepsVersions, "the same bytes again"),
            (Mistake::CutsRecords, "not the record"),
            (Mistake::ForgetsCase, "\"Ada\" returns the record of another"),
        ] {
            let bad = Bad(mistake, Arc::default());
            let found = wait(violations(|| bad.clone()));
            assert!(found.iter().any(|found| found.contains(word)), "{word}: {found:?}");
        }
    }
}
