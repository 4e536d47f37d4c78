//! Where things lie, and what may be changed.

use std::path::{Path, PathBuf};

/// The repository, and how far a run may go.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Build output, tools and environments: all that is installed lies in here or is git-ignored.
    pub(crate) target: PathBuf,
    /// In CI nothing may be skipped.
    pub(crate) ci: bool,
    /// Whether missing tools may be installed. Without it nothing outside the repository is changed.
    pub(crate) install: bool,
}

impl Workspace {
    pub(crate) fn new(install: bool) -> Self {
        let ci = std::env::var("CI").as_deref() == Ok("true");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default();
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |t| root.join(t));
        Self { root, target, ci, install: install || ci }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }
}
