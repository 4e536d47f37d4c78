//! Opens only the user's own files: never through a link, never another user's file (spec 7.8).

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

pub(super) use self::system::private;
use self::system::{is_root, links, no_links, other_owner, own_id, writable_for_others};
use super::failure;
use rekindle_proto::store::Unavailable;

/// No record is larger: a larger file is not read.
pub(super) const RECORD_MAX: u64 = 1024 * 1024;

/// Opens one of our files: a regular file that belongs to this user, not through a link.
pub(super) fn open(path: &Path, options: &mut OpenOptions) -> Result<File, Unavailable> {
    let file = no_links(private(options)).open(path).map_err(|error| not_opened(path, &error))?;
    let there = file.metadata().map_err(|error| failure::io("read", path, &error))?;
    check(path, &there)?;
    Ok(file)
}

/// Opens a file that is written through its open handle: it must have no hard link, whose content would change, too.
pub(super) fn open_sole(path: &Path, options: &mut OpenOptions) -> Result<File, Unavailable> {
    let file = open(path, options)?;
    match file.metadata() {
        Ok(there) if links(&there) > 1 => Err(failure::hard_links(path)),
        Ok(_) => Ok(file),
        Err(error) => Err(failure::io("read", path, &error)),
    }
}

/// The bytes of one of our files; `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Unavailable> {
    let there = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure::io("read", path, &error)),
        Ok(there) => there,
    };
    // Checked before the file is opened: another user's file may not be readable, and opening a pipe has effects.
    check(path, &there)?;
    let file = open(path, OpenOptions::new().read(true))?;
    let length = file.metadata().map_or(0, |there| there.len());
    if length > RECORD_MAX {
        return Err(failure::too_large(path));
    }
    // Allocated with the file's length: a growing buffer leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    let read = file.take(RECORD_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| failure::io("read", path, &error))?;
    if bytes.len() as u64 > RECORD_MAX {
        return Err(failure::too_large(path));
    }
    Ok(Some(bytes))
}

/// A file that root creates in another user's folder would lock that user out.
pub(super) fn check_folder(folder: &Path) -> Result<(), Unavailable> {
    let nearest = folder.ancestors().find_map(|one| std::fs::metadata(one).ok());
    match nearest.and_then(|there| other_owner(&there)) {
        Some(owner) if is_root() => Err(failure::roots_own(folder, owner)),
        _ => Ok(()),
    }
}

fn not_opened(path: &Path, error: &io::Error) -> Unavailable {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => failure::link(path),
        Ok(there) => check(path, &there).err().unwrap_or_else(|| failure::io("open", path, error)),
        Err(_) => failure::io("open", path, error),
    }
}

fn check(path: &Path, there: &Metadata) -> Result<(), Unavailable> {
    if there.is_symlink() {
        return Err(failure::link(path));
    }
    if !there.is_file() {
        return Err(failure::no_file(path));
    }
    if let Some(owner) = other_owner(there) {
        return Err(failure::other_owner(path, owner, own_id()));
    }
    match writable_for_others(there) {
        Some(mode) => Err(failure::writable_for_others(path, mode)),
        None => Ok(()),
    }
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

    use rustix::fs::OFlags;

    use super::{Metadata, OpenOptions};

    /// Only the user may read files that are created with these options.
    pub(in super::super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600)
    }

    /// Also does not block on the other end of a pipe.
    pub(super) fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
    }

    pub(super) fn links(there: &Metadata) -> u64 {
        there.nlink()
    }

    pub(super) fn own_id() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    pub(super) fn is_root() -> bool {
        own_id() == 0
    }

    pub(super) fn other_owner(there: &Metadata) -> Option<u32> {
        (there.uid() != own_id()).then(|| there.uid())
    }

    pub(super) fn writable_for_others(there: &Metadata) -> Option<u32> {
        let mode = there.mode() & 0o7777;
        (mode & 0o022 != 0).then_some(mode)
    }
}

/// On that system, access lists protect files, not owners and modes.
#[cfg(not(unix))]
mod system {
    use super::{Metadata, OpenOptions};

    pub(in super::super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn links(_: &Metadata) -> u64 {
        1
    }

    pub(super) fn own_id() -> u32 {
        0
    }

    pub(super) fn is_root() -> bool {
        false
    }

    pub(super) fn other_owner(_: &Metadata) -> Option<u32> {
        None
    }

    pub(super) fn writable_for_others(_: &Metadata) -> Option<u32> {
        None
    }
}
