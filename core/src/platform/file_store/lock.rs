//! The short lock around one read-modify-write. It is never held across a network call: a stopped process would block
//! all others.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::RwLockReadGuard;
use std::time::{Duration, Instant};

use rekindle_proto::record_file::Stamp;

use super::paths::Paths;
use super::{durable, failure, ownership};
use crate::fork;
use rekindle_proto::store::Unavailable;

/// Longer than any save takes on a disk that works.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than any note.
const NOTE_MAX: u64 = 256;
/// The end of the note of a version that was completely written.
const WRITTEN: &str = "\n\n";
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// The lock of one record, until dropped. Its file also notes the newest version, so that a record whose header is
/// lost can still be repaired by a process that holds that version.
pub(super) struct Lock {
    file: File,
    _no_fork: RwLockReadGuard<'static, ()>,
}

impl Lock {
    /// Waits for the lock, for a limited time. The folder must exist.
    pub(super) fn take(paths: &Paths) -> Result<Self, Unavailable> {
        Self::take_within(paths, PATIENCE)
    }

    /// The lock, if it is free.
    pub(super) fn try_take(paths: &Paths) -> Option<Self> {
        Self::take_within(paths, Duration::ZERO).ok()
    }

    fn take_within(paths: &Paths, patience: Duration) -> Result<Self, Unavailable> {
        let (path, begun, mut pause) = (paths.lock(), Instant::now(), FIRST_PAUSE);
        loop {
            if let Some(lock) = attempt(&path)? {
                return Ok(lock);
            }
            if begun.elapsed() >= patience {
                return Err(failure::busy(&path));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The version in the note, whose write may not have completed, if the note is readable.
    pub(super) fn note(&self) -> Option<Stamp> {
        note_in(&self.file)
    }

    /// Notes the version that is about to be written, before the write, so that the note is never older.
    pub(super) fn write_note(&self, stamp: &Stamp) -> io::Result<()> {
        // Truncated first: otherwise, with the end of the old note after it, this one would mark the version as
        // written, for readers without the lock, and permanently if the process is killed here.
        if let Some(length) =
            text_of(&self.file).filter(|text| text.ends_with(WRITTEN)).map(|text| text.len())
        {
            self.file.set_len(length as u64 - 1)?;
        }
        self.write(&format!("{}\n", stamp.text()))
    }

    /// Notes that this version was written: with an empty line after it.
    pub(super) fn note_written(&self, stamp: &Stamp) -> io::Result<()> {
        self.write(&format!("{}{WRITTEN}", stamp.text()))
    }

    /// The newest version that was completely written, according to the note.
    pub(super) fn written(&self) -> Option<Stamp> {
        written_in(&self.file)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut file = &self.file;
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        let end = file.stream_position()?;
        file.set_len(end)
    }
}

/// The same without the lock: whether a record was ever written here.
pub(super) fn note(paths: &Paths) -> Option<Stamp> {
    note_in(&ownership::open(&paths.lock(), OpenOptions::new().read(true)).ok()?)
}

/// The newest version that was completely written, according to the note; one whose write was only started does not
/// count.
pub(super) fn written(paths: &Paths) -> Option<Stamp> {
    written_in(&ownership::open(&paths.lock(), OpenOptions::new().read(true)).ok()?)
}

fn written_in(file: &File) -> Option<Stamp> {
    text_of(file)?.strip_suffix(WRITTEN).and_then(Stamp::parse)
}

fn note_in(file: &File) -> Option<Stamp> {
    Stamp::parse(text_of(file)?.trim_end())
}

fn text_of(mut file: &File) -> Option<String> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.take(NOTE_MAX).read_to_string(&mut text)).ok()?;
    Some(text)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that was forked in the meantime.
        let _ = self.file.unlock();
    }
}

fn attempt(path: &Path) -> Result<Option<Lock>, Unavailable> {
    // A forked child must not inherit a lock that no thread would release.
    let no_fork = fork::guard();
    let file = open(path)?;
    match file.try_lock() {
        // A lock file that was removed in the meantime protects nothing.
        Ok(()) if !durable::names(path, &file) => Ok(None),
        Ok(()) if !is_ours(&file) => Err(failure::foreign_lock(path)),
        Ok(()) => Ok(Some(Lock { file, _no_fork: no_fork })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(TryLockError::Error(error)) => Err(failure::no_locks(path, &error)),
    }
}

fn open(path: &Path) -> Result<File, Unavailable> {
    ownership::open_sole(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
}

/// A note, complete or truncated, or an empty file; other content belongs to another program, and must not be
/// overwritten.
fn is_ours(mut file: &File) -> bool {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.take(NOTE_MAX + 1).read_to_end(&mut bytes));
    let of_a_note = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'\n' | 0);
    read.is_ok() && bytes.len() as u64 <= NOTE_MAX && bytes.iter().all(of_a_note)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn paths() -> (tempfile::TempDir, Paths) {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(&home.path().join("session"));
        (home, paths)
    }

    #[test]
    fn one_at_a_time_and_the_file_stays() {
        let (_home, paths) = paths();
        let lock = Lock::take(&paths).unwrap();
        assert!(Lock::try_take(&paths).is_none());
        drop(lock);
        assert!(paths.lock().exists());
        assert!(Lock::try_take(&paths).is_some());
    }

    // spec 7.7, 7.14
    #[test]
    fn a_note_of_what_is_about_to_be_written_says_at_no_moment_that_it_was() {
        let (_home, paths) = paths();
        let lock = Lock::take(&paths).unwrap();
        let there = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for counter in 1..=5_000 {
                    let next = Stamp::of(counter, b"x");
                    lock.write_note(&next).unwrap();
                    there.store(counter, Ordering::SeqCst);
                    lock.note_written(&next).unwrap();
                }
            });
            while there.load(Ordering::SeqCst) < 5_000 {
                let noted = written(&paths).map_or(0, |stamp| stamp.counter);
                assert!(
                    noted <= there.load(Ordering::SeqCst),
                    "{noted} is noted as written, and is not there"
                );
            }
        });
        assert_eq!(lock.written(), Some(Stamp::of(5_000, b"x")));
    }

    #[test]
    fn waiting_for_it_is_bounded() {
        let (_home, paths) = paths();
        let _lock = Lock::take(&paths).unwrap();
        let error = Lock::take_within(&paths, Duration::from_millis(3)).err().unwrap();
        assert!(error.reason.contains("another process"), "{error}");
        assert!(!error.damaged);
    }

    #[test]
    fn a_lock_file_that_was_removed_is_made_anew() {
        let (_home, paths) = paths();
        let lock = Lock::take(&paths).unwrap();
        std::fs::remove_file(paths.lock()).unwrap();
        drop(lock);
        let _lock = Lock::take(&paths).unwrap();
        assert!(paths.lock().exists());
    }

    // spec 7.8
    #[test]
    fn a_file_of_somebody_elses_is_not_written_over() {
        let (_home, paths) = paths();
        for text in ["# This file is automatically @generated by Cargo.\n", &"a".repeat(300)] {
            std::fs::write(paths.lock(), text).unwrap();
            let error = Lock::take(&paths).err().unwrap();
            assert!(error.reason.contains("not a lock file of rekindle"), "{error}");
            assert_eq!(std::fs::read_to_string(paths.lock()).unwrap(), text);
        }
        for torn in ["", "12-ab", "\0\0\0"] {
            std::fs::write(paths.lock(), torn).unwrap();
            assert!(Lock::take(&paths).is_ok(), "{torn:?}");
        }
    }

    #[test]
    fn the_note_is_replaced_whole() {
        let (_home, paths) = paths();
        let lock = Lock::take(&paths).unwrap();
        assert_eq!(lock.note(), None);
        for counter in [1_000_000, 2] {
            let stamp = Stamp::of(counter, b"x");
            lock.write_note(&stamp).unwrap();
            assert_eq!(lock.note(), Some(stamp));
        }
    }
}
