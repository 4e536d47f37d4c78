//! Reads and replaces the record: handles every state that a file may be in.

#[cfg(unix)]
use std::fs;
use std::io::{self, ErrorKind};

use bytes::Bytes;
use rekindle_proto::record_file::{self, Decoded, Stamp};
use zeroize::Zeroizing;

use super::lock::{self, Lock};
use super::paths::Paths;
use super::{durable, failure, ownership};
use rekindle_proto::store::{Expected, Loaded, Saved, Unavailable, Version};

/// The state of the record's file.
enum Found {
    Record(Zeroizing<Vec<u8>>, Stamp),
    Nothing,
    /// Unreadable, now (`why`) or earlier, when the file was set aside.
    Damaged(Damage),
}

struct Damage {
    why: &'static str,
    /// The file is still in place.
    in_place: bool,
    /// The versions whose holders may overwrite it. Empty: unknown.
    newest: Vec<Stamp>,
}

/// Reads the record. Takes no lock unless it finds damage, because a rename shows either the old or the new file.
/// `last_seen` is the newest version that this store has seen.
pub(super) fn load(paths: &Paths, last_seen: Option<&Version>) -> Result<Loaded, Unavailable> {
    // The note is read before the record, because a record is written before it is noted as written.
    let written = lock::written(paths);
    match find(paths, last_seen)? {
        Found::Record(_, stamp) if is_superseded(&stamp, written.as_ref(), last_seen) => {
            load_superseded(paths, last_seen)
        }
        Found::Record(record, stamp) => Ok(Loaded::Present(Bytes::from_owner(record), stamp.version())),
        Found::Nothing => Ok(Loaded::Absent),
        Found::Damaged(damage) if damage.in_place => set_aside_if_still_damaged(paths, last_seen, damage.why),
        Found::Damaged(damage) => Err(failure::damaged(&paths.record, damage.why)),
    }
}

/// Checks again under the lock, if it is available: without it, a note that is being written may be misread.
fn load_superseded(paths: &Paths, last_seen: Option<&Version>) -> Result<Loaded, Unavailable> {
    let lock = Lock::take(paths).ok();
    let written = lock.as_ref().map_or_else(|| lock::written(paths), Lock::written);
    match find(paths, last_seen)? {
        Found::Record(_, stamp) if is_superseded(&stamp, written.as_ref(), last_seen) => {
            Err(failure::superseded(&paths.record, &paths.lock()))
        }
        Found::Record(record, stamp) => Ok(Loaded::Present(Bytes::from_owner(record), stamp.version())),
        Found::Nothing => Ok(Loaded::Absent),
        Found::Damaged(damage) => Err(failure::damaged(&paths.record, damage.why)),
    }
}

/// Whether this is an older copy than the last one written (a backup), and the reader has not seen the newer one: its
/// refresh token may be used (spec 7.14). A reader that has seen the newer one does not need the copy (spec 7.11).
fn is_superseded(stamp: &Stamp, written: Option<&Stamp>, last_seen: Option<&Version>) -> bool {
    written.is_some_and(|written| written.counter > stamp.counter && last_seen != Some(&written.version()))
}

/// Replaces the record if it is the expected one.
pub(super) fn save(
    paths: &Paths,
    record: &[u8],
    expected: &Expected,
    last_seen: Option<&Version>,
) -> Result<Saved, Unavailable> {
    refuse_where_nothing_can_be(paths)?;
    durable::create_folder(paths.folder())
        .map_err(|error| failure::io("create the folder", paths.folder(), &error))?;
    let lock = Lock::take(paths)?;
    let found = find_locked(paths, &lock, last_seen)?;
    match verdict(&found, expected, last_seen) {
        Verdict::Write => write(paths, &lock, record, found).map(Saved::Done),
        Verdict::Conflict => Ok(Saved::Conflict),
        Verdict::Damaged(why) => {
            if let Found::Damaged(damage) = &found {
                // If that fails, the file is found damaged again, at the same path.
                let _ = set_aside(paths, damage);
            }
            Err(failure::damaged(&paths.record, why))
        }
    }
}

/// Removes the temp file of a killed writer, unless a write is in progress.
pub(super) fn sweep(paths: &Paths) {
    let temp = paths.temp();
    if temp.exists() && Lock::try_take(paths).is_some_and(|_lock| durable::remove(&temp).is_ok()) {
        let _ = durable::sync_folder(paths.folder());
    }
}

enum Verdict {
    Write,
    Conflict,
    Damaged(&'static str),
}

fn verdict(found: &Found, expected: &Expected, last_seen: Option<&Version>) -> Verdict {
    match (found, expected) {
        (_, Expected::Anything) | (Found::Nothing, Expected::Absent) => Verdict::Write,
        (Found::Record(_, stamp), Expected::Version(version)) if stamp.version() == *version => {
            Verdict::Write
        }
        (Found::Damaged(damage), Expected::Version(version)) if damage.is_newest(version, last_seen) => {
            Verdict::Write
        }
        (Found::Damaged(damage), _) => Verdict::Damaged(damage.why),
        (Found::Record(..) | Found::Nothing, _) => Verdict::Conflict,
    }
}

impl Damage {
    fn is_newest(&self, version: &Version, last_seen: Option<&Version>) -> bool {
        match self.newest.as_slice() {
            [] => last_seen == Some(version),
            known => known.iter().any(|stamp| stamp.version() == *version),
        }
    }
}

fn write(paths: &Paths, lock: &Lock, record: &[u8], found: Found) -> Result<Version, Unavailable> {
    if let Found::Damaged(damage) = &found {
        // Keeps the unreadable file, and keeps the marker until the new record has been written.
        set_aside(paths, damage)?;
        copy_aside(paths)?;
    }
    let stamp = Stamp::of(next_counter(&found, lock), record);
    let bytes = record_file::encode(record, &stamp);
    replace(paths, &bytes, || lock.write_note(&stamp))?;
    let _ = lock.note_written(&stamp);
    // Removed last: until then the marker protects the record's path. A marker beside a valid record has no effect,
    // so failing to remove it is not a failure to save.
    let _ = durable::remove(&paths.marker());
    Ok(stamp.version())
}

fn replace(paths: &Paths, bytes: &[u8], before: impl FnOnce() -> io::Result<()>) -> Result<(), Unavailable> {
    match durable::write(&paths.record, &paths.temp(), bytes, before) {
        // The file is mounted individually, as in containers. A partial write is detected by the checksum in the
        // header (spec 7.9).
        Err(error) if is_mounted(&error) => durable::overwrite(&paths.record, bytes),
        written => written.map_err(|error| failure::io("write", &paths.record, &error)),
    }
}

/// A file that is a mount point can neither be replaced nor moved.
fn is_mounted(error: &io::Error) -> bool {
    cfg!(unix) && error.kind() == ErrorKind::ResourceBusy
}

/// Higher than any earlier version at this path, so that no version is used twice after a removal or a repair.
fn next_counter(found: &Found, lock: &Lock) -> u64 {
    let known = match found {
        Found::Record(_, stamp) => std::slice::from_ref(stamp),
        Found::Damaged(damage) => &damage.newest,
        Found::Nothing => &[],
    };
    known.iter().chain(&lock.note()).map(|stamp| stamp.counter).max().unwrap_or(0).saturating_add(1)
}

fn set_aside_if_still_damaged(
    paths: &Paths,
    last_seen: Option<&Version>,
    why: &'static str,
) -> Result<Loaded, Unavailable> {
    let lock = Lock::take(paths).map_err(|_| failure::damaged(&paths.record, why))?;
    match find_locked(paths, &lock, last_seen)? {
        Found::Record(record, stamp) => Ok(Loaded::Present(Bytes::from_owner(record), stamp.version())),
        Found::Nothing => Ok(Loaded::Absent),
        Found::Damaged(damage) => {
            // If nothing can be written, the file stays in place, and is found damaged again.
            let _ = set_aside(paths, &damage);
            Err(failure::damaged(&paths.record, damage.why))
        }
    }
}

/// Marker first, then the move: a crash between them leaves a damaged file, not an absent one.
fn set_aside(paths: &Paths, damage: &Damage) -> Result<(), Unavailable> {
    if !damage.in_place {
        return Ok(());
    }
    let marker: String = damage.newest.iter().map(|stamp| stamp.text() + "\n").collect();
    let moved = durable::write(&paths.marker(), &paths.temp(), marker.as_bytes(), || Ok(()))
        .and_then(|()| tighten(paths))
        .and_then(|()| durable::rename(&paths.record, &paths.aside()))
        .and_then(|()| durable::sync_folder(paths.folder()));
    match moved {
        // The file stays in place, and is found damaged again until it is overwritten.
        Err(error) if is_mounted(&error) => Ok(()),
        moved => {
            moved.map_err(|error| failure::io("set aside the damaged", &paths.record, &error))?;
            durable::step();
            Ok(())
        }
    }
}

/// Keeps a copy of a file that cannot be moved, before it is overwritten.
fn copy_aside(paths: &Paths) -> Result<(), Unavailable> {
    let Some(bytes) = ownership::read(&paths.record)?.filter(|bytes| !bytes.is_empty()) else {
        return Ok(());
    };
    durable::write(&paths.aside(), &paths.temp(), &bytes, || Ok(()))
        .map_err(|error| failure::io("set aside the damaged", &paths.record, &error))
}

#[cfg(unix)]
fn tighten(paths: &Paths) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // It may still contain tokens.
    fs::set_permissions(&paths.record, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn tighten(_: &Paths) -> io::Result<()> {
    Ok(())
}

/// Like [`find`]; for a damaged file, the lock's note also provides the newest version.
fn find_locked(paths: &Paths, lock: &Lock, last_seen: Option<&Version>) -> Result<Found, Unavailable> {
    let mut found = find(paths, last_seen)?;
    if let Found::Damaged(damage) = &mut found
        && damage.in_place
    {
        let header = damage.newest.iter().map(|stamp| stamp.counter).max().unwrap_or(0);
        // The note is not synced: if it is older than the header, it does not name the newest version.
        damage.newest.extend(lock.note().filter(|note| note.counter >= header));
    }
    Ok(found)
}

fn find(paths: &Paths, last_seen: Option<&Version>) -> Result<Found, Unavailable> {
    if let Some(found) = find_record(paths, last_seen)? {
        return Ok(found);
    }
    if let Some(text) = ownership::read(&paths.marker())? {
        return Ok(Found::Damaged(marked(&String::from_utf8_lossy(&text))));
    }
    // Without a lock the record may have been restored, and its marker removed, between the two checks.
    Ok(find_record(paths, last_seen)?.unwrap_or(Found::Nothing))
}

fn marked(text: &str) -> Damage {
    let newest = text.lines().filter_map(Stamp::parse).collect();
    Damage { why: "it was set aside earlier", in_place: false, newest }
}

fn find_record(paths: &Paths, last_seen: Option<&Version>) -> Result<Option<Found>, Unavailable> {
    let Some(bytes) = ownership::read(&paths.record)? else { return Ok(None) };
    match record_file::decode(&bytes) {
        Decoded::Record(record, stamp) => Ok(Some(Found::Record(record, stamp))),
        Decoded::Newer(format) => Err(failure::newer(&paths.record, format)),
        Decoded::Damaged(why, stamp) if is_ours(paths, &bytes, stamp.as_ref(), last_seen) => {
            Ok(Some(Found::Damaged(Damage { why, in_place: true, newest: stamp.into_iter().collect() })))
        }
        // An empty file, as created by `mktemp`, or for mounting a file.
        Decoded::Damaged(..) if bytes.is_empty() => Ok(None),
        Decoded::Damaged(..) => Err(failure::foreign(&paths.record)),
    }
}

/// Whether an unreadable file was a record: only our own files are set aside or overwritten (spec 7.8).
fn is_ours(paths: &Paths, bytes: &[u8], stamp: Option<&Stamp>, last_seen: Option<&Version>) -> bool {
    stamp.is_some()
        || last_seen.is_some()
        || record_file::begins_as_record(bytes)
        || lock::note(paths).is_some()
        || (!bytes.is_empty() && paths.marker().exists())
}

/// Checked before any file is created beside it: a folder is not a record, and another user's file must not be
/// changed.
fn refuse_where_nothing_can_be(paths: &Paths) -> Result<(), Unavailable> {
    match ownership::read(&paths.record)? {
        Some(_) => Ok(()),
        None => ownership::check_folder(paths.folder()),
    }
}
