//! Error messages: what went wrong, and what to do about it, without the file's content.

use std::io::{Error, ErrorKind};
use std::path::Path;

use rekindle_proto::store::Unavailable;

/// An error of the file system, as a message.
pub(super) fn io(doing: &str, path: &Path, error: &Error) -> Unavailable {
    Unavailable::new(format!("cannot {doing} {}: {error}; {}", path.display(), advice(error.kind())))
}

/// The file system does not support locks.
pub(super) fn no_locks(path: &Path, error: &Error) -> Unavailable {
    Unavailable::new(format!(
        "cannot lock {}: {error}; the file system has no working locks (a network share?): keep the session \
         file on a local disk",
        path.display()
    ))
}

/// Another process holds the lock for longer than any save takes.
pub(super) fn busy(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "cannot lock {}: another process has held it for 5 seconds (it may be stopped, or the disk stalls); \
         end that process or try again",
        path.display()
    ))
}

/// The path cannot be used for a record.
pub(super) fn no_file(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "{} is not a file; give the path of a file for the session, or move what is there away",
        path.display()
    ))
}

/// A link in place of one of our files: its target must not be changed.
pub(super) fn link(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "{} is a symbolic link, which is not followed; remove it, or give the path it leads to",
        path.display()
    ))
}

/// A hard link, whose content would change with the first.
pub(super) fn hard_links(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "{0} has a second name (a hard link), and is not written to; remove it: rm {0}",
        path.display()
    ))
}

/// The file belongs to another user.
pub(super) fn other_owner(path: &Path, owner: u32, own: u32) -> Unavailable {
    Unavailable::new(format!(
        "{0} is owned by user id {owner}, and this process runs as {own}; run it as that user, or \
         change its owner: chown {own} {0}",
        path.display()
    ))
}

/// Root would create files that the folder's owner cannot use.
pub(super) fn roots_own(folder: &Path, owner: u32) -> Unavailable {
    Unavailable::new(format!(
        "{0} is owned by user id {owner}, who could not use what root creates there; run this as \
         that user, or change the folder's owner: chown root {0}",
        folder.display()
    ))
}

/// Others may write the file, so anybody may have created it.
pub(super) fn writable_for_others(path: &Path, mode: u32) -> Unavailable {
    Unavailable::new(format!(
        "{0} is writable by other users (mode {mode:o}); restrict it: chmod 600 {0}, or keep the session \
         elsewhere",
        path.display()
    ))
}

/// The path is not a regular file.
pub(super) fn too_large(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "{} is larger than 1 MiB and not a session file; it was not touched: give another path for the session",
        path.display()
    ))
}

/// A file that rekindle did not write.
pub(super) fn foreign(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "{} is not a session file of rekindle; it was not touched: give another path for the session, or move \
         that file away",
        path.display()
    ))
}

/// A file that rekindle did not write, in place of the lock file.
pub(super) fn foreign_lock(path: &Path) -> Unavailable {
    Unavailable::new(format!(
        "{} is not a lock file of rekindle; it was not touched: give another path for the session, or move \
         that file away",
        path.display()
    ))
}

/// A later version of rekindle wrote the file.
pub(super) fn newer(path: &Path, format: u32) -> Unavailable {
    Unavailable::new(format!(
        "{} was written by a newer rekindle (format {format}); update rekindle here, or keep this session in \
         another file",
        path.display()
    ))
}

/// The record was, or is, unreadable.
pub(super) fn damaged(path: &Path, why: &str) -> Unavailable {
    Unavailable::damaged(format!(
        "the session file {} is damaged: {why}; sign in again (what could not be read is kept beside it as \
         .damaged-*)",
        path.display()
    ))
}

/// An older copy than the last one written here.
pub(super) fn superseded(path: &Path, lock: &Path) -> Unavailable {
    Unavailable::damaged(format!(
        "the session file {} is older than what was last written there (a backup that was restored?), and its refresh \
         token may be spent: sign in again, or bring the newest file back; if this one is right all the same, remove {}",
        path.display(),
        lock.display()
    ))
}

/// The runtime ended before the work started.
pub(super) fn not_run(path: &Path) -> Unavailable {
    Unavailable::new(format!("the runtime ended before {} was touched; try again", path.display()))
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => "make the file and its folder readable and writable for this user",
        ErrorKind::ReadOnlyFilesystem => {
            "keep the session file on a writable file system; in a container, mount the file's folder"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "free some space; the existing record is unchanged"
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "give the path of a file inside a folder",
        ErrorKind::NotFound => "the folder was removed: create it again",
        _ => "check the path and the disk, then try again",
    }
}
