//! Tells a dead owner from a slow one: its file is locked for as long as its process lives, so that nobody
//! waits for the lease of a process that is gone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::place::{self, Place};
use crate::fork::{self, PerProcess, ProcessLocal};
use crate::lock::Mutex;
use crate::store::Owner;

/// Apple's mobile systems end apps that are suspended while they hold a file lock.
const ON: bool =
    !cfg!(any(target_os = "ios", target_os = "tvos", target_os = "watchos", target_os = "visionos"));

/// A dead owner's file is kept for longer than any lease: others have to learn of the death too.
const KEPT: Duration = Duration::from_secs(600);

/// How often a lock that a sweep or a probe holds for a moment is tried again.
const ATTEMPTS: u32 = 100;

/// The files this process has locked. Of the process, not of a store: a forked child closes them all at once.
static HELD: PerProcess<Mutex<Held>> = PerProcess::new();

type Held = BTreeMap<PathBuf, File>;

/// Shows that the owner lives, until [`retire`] or the end of this process. Best effort.
pub(super) fn announce(place: &Place, owner: &str) {
    let Some(path) = path(place, owner) else { return };
    let held = held();
    if place::create_folder(place.folder()).is_err() || held.lock().contains_key(&path) {
        return;
    }
    for _ in 0..ATTEMPTS {
        // A forked child must know of every lock that it inherits.
        let _whole = fork::quiet();
        let Ok(file) = open(&path, true) else { return };
        match file.try_lock() {
            Ok(()) if place::names(&path, &file) => {
                held.lock().insert(path, file);
                return;
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::Error(_)) => return,
        }
    }
}

/// Ends what [`announce`] began.
pub(super) fn retire(place: &Place, owner: &str) {
    let Some(path) = path(place, owner) else { return };
    let _whole = fork::quiet();
    let announced = held().lock().remove(&path);
    if let Some(announced) = announced {
        // In this order: whoever looks meanwhile sees it alive or unknown, never dead.
        let _ = fs::remove_file(&path);
        // Closing alone would leave the lock to a child that was forked meanwhile.
        let _ = announced.unlock();
    }
}

/// Whether that owner's process lives.
pub(super) fn owner(place: &Place, owner: &str) -> Owner {
    let Some(path) = path(place, owner) else { return Owner::Unknown };
    if held().lock().contains_key(&path) {
        return Owner::Alive;
    }
    let Ok(file) = open(&path, false) else { return Owner::Unknown };
    // Shared: two that look at the same time don't take each other for the owner.
    match file.try_lock_shared() {
        Ok(()) if place::names(&path, &file) => Owner::Dead,
        Err(TryLockError::WouldBlock) => Owner::Alive,
        _ => Owner::Unknown,
    }
}

/// Removes the files of owners that have been dead for long.
pub(super) fn sweep(place: &Place) {
    let Ok(entries) = fs::read_dir(place.folder()) else { return };
    let prefix = place.owner("");
    let Some(prefix) = prefix.file_name().and_then(|name| name.to_str()) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            remove_if_long_dead(&entry.path());
        }
    }
}

/// Closes, and never unlocks, what a forked child inherited: else its dead parent looks alive.
pub(super) fn close_inherited() {
    held();
}

fn held() -> ProcessLocal<Mutex<Held>> {
    HELD.get_checked(without)
}

/// A table of one's own, and nothing left in the parent's.
fn without(inherited: Option<&Mutex<Held>>) -> Mutex<Held> {
    if let Some(mut inherited) = inherited.and_then(Mutex::try_lock) {
        inherited.clear();
    }
    Mutex::default()
}

/// None where liveness is off, or where the owner's id is no plain word and would lead elsewhere.
fn path(place: &Place, owner: &str) -> Option<PathBuf> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_word = (1..=128).contains(&owner.len()) && owner.bytes().all(plain);
    (ON && is_word).then(|| place.owner(owner))
}

fn open(path: &Path, create: bool) -> std::io::Result<File> {
    place::private(OpenOptions::new().read(true).write(true).create(create)).open(path)
}

fn remove_if_long_dead(path: &Path) {
    let Ok(file) = open(path, false) else { return };
    let age =
        file.metadata().and_then(|there| there.modified()).map(|at| SystemTime::now().duration_since(at));
    if matches!(age, Ok(Ok(age)) if age > KEPT) && file.try_lock().is_ok() && place::names(path, &file) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Place) {
        let home = tempfile::tempdir().unwrap();
        let place = Place::new(&home.path().join("session"));
        (home, place)
    }

    /// What a process that was killed leaves: a file that nobody locks.
    fn leave_dead(place: &Place, name: &str, age: Duration) {
        let file = open(&place.owner(name), true).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn alive_until_retired_then_unknown() {
        let (_home, place) = place();
        assert_eq!(owner(&place, "a1"), Owner::Unknown);
        announce(&place, "a1");
        announce(&place, "a1");
        assert_eq!(owner(&place, "a1"), Owner::Alive);
        retire(&place, "a1");
        assert_eq!(owner(&place, "a1"), Owner::Unknown);
        assert!(!place.owner("a1").exists());
    }

    #[test]
    fn a_dead_owner_stays_dead_for_everybody_who_asks() {
        let (_home, place) = place();
        leave_dead(&place, "a1", Duration::ZERO);
        sweep(&place);
        for _ in 0..3 {
            assert_eq!(owner(&place, "a1"), Owner::Dead);
        }
    }

    #[test]
    fn a_sweep_removes_only_those_that_are_long_dead() {
        let (_home, place) = place();
        announce(&place, "alive");
        held().lock()[&place.owner("alive")].set_modified(SystemTime::now() - KEPT * 2).unwrap();
        leave_dead(&place, "fresh", Duration::ZERO);
        leave_dead(&place, "old", KEPT * 2);
        sweep(&place);
        let left = ["alive", "fresh", "old"].map(|name| place.owner(name).exists());
        assert_eq!(left, [true, true, false]);
        retire(&place, "alive");
    }

    #[test]
    fn two_that_look_at_once_both_see_the_dead() {
        let (_home, place) = place();
        leave_dead(&place, "a1", Duration::ZERO);
        let looking = open(&place.owner("a1"), false).unwrap();
        looking.try_lock_shared().unwrap();
        assert_eq!(owner(&place, "a1"), Owner::Dead);
    }

    #[test]
    fn an_id_that_leads_elsewhere_is_unknown_and_makes_no_file() {
        let (home, place) = place();
        for id in ["", "../x", "a/b", "a\0b", &"x".repeat(129)] {
            announce(&place, id);
            assert_eq!(owner(&place, id), Owner::Unknown);
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_forked_child_closes_what_it_inherited() {
        let (_home, place) = place();
        announce(&place, "parent");
        // As in a child: it has its own descriptor of what the parent locked.
        let parent = held().lock().remove(&place.owner("parent")).unwrap();
        let inherited = Held::from([(place.owner("parent"), parent.try_clone().unwrap())]);
        assert!(without(Some(&Mutex::new(inherited))).lock().is_empty());
        assert_eq!(owner(&place, "parent"), Owner::Alive);
        drop(parent);
        assert_eq!(owner(&place, "parent"), Owner::Dead);
    }
}
