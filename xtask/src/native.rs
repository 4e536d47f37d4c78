//! The native library that Kotlin and Swift load: the one that tests use, and the one that is handed out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bindings::{LIBRARY, library_name};
use crate::run;
use crate::workspace::Workspace;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// Built quickly.
    ForTests,
    /// Of the profile `mobile`, without symbols: small.
    ForApps,
}

impl Native {
    /// Builds it, in a folder of its own: where it is.
    pub(crate) fn build(self, workspace: &Workspace) -> Result<PathBuf, String> {
        match self {
            Self::ForTests => {
                built(workspace, &[])?;
                Ok(workspace.target.join("debug").join(name()))
            }
            Self::ForApps => for_apps(workspace, &[]),
        }
    }
}

/// The same with further arguments for cargo: features to leave out.
pub(crate) fn for_apps(workspace: &Workspace, features: &[&str]) -> Result<PathBuf, String> {
    built(workspace, &[&["--profile", "mobile"], features].concat())?;
    let stripped = workspace.target.join("mobile/stripped").join(name());
    stripped.parent().map_or(Ok(()), fs::create_dir_all).map_err(|e| e.to_string())?;
    // What the sources are generated from are symbols: they go from a copy.
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(workspace.target.join("mobile").join(name()));
    run::ok(&mut strip).then_some(stripped).ok_or_else(|| "strip is missing: it is in binutils".to_owned())
}

fn built(workspace: &Workspace, more: &[&str]) -> Result<(), String> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workspace.root).args(LIBRARY).args(more);
    run::ok(&mut cargo).then_some(()).ok_or_else(|| "the library does not build: see above".to_owned())
}

fn name() -> String {
    library_name("rekindle_uniffi")
}

/// Its folder, for those who are told folders.
pub(crate) fn folder(library: &Path) -> &Path {
    library.parent().unwrap_or(library)
}
