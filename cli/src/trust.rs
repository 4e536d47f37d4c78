//! What the user consented to: files by path and content. A file that changes has to be read again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::exit::{Done, Stop};

/// Whether the user consented to this content at this path.
pub(crate) fn is_trusted(path: &Path, text: &str) -> bool {
    folder().is_some_and(|folder| folder.join(entry(path, text)).is_file())
}

/// Remembers that the user consented.
pub(crate) fn trust(path: &Path, text: &str) -> Done {
    let folder = required_folder()?;
    create(&folder).and_then(|()| write(&folder.join(entry(path, text)), path)).map_err(|error| {
        Stop::system(&format!("{} cannot be written: see its permissions", folder.display()), &error)
    })
}

/// Forgets every consent to a file at this path.
pub(crate) fn revoke(path: &Path) -> Done<usize> {
    let Ok(entries) = fs::read_dir(required_folder()?) else { return Ok(0) };
    let shown = path.as_os_str().as_encoded_bytes();
    let of_path = |entry: &PathBuf| fs::read(entry).is_ok_and(|trusted| trusted == shown);
    let revoked = entries.flatten().map(|entry| entry.path()).filter(of_path);
    Ok(revoked.filter(|entry| fs::remove_file(entry).is_ok()).count())
}

fn entry(path: &Path, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(text);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn required_folder() -> Done<PathBuf> {
    folder().ok_or_else(|| Stop::config("there is no folder to store consent in: set HOME or XDG_DATA_HOME"))
}

fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    data.filter(|data| data.is_absolute()).map(|data| data.join("rekindle/trusted"))
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn write(entry: &Path, path: &Path) -> io::Result<()> {
    fs::File::create(entry)?.write_all(path.as_os_str().as_encoded_bytes())
}
