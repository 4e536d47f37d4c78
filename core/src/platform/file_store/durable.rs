//! Writes a file so that a crash leaves either the old or the new content.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::{failure, ownership};
use rekindle_proto::store::Unavailable;

/// Creates the folder and its parents, private to the user, and durably.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folder(parent)?;
    }
    match private_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(folder.parent().unwrap_or(folder)),
    }
}

/// Writes `bytes` to `path` through the file `temp`: durable when it returns Ok. `before` runs right before the
/// rename.
pub(super) fn write(
    path: &Path,
    temp: &Path,
    bytes: &[u8],
    before: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    remove(temp)?;
    step();
    let mut file = ownership::private(OpenOptions::new().write(true).create_new(true)).open(temp)?;
    step();
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| before());
    step();
    drop(file);
    let renamed = written.and_then(|()| rename(temp, path));
    if renamed.is_err() {
        // The temp file must not keep a disk full, and its bytes are a secret.
        let _ = fs::remove_file(temp);
    }
    renamed?;
    step();
    sync_folder(path.parent().unwrap_or(path))?;
    step();
    Ok(())
}

/// Overwrites the existing file with `bytes`, for a file that cannot be replaced. A reader meanwhile, or after a
/// crash, sees neither the old nor the new content, so it must be able to detect that.
pub(super) fn overwrite(path: &Path, bytes: &[u8]) -> Result<(), Unavailable> {
    let mut file = ownership::open_sole(path, OpenOptions::new().write(true))?;
    step();
    let written =
        file.write_all(bytes).and_then(|()| file.set_len(bytes.len() as u64)).and_then(|()| file.sync_all());
    step();
    written.map_err(|error| failure::io("write", path, &error))
}

/// Removes a file, if it exists.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether `path` still refers to this open file.
pub(super) fn names(path: &Path, file: &File) -> bool {
    match (fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(here)) => same(&there, &here),
        _ => false,
    }
}

#[cfg(unix)]
fn same(there: &fs::Metadata, here: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (there.dev(), there.ino()) == (here.dev(), here.ino())
}

#[cfg(not(unix))]
fn same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    // An open file cannot be replaced on that system.
    true
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

/// Makes a rename in the folder survive a power failure.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems do not support this for folders.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(test))]
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// The tests define which files are mount points.
#[cfg(test)]
pub(super) use super::tests::rename;

/// A point between two effects, at which the tests kill the process.
#[cfg(not(test))]
pub(super) fn step() {}

#[cfg(test)]
pub(super) use super::tests::step;

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn folders_are_created_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        create_folder(&folder).unwrap();
        for folder in [&folder, folder.parent().unwrap()] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_file_that_was_replaced_is_told_from_the_open_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        let file = File::create(&path).unwrap();
        assert!(names(&path, &file));
        fs::remove_file(&path).unwrap();
        assert!(!names(&path, &file));
    }
}
