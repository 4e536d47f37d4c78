//! Distinguishes a dead owner from a slow one: an owner's file is locked for as long as its process lives, so that
//! other processes do not wait for the lease of a dead process.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::paths::Paths;
use super::{durable, ownership};
use crate::fork::{self, PerProcess, ProcessLocal};
use crate::lock::Mutex;
use rekindle_proto::store::{Owner, Unavailable};

/// Apple's mobile systems kill apps that are suspended while they hold a file lock.
const ON: bool =
    !cfg!(any(target_os = "ios", target_os = "tvos", target_os = "watchos", target_os = "visionos"));

/// A dead owner's file is kept for longer than any lease, so that all processes can detect the death.
const KEPT: Duration = Duration::from_secs(600);

/// How often a lock is tried again that a sweep or a probe holds for a moment.
const ATTEMPTS: u32 = 100;

/// The files that this process has locked, not only one store: a forked child closes all of them at once.
static HELD: PerProcess<Mutex<LockFiles>> = PerProcess::new();

type LockFiles = BTreeMap<PathBuf, File>;

/// Marks the owner as alive, until [`retire`] or the end of this process. Best effort.
pub(super) fn announce(paths: &Paths, owner: &str) {
    let Some(path) = path(paths, owner) else { return };
    fork::in_child(close_inherited);
    let held = held();
    if durable::create_folder(paths.folder()).is_err() || held.lock().contains_key(&path) {
        return;
    }
    for _ in 0..ATTEMPTS {
        // A forked child must close every lock that it inherits.
        let _no_fork = fork::guard();
        let Ok(file) = open(&path, true) else { return };
        match file.try_lock() {
            Ok(()) if durable::names(&path, &file) => {
                held.lock().insert(path, file);
                return;
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::Error(_)) => return,
        }
    }
}

/// Reverts [`announce`].
pub(super) fn retire(paths: &Paths, owner: &str) {
    let Some(path) = path(paths, owner) else { return };
    let _no_fork = fork::guard();
    let announced = held().lock().remove(&path);
    if let Some(announced) = announced {
        // In this order, so that a concurrent check sees it alive or unknown, never dead.
        let _ = fs::remove_file(&path);
        // Closing alone would leave the lock to a child that was forked in the meantime.
        let _ = announced.unlock();
    }
}

/// Whether that owner's process is alive.
pub(super) fn owner(paths: &Paths, owner: &str) -> Owner {
    let Some(path) = path(paths, owner) else { return Owner::Unknown };
    if held().lock().contains_key(&path) {
        return Owner::Alive;
    }
    let Ok(file) = open(&path, false) else { return Owner::Unknown };
    // A shared lock: two concurrent checks must not take each other for the owner.
    match file.try_lock_shared() {
        Ok(()) if durable::names(&path, &file) => Owner::Dead,
        Err(TryLockError::WouldBlock) => Owner::Alive,
        _ => Owner::Unknown,
    }
}

/// Removes the files of owners that died long ago: those of this record, or all in its folder.
pub(super) fn sweep(paths: &Paths, whole_folder: bool) {
    let Ok(entries) = fs::read_dir(paths.folder()) else { return };
    let prefix = paths.owner("");
    let Some(prefix) = prefix.file_name().and_then(|name| name.to_str()) else { return };
    let is_owner = |name: &str| match whole_folder {
        true => name.contains(".json.owner-"),
        false => name.starts_with(prefix),
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_owner) {
            remove_if_long_dead(&entry.path());
        }
    }
}

/// Closes the inherited files without unlocking them: otherwise the child would keep its dead parent alive.
pub(super) fn close_inherited() {
    held();
}

fn held() -> ProcessLocal<Mutex<LockFiles>> {
    HELD.get_checked(without)
}

/// The child uses a new table, and leaves the parent's empty.
fn without(inherited: Option<&Mutex<LockFiles>>) -> Mutex<LockFiles> {
    if let Some(mut inherited) = inherited.and_then(Mutex::try_lock) {
        inherited.clear();
    }
    Mutex::default()
}

/// `None` if liveness is off, or if the owner's id is not a plain word and would lead to another path.
fn path(paths: &Paths, owner: &str) -> Option<PathBuf> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_word = (1..=128).contains(&owner.len()) && owner.bytes().all(plain);
    (ON && is_word).then(|| paths.owner(owner))
}

fn open(path: &Path, create: bool) -> Result<File, Unavailable> {
    ownership::open_sole(path, OpenOptions::new().read(true).write(true).create(create).truncate(false))
}

fn remove_if_long_dead(path: &Path) {
    let Ok(file) = open(path, false) else { return };
    let age =
        file.metadata().and_then(|there| there.modified()).map(|at| SystemTime::now().duration_since(at));
    if matches!(age, Ok(Ok(age)) if age > KEPT) && file.try_lock().is_ok() && durable::names(path, &file) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> (tempfile::TempDir, Paths) {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(&home.path().join("session"));
        (home, paths)
    }

    /// The file of a process that was killed: not locked by any process.
    fn leave_dead(paths: &Paths, name: &str, age: Duration) {
        let file = open(&paths.owner(name), true).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn alive_until_retired_then_unknown() {
        let (_home, paths) = paths();
        assert_eq!(owner(&paths, "a1"), Owner::Unknown);
        announce(&paths, "a1");
        announce(&paths, "a1");
        assert_eq!(owner(&paths, "a1"), Owner::Alive);
        retire(&paths, "a1");
        assert_eq!(owner(&paths, "a1"), Owner::Unknown);
        assert!(!paths.owner("a1").exists());
    }

    #[test]
    fn a_dead_owner_stays_dead_for_everybody_who_asks() {
        let (_home, paths) = paths();
        leave_dead(&paths, "a1", Duration::ZERO);
        sweep(&paths, false);
        for _ in 0..3 {
            assert_eq!(owner(&paths, "a1"), Owner::Dead);
        }
    }

    #[test]
    fn a_sweep_removes_only_those_that_are_long_dead() {
        let (_home, paths) = paths();
        announce(&paths, "alive");
        held().lock()[&paths.owner("alive")].set_modified(SystemTime::now() - KEPT * 2).unwrap();
        leave_dead(&paths, "fresh", Duration::ZERO);
        leave_dead(&paths, "old", KEPT * 2);
        sweep(&paths, false);
        let left = ["alive", "fresh", "old"].map(|name| paths.owner(name).exists());
        assert_eq!(left, [true, true, false]);
        retire(&paths, "alive");
    }

    #[test]
    fn two_that_look_at_once_both_see_the_dead() {
        let (_home, paths) = paths();
        leave_dead(&paths, "a1", Duration::ZERO);
        let looking = open(&paths.owner("a1"), false).unwrap();
        looking.try_lock_shared().unwrap();
        assert_eq!(owner(&paths, "a1"), Owner::Dead);
    }

    #[test]
    fn an_id_that_leads_elsewhere_is_unknown_and_makes_no_file() {
        let (home, paths) = paths();
        for id in ["", "../x", "a/b", "a\0b", &"x".repeat(129)] {
            announce(&paths, id);
            assert_eq!(owner(&paths, id), Owner::Unknown);
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_forked_child_closes_what_it_inherited() {
        let (_home, paths) = paths();
        announce(&paths, "parent");
        // Like in a child: with its own descriptor of the file that the parent locked.
        let parent = held().lock().remove(&paths.owner("parent")).unwrap();
        let inherited = LockFiles::from([(paths.owner("parent"), parent.try_clone().unwrap())]);
        assert!(without(Some(&Mutex::new(inherited))).lock().is_empty());
        assert_eq!(owner(&paths, "parent"), Owner::Alive);
        drop(parent);
        assert_eq!(owner(&paths, "parent"), Owner::Dead);
    }
}
