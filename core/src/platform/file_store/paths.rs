//! The paths of the record's file and of the files beside it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The paths of the record and of the files beside it.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) record: PathBuf,
}

impl Paths {
    /// Follows links once, so that two names of one file share its lock and its identity.
    pub(super) fn new(path: &Path) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { record: canonical(&follow(absolute)) }
    }

    pub(super) fn folder(&self) -> &Path {
        self.record.parent().unwrap_or(Path::new("/"))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.beside(".lock")
    }

    /// One name is enough, because only the holder of the lock writes it. No other program uses this name.
    pub(super) fn temp(&self) -> PathBuf {
        self.beside(".rekindle-tmp")
    }

    /// Marks that a damaged record was set aside.
    pub(super) fn marker(&self) -> PathBuf {
        self.beside(".damaged")
    }

    /// The first free name to set a damaged record aside.
    pub(super) fn aside(&self) -> PathBuf {
        let name = |n: u32| self.beside(&format!(".damaged-{n}"));
        (1..u32::MAX).map(name).find(|path| !exists(path)).unwrap_or_else(|| name(u32::MAX))
    }

    pub(super) fn owner(&self, owner: &str) -> PathBuf {
        self.beside(&format!(".owner-{owner}"))
    }

    /// Where a client's registration is kept.
    pub(super) fn client(&self) -> Self {
        Self { record: self.beside(".client") }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.record);
        name.push(suffix);
        PathBuf::from(name)
    }
}

fn follow(mut path: PathBuf) -> PathBuf {
    // The limit of Linux; a loop is reported when the file is opened.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    path
}

/// The canonical form of the existing part, followed by the rest unchanged.
fn canonical(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(canonical), ..) => canonical,
        (Err(_), Some(parent), Some(name)) => canonical(parent).join(name),
        (Err(_), ..) => path.to_owned(),
    }
}

fn exists(path: &Path) -> bool {
    // A dangling link also exists, and a path that cannot be inspected is not free.
    !matches!(fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_to_one_place_even_before_the_file_exists() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink(&real, home.path().join("folder")).unwrap();
        symlink("folder/session", home.path().join("link")).unwrap();
        let expected = fs::canonicalize(&real).unwrap().join("session");
        assert_eq!(Paths::new(&home.path().join("link")).record, expected);
        assert_eq!(Paths::new(&home.path().join("folder/session")).record, expected);
    }

    #[test]
    fn a_loop_of_links_ends() {
        let home = tempfile::tempdir().unwrap();
        symlink("b", home.path().join("a")).unwrap();
        symlink("a", home.path().join("b")).unwrap();
        Paths::new(&home.path().join("a"));
    }
}
