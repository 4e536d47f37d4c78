//! Reading and replacing the record: every way a file can be found, and what follows from it.

use std::fs;
use std::io::{self, ErrorKind};

use bytes::Bytes;
use zeroize::Zeroizing;

use super::format::{self, Decoded, Stamp};
use super::lock::Lock;
use super::place::{self, Place};
use super::trouble;
use crate::store::{Expected, Loaded, Saved, Unavailable, Version};

/// What is at the record's path.
enum Found {
    Record(Zeroizing<Vec<u8>>, Stamp),
    Nothing,
    /// Unreadable, now (`why`) or earlier, when it was set aside.
    Damaged(Damage),
}

struct Damage {
    why: &'static str,
    /// The file is still at its place.
    in_place: bool,
    /// The versions whose holder may write over it. Empty: nobody knows.
    newest: Vec<Stamp>,
}

/// Reads the record. Takes no lock unless it finds damage: a rename shows the old file or the new one.
pub(super) fn load(place: &Place) -> Result<Loaded, Unavailable> {
    match find(place)? {
        Found::Record(record, stamp) => Ok(Loaded::Present(Bytes::from_owner(record), stamp.version())),
        Found::Nothing => Ok(Loaded::Absent),
        Found::Damaged(damage) if damage.in_place => set_aside_if_still_damaged(place, damage.why),
        Found::Damaged(damage) => Err(trouble::damaged(&place.record, damage.why)),
    }
}

/// Replaces the record if it is what was expected. `last_seen` is the newest version this store knows of.
pub(super) fn save(
    place: &Place,
    record: &[u8],
    expected: &Expected,
    last_seen: Option<&Version>,
) -> Result<Saved, Unavailable> {
    refuse_what_is_no_file(place)?;
    place::create_folder(place.folder())
        .map_err(|error| trouble::io("create the folder", place.folder(), &error))?;
    let lock = Lock::take(place)?;
    let found = find_locked(place, &lock)?;
    match verdict(&found, expected, last_seen) {
        Verdict::Write => write(place, &lock, record, found).map(Saved::Done),
        Verdict::Conflict => Ok(Saved::Conflict),
        Verdict::Damaged(why) => {
            if let Found::Damaged(damage) = &found {
                // Where that fails it is found damaged again, in its place.
                let _ = set_aside(place, damage);
            }
            Err(trouble::damaged(&place.record, why))
        }
    }
}

/// Removes what a killed writer left behind, unless a writer is at it.
pub(super) fn sweep(place: &Place) {
    let temp = place.temp();
    if temp.exists() && Lock::try_take(place).is_some_and(|_lock| place::remove(&temp).is_ok()) {
        let _ = place::sync_folder(place.folder());
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

fn write(place: &Place, lock: &Lock, record: &[u8], found: Found) -> Result<Version, Unavailable> {
    if let Found::Damaged(damage) = &found {
        // Keep what could not be read, and keep the marker until the new record is there.
        set_aside(place, damage)?;
    }
    let stamp = Stamp::of(next_counter(&found, lock), record);
    let bytes = format::encode(record, &stamp);
    place::write(&place.record, &place.temp(), &bytes, || lock.write_note(&stamp))
        .map_err(|error| trouble::io("write", &place.record, &error))?;
    // Removed last: until here the marker guards the place where the record was. A marker beside a sound
    // record says nothing, so failing to remove it is no failure to save.
    let _ = place::remove(&place.marker());
    Ok(stamp.version())
}

/// Higher than any that was ever here, so that no version comes back after a removal or a repair.
fn next_counter(found: &Found, lock: &Lock) -> u64 {
    let known = match found {
        Found::Record(_, stamp) => std::slice::from_ref(stamp),
        Found::Damaged(damage) => &damage.newest,
        Found::Nothing => &[],
    };
    known.iter().chain(&lock.note()).map(|stamp| stamp.counter).max().unwrap_or(0).saturating_add(1)
}

fn set_aside_if_still_damaged(place: &Place, why: &'static str) -> Result<Loaded, Unavailable> {
    let lock = Lock::take(place).map_err(|_| trouble::damaged(&place.record, why))?;
    match find_locked(place, &lock)? {
        Found::Record(record, stamp) => Ok(Loaded::Present(Bytes::from_owner(record), stamp.version())),
        Found::Nothing => Ok(Loaded::Absent),
        Found::Damaged(damage) => {
            // Where nothing can be written it stays where it is, and is found damaged again.
            let _ = set_aside(place, &damage);
            Err(trouble::damaged(&place.record, damage.why))
        }
    }
}

/// Marker first, then the move: a crash between them leaves a damaged file, not an absent one.
fn set_aside(place: &Place, damage: &Damage) -> Result<(), Unavailable> {
    if !damage.in_place {
        return Ok(());
    }
    let marker: String = damage.newest.iter().map(|stamp| stamp.text() + "\n").collect();
    place::write(&place.marker(), &place.temp(), marker.as_bytes(), || Ok(()))
        .and_then(|()| tighten(place))
        .and_then(|()| fs::rename(&place.record, place.aside()))
        .and_then(|()| place::sync_folder(place.folder()))
        .map_err(|error| trouble::io("set aside the damaged", &place.record, &error))?;
    place::step();
    Ok(())
}

#[cfg(unix)]
fn tighten(place: &Place) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // It may hold tokens still.
    fs::set_permissions(&place.record, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn tighten(_: &Place) -> io::Result<()> {
    Ok(())
}

/// As [`find`]; of a damaged file, the lock's note too knows the newest version.
fn find_locked(place: &Place, lock: &Lock) -> Result<Found, Unavailable> {
    let mut found = find(place)?;
    if let Found::Damaged(damage) = &mut found
        && damage.in_place
    {
        let header = damage.newest.iter().map(|stamp| stamp.counter).max().unwrap_or(0);
        // A note that is older than the header (it is not synced) names no newest version.
        damage.newest.extend(lock.note().filter(|note| note.counter >= header));
    }
    Ok(found)
}

fn find(place: &Place) -> Result<Found, Unavailable> {
    if let Some(found) = find_record(place)? {
        return Ok(found);
    }
    match fs::read_to_string(place.marker()) {
        Ok(text) => Ok(Found::Damaged(marked(&text))),
        // Without a lock the record may have come back, and its marker gone, between the two looks.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(find_record(place)?.unwrap_or(Found::Nothing))
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Found::Damaged(marked(""))),
        Err(error) => Err(trouble::io("read", &place.marker(), &error)),
    }
}

fn marked(text: &str) -> Damage {
    let newest = text.lines().filter_map(Stamp::parse).collect();
    Damage { why: "it was set aside earlier", in_place: false, newest }
}

fn find_record(place: &Place) -> Result<Option<Found>, Unavailable> {
    refuse_what_is_no_file(place)?;
    let bytes = match fs::read(&place.record) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble::io("read", &place.record, &error)),
    };
    match format::decode(&bytes) {
        Decoded::Record(record, stamp) => Ok(Some(Found::Record(record, stamp))),
        Decoded::Newer(format) => Err(trouble::newer(&place.record, format)),
        Decoded::Damaged(why, stamp) => {
            Ok(Some(Found::Damaged(Damage { why, in_place: true, newest: stamp.into_iter().collect() })))
        }
    }
}

/// A folder holds no record, and reading a pipe would wait for ever.
fn refuse_what_is_no_file(place: &Place) -> Result<(), Unavailable> {
    match fs::metadata(&place.record) {
        Ok(there) if !there.is_file() => Err(trouble::no_file(&place.record)),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(trouble::io("read", &place.record, &error)),
        _ => Ok(()),
    }
}
