//! Records in files shared by the processes of one machine: one file, or a folder with a file for each key.
//!
//! Besides `session.json` there may be `.lock` (guards one read-modify-write, never removed), `.owner-*` (a process
//! with a refresh in progress, locked while the process lives), `.rekindle-tmp` (a write in progress), `.damaged-<n>`
//! (a record that could not be read), `.damaged` (marks the record as damaged until it is repaired) and `.client` (the
//! program's registration at the server, a record of its own).

mod durable;
mod failure;
mod liveness;
mod lock;
mod names;
mod ownership;
mod paths;
mod record;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use self::paths::Paths;
use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::store::contract::Store;
use rekindle_proto::record_file::Stamp;
use rekindle_proto::sign_in::CLIENT_KEYS;
use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};

/// How often a folder is searched for files that killed processes left.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// For how many keys the newest versions are remembered (in each of two maps).
const MOST_SEEN: usize = 2_048;

/// Keeps one record in a file, or a record for each key in a folder, mode 0600, for all processes of one machine (spec
/// 7.7).
///
/// Killing a process at any instruction leaves either the old record or the new one. A damaged file is set aside and
/// reads as damaged until a sign-in; it never counts as "no record". The file system must support locks: most network
/// shares do; the others report an error.
///
/// Only the user's own files are read or written: another user's file, a file that others may write, a link in its
/// place, or a file that is not a record is refused and left unchanged (spec 7.8). A file that is mounted individually,
/// as in containers, is written in place: for one container at a time. To share a session, mount its folder.
///
/// ```
/// use rekindle::store::{DEFAULT_KEY, Expected, FileStore, Loaded, Saved, Store};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// let store = FileStore::new(folder.path().join("session.json"));
/// assert_eq!(store.load(DEFAULT_KEY).await.unwrap(), Loaded::Absent);
///
/// let Saved::Done(version) = store.save(DEFAULT_KEY, "record".into(), &Expected::Absent).await.unwrap() else { panic!() };
/// assert_eq!(store.save(DEFAULT_KEY, "other".into(), &Expected::Absent).await.unwrap(), Saved::Conflict);
/// assert_eq!(store.load(DEFAULT_KEY).await.unwrap(), Loaded::Present("record".into(), version));
/// # });
/// ```
#[derive(Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

struct Inner {
    home: Home,
    /// The newest versions that this store has seen: with them a file whose header is lost can be repaired.
    last_seen: PerProcess<Mutex<Seen>>,
    /// When files of killed processes (temp files, owners' files) were last searched for.
    swept: PerProcess<Mutex<(Option<Instant>, Option<Instant>)>>,
}

enum Home {
    /// One record.
    File(Paths),
    /// A file for each key.
    Folder(PathBuf),
}

/// The versions of the most recently used keys: when a map is full, it becomes the older one.
#[derive(Default)]
struct Seen {
    newer: HashMap<Box<str>, Version>,
    older: HashMap<Box<str>, Version>,
}

impl FileStore {
    /// Creates a store with one record, at `path`. Links are resolved at first, so a write through a link goes to its
    /// target. The first save creates missing folders, private to the user.
    ///
    /// ```
    /// use rekindle::store::FileStore;
    ///
    /// let store = FileStore::new("state/session.json");
    /// assert!(store.path().is_absolute());
    /// ```
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::at(Home::File(Paths::new(path.as_ref())))
    }

    /// Creates a store with many records, each in its own file in the folder at `path`. File names are derived from
    /// the keys; two keys never share one. Otherwise like [`FileStore::new`].
    ///
    /// ```
    /// use rekindle::store::{Expected, FileStore, Loaded, Store};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let home = tempfile::tempdir().unwrap();
    /// let store = FileStore::folder(home.path().join("sessions"));
    /// store.save("ada", "record".into(), &Expected::Absent).await.unwrap();
    /// assert!(matches!(store.load("ada").await, Ok(Loaded::Present(..))));
    /// assert!(matches!(store.load("bob").await, Ok(Loaded::Absent)));
    /// # });
    /// ```
    pub fn folder(path: impl AsRef<Path>) -> Self {
        Self::at(Home::Folder(Paths::new(path.as_ref()).record))
    }

    fn at(home: Home) -> Self {
        Self { inner: Arc::new(Inner { home, last_seen: PerProcess::new(), swept: PerProcess::new() }) }
    }

    /// The path of the record or of the folder, with links resolved.
    ///
    /// ```
    /// use rekindle::store::FileStore;
    ///
    /// assert!(FileStore::new("session.json").path().ends_with("session.json"));
    /// ```
    pub fn path(&self) -> &Path {
        match &self.inner.home {
            Home::File(paths) => &paths.record,
            Home::Folder(folder) => folder,
        }
    }

    /// Runs blocking work on another thread. Once started it runs to its end, even if the caller stops waiting.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let inner = Arc::clone(&self.inner);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime
                .spawn_blocking(move || work(&inner))
                .await
                .unwrap_or_else(|_| Err(failure::not_run(self.path()))),
            Err(_) => work(&inner),
        }
    }
}

#[async_trait]
impl Store for FileStore {
    fn identity(&self) -> Option<String> {
        let path = self.path();
        // A path that is not Unicode is distinguished by its escapes.
        Some(path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned))
    }

    fn instance(&self) -> usize {
        // Its canonical path identifies it.
        0
    }

    fn keyed(&self) -> bool {
        self.inner.is_folder()
    }

    /// Beside the record's file, in one that ends in `.client`.
    fn keeps_clients(&self) -> bool {
        true
    }

    /// In a folder, the keys that can be derived from file names: those of at most 120 bytes in a name.
    async fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        self.run(|inner| inner.keys()).await
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        let key: Box<str> = key.into();
        self.run(move |inner| inner.load(&key)).await
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let (key, expected): (Box<str>, _) = (key.into(), expected.clone());
        self.run(move |inner| inner.save(&key, &record, &expected)).await
    }

    async fn announce(&self, key: &str, owner: &str) {
        let (key, owner) = (key.to_owned(), owner.to_owned());
        let _ = self.run(move |inner| inner.announce(&key, &owner)).await;
    }

    async fn retire(&self, key: &str, owner: &str) {
        let (key, owner) = (key.to_owned(), owner.to_owned());
        let _ = self.run(move |inner| inner.retire(&key, &owner)).await;
    }

    async fn owner(&self, key: &str, owner: &str) -> Owner {
        let (key, owner) = (key.to_owned(), owner.to_owned());
        let asked = self.run(move |inner| Ok(liveness::owner(&inner.paths(&key), &owner))).await;
        asked.unwrap_or(Owner::Unknown)
    }
}

impl Inner {
    fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        let paths = self.paths(key);
        // In a folder each record has its own left-over files: those of the current one are searched for.
        if self.is_folder() || due(&mut self.swept.get(|_| Mutex::default()).lock().0) {
            record::sweep(&paths);
        }
        let last_seen = self.last_seen.get(|_| Mutex::default()).lock().get(key);
        let loaded = record::load(&paths, last_seen.as_ref())?;
        if let Loaded::Present(_, version) = &loaded
            // An older version is a restored file, and is not remembered.
            && last_seen.as_ref().is_none_or(|seen| counter(seen) <= counter(version))
        {
            self.saw(key, version);
        }
        Ok(loaded)
    }

    fn save(&self, key: &str, record: &[u8], expected: &Expected) -> Result<Saved, Unavailable> {
        let last_seen = self.last_seen.get(|_| Mutex::default()).lock().get(key);
        let saved = record::save(&self.paths(key), record, expected, last_seen.as_ref())?;
        if let Saved::Done(version) = &saved {
            self.saw(key, version);
        }
        Ok(saved)
    }

    fn announce(&self, key: &str, owner: &str) -> Result<(), Unavailable> {
        let paths = self.paths(key);
        if due(&mut self.swept.get(|_| Mutex::default()).lock().1) {
            liveness::sweep(&paths, self.is_folder());
        }
        liveness::announce(&paths, owner);
        Ok(())
    }

    fn retire(&self, key: &str, owner: &str) -> Result<(), Unavailable> {
        liveness::retire(&self.paths(key), owner);
        Ok(())
    }

    fn keys(&self) -> Result<Option<Vec<String>>, Unavailable> {
        let Home::Folder(folder) = &self.home else { return Ok(None) };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            // No user has signed in yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(Vec::new())),
            Err(error) => return Err(failure::io("read", folder, &error)),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(Some(names.filter_map(|name| names::key(&name)).collect()))
    }

    fn is_folder(&self) -> bool {
        matches!(self.home, Home::Folder(_))
    }

    fn paths(&self, key: &str) -> Paths {
        match &self.home {
            Home::File(paths) if key.starts_with(CLIENT_KEYS) => paths.client(),
            Home::File(paths) => paths.clone(),
            Home::Folder(folder) => Paths { record: folder.join(names::file_name(key)) },
        }
    }

    fn saw(&self, key: &str, version: &Version) {
        self.last_seen.get(|_| Mutex::default()).lock().insert(key, version);
    }
}

fn counter(version: &Version) -> Option<u64> {
    Some(Stamp::parse(&version.0)?.counter)
}

impl Seen {
    fn get(&self, key: &str) -> Option<Version> {
        self.newer.get(key).or_else(|| self.older.get(key)).cloned()
    }

    fn insert(&mut self, key: &str, version: &Version) {
        if let Some(known) = self.newer.get_mut(key) {
            known.clone_from(version);
            return;
        }
        if self.newer.len() == MOST_SEEN {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key.into(), version.clone());
    }
}

fn due(last: &mut Option<Instant>) -> bool {
    let due = last.is_none_or(|at| at.elapsed() >= SWEEP_EVERY);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("path", &self.path()).finish_non_exhaustive()
    }
}
