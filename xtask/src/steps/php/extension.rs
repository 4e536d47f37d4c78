//! The extension, as PHP loads it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::bindings::library_name;
use crate::workspace::Workspace;

/// What cargo is told, to build it: without its feature the crate is empty.
pub(super) const PACKAGE: [&str; 4] = ["-p", "rekindle-php", "--features", "rekindle-php/extension"];

/// A folder with a file of settings, which PHP reads beside those of the system: so do php-fpm and Apache.
pub(super) struct Extension(PathBuf);

impl Extension {
    pub(super) fn installed(workspace: &Workspace, profile: &str) -> Result<Self, String> {
        let folder = workspace.target.join("php-extension");
        // FFI is off: what runs then, runs through the extension.
        let settings = format!("extension={}\nffi.enable=0\n", file(workspace, profile).display());
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join("rekindle.ini"), settings))
            .map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Before the colon: where the system has its own.
    pub(super) fn load<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PHP_INI_SCAN_DIR", format!(":{}", self.0.display()))
    }
}

pub(super) fn file(workspace: &Workspace, profile: &str) -> PathBuf {
    workspace.target.join(profile).join(library_name("rekindle_php"))
}
