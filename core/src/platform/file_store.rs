//! A record in a file that processes of one machine share.
//!
//! Beside `session.json` there may be `.lock` (guards one read-modify-write, never removed), `.owner-*` (a
//! process with a refresh under way, locked while it lives), `.rekindle-tmp` (a write under way), `.damaged-<n>` (a
//! record that could not be read) and `.damaged` (says so until it is mended).

mod durable;
mod failure;
mod format;
mod liveness;
mod lock;
mod ownership;
mod paths;
mod record;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use self::paths::Paths;
use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::store::{Expected, Loaded, Owner, Saved, Store, Unavailable, Version};

/// How often a folder is looked through for what killed processes left.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Keeps the record in a file, mode 0600, for all processes of one machine (spec 7.7).
///
/// Killing a process at any instruction leaves the old record or the new one. A damaged file is set aside and
/// reads as damaged until a sign-in; it is never taken for "no record". The file system must have working
/// locks: most network shares do, some don't and say so.
///
/// Only what is this user's own is read or written: a file of another user, one that others may write, a link in
/// its place, or a file that is not a record is refused, and stays as it is (spec 7.8). A file that is mounted by
/// itself, as containers do, is written in place: for one container at a time. To share a session, mount its folder.
///
/// ```
/// use rekindle::store::{Expected, FileStore, Loaded, Saved, Store};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// let store = FileStore::new(folder.path().join("session.json"));
/// assert_eq!(store.load().await.unwrap(), Loaded::Absent);
///
/// let Saved::Done(version) = store.save("record".into(), &Expected::Absent).await.unwrap() else { panic!() };
/// assert_eq!(store.save("other".into(), &Expected::Absent).await.unwrap(), Saved::Conflict);
/// assert_eq!(store.load().await.unwrap(), Loaded::Present("record".into(), version));
/// # });
/// ```
#[derive(Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

struct Inner {
    paths: Paths,
    /// The newest version this store has seen: what may mend a file whose own header is lost.
    last_seen: PerProcess<Mutex<Option<Version>>>,
    /// When left-overs of killed processes were last looked for: temp files, owners' files.
    swept: PerProcess<Mutex<(Option<Instant>, Option<Instant>)>>,
}

impl FileStore {
    /// A store at `path`. Touches nothing yet but resolves links: a link is written through, to its target.
    /// Missing folders are made, closed to others, by the first save.
    ///
    /// ```
    /// use rekindle::store::FileStore;
    ///
    /// let store = FileStore::new("state/session.json");
    /// assert!(store.path().is_absolute());
    /// ```
    pub fn new(path: impl AsRef<Path>) -> Self {
        let paths = Paths::new(path.as_ref());
        Self { inner: Arc::new(Inner { paths, last_seen: PerProcess::new(), swept: PerProcess::new() }) }
    }

    /// Where the record is, links resolved.
    ///
    /// ```
    /// use rekindle::store::FileStore;
    ///
    /// assert!(FileStore::new("session.json").path().ends_with("session.json"));
    /// ```
    pub fn path(&self) -> &Path {
        &self.inner.paths.record
    }

    /// Runs blocking work off the caller's thread. Once begun it ends, whether or not anybody waits for it.
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
        // A name that is no Unicode keeps apart by its escapes.
        Some(path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned))
    }

    async fn load(&self) -> Result<Loaded, Unavailable> {
        self.run(Inner::load).await
    }

    async fn save(&self, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let expected = expected.clone();
        self.run(move |inner| inner.save(&record, &expected)).await
    }

    async fn announce(&self, owner: &str) {
        let owner = owner.to_owned();
        let _ = self.run(move |inner| inner.announce(&owner)).await;
    }

    async fn retire(&self, owner: &str) {
        let owner = owner.to_owned();
        let _ = self.run(move |inner| inner.retire(&owner)).await;
    }

    async fn owner(&self, owner: &str) -> Owner {
        let owner = owner.to_owned();
        let asked = self.run(move |inner| Ok(liveness::owner(&inner.paths, &owner))).await;
        asked.unwrap_or(Owner::Unknown)
    }
}

impl Inner {
    fn load(&self) -> Result<Loaded, Unavailable> {
        if due(&mut self.swept.get(|_| Mutex::default()).lock().0) {
            record::sweep(&self.paths);
        }
        let last_seen = self.last_seen.get(|_| Mutex::default()).lock().clone();
        let loaded = record::load(&self.paths, last_seen.as_ref())?;
        if let Loaded::Present(_, version) = &loaded {
            self.saw(version);
        }
        Ok(loaded)
    }

    fn save(&self, record: &[u8], expected: &Expected) -> Result<Saved, Unavailable> {
        let last_seen = self.last_seen.get(|_| Mutex::default()).lock().clone();
        let saved = record::save(&self.paths, record, expected, last_seen.as_ref())?;
        if let Saved::Done(version) = &saved {
            self.saw(version);
        }
        Ok(saved)
    }

    fn announce(&self, owner: &str) -> Result<(), Unavailable> {
        if due(&mut self.swept.get(|_| Mutex::default()).lock().1) {
            liveness::sweep(&self.paths);
        }
        liveness::announce(&self.paths, owner);
        Ok(())
    }

    fn retire(&self, owner: &str) -> Result<(), Unavailable> {
        liveness::retire(&self.paths, owner);
        Ok(())
    }

    fn saw(&self, version: &Version) {
        *self.last_seen.get(|_| Mutex::default()).lock() = Some(version.clone());
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

/// In a forked child: closes, and never unlocks, the parent's liveness locks, or a dead parent would look alive for
/// as long as the child lives. Any use of a file store in the child does so too.
pub(crate) fn close_inherited_locks() {
    liveness::close_inherited();
}
