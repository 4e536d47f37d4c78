//! What several steps need.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;
use crate::workspace::Workspace;

/// The cargo that runs us, in the root of the workspace.
pub(super) fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&workspace.root);
    command
}

/// A program that cargo installs: in one version, built once for all checkouts of a user.
pub(crate) struct Tool {
    /// The package, and the program it brings.
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Further arguments of `cargo install`.
    pub(crate) arguments: &'static [&'static str],
}

impl Tool {
    /// Where it is; it is built first where that is allowed.
    pub(crate) fn find(&self, workspace: &Workspace) -> Option<PathBuf> {
        let folder = cache().map_or_else(|| workspace.target.join("tools"), |cache| cache.join("tools"));
        let folder = folder.join(format!("{}-{}", self.package, self.version));
        let own = folder.join("bin").join(format!("{}{}", self.package, std::env::consts::EXE_SUFFIX));
        if own.exists() {
            return Some(own);
        }
        let here = run::says(self.package, &["--version"]).unwrap_or_default();
        if here.ends_with(&format!(" {}", self.version)) || here.ends_with(&format!(" v{}", self.version)) {
            return Some(self.package.into());
        }
        (workspace.install && self.install(workspace, &folder)).then_some(own)
    }

    fn install(&self, workspace: &Workspace, folder: &std::path::Path) -> bool {
        let built = workspace.target.join("tools/build");
        let mut command = cargo(workspace);
        command.args(["install", self.package, "--locked", "--version", self.version, "--root"]).arg(folder);
        let ok = run::ok(command.args(self.arguments).env("CARGO_TARGET_DIR", &built));
        // Its build output is large and of no further use.
        let _ = std::fs::remove_dir_all(built);
        ok
    }
}

/// Where what is installed for all checkouts of a user is kept.
pub(crate) fn cache() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|cache| !cache.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("rekindle"))
}

/// Whether Maven and a JDK are there; they are installed first where that is allowed.
pub(super) fn maven_is_there(workspace: &Workspace) -> bool {
    let is_there = || run::works("mvn", &["--version"]) && run::works("javac", &["-version"]);
    is_there() || (workspace.install && apt(&["maven", "default-jdk-headless"]) && is_there())
}

/// Installs Debian packages. Only called where installing is allowed and something is truly missing.
pub(crate) fn apt(packages: &[&str]) -> bool {
    let update = apt_get(&["update", "-q"]);
    let mut args = vec!["install", "-qy", "--no-install-recommends"];
    args.extend_from_slice(packages);
    update && apt_get(&args)
}

/// Unpacks a Debian package into a folder, without installing it.
pub(super) fn unpack(package: &str, folder: &Path) -> bool {
    let beside = folder.with_extension("download");
    let unpacked = std::fs::create_dir_all(&beside).is_ok()
        && apt_get(&["update", "-q"])
        && run::ok(Command::new("apt-get").args(["download", "-q", package]).current_dir(&beside))
        && std::fs::read_dir(&beside).is_ok_and(|files| {
            let mut packages = files.flatten().map(|file| file.path());
            packages.any(|file| run::ok(Command::new("dpkg-deb").arg("-x").arg(file).arg(folder)))
        });
    let _ = std::fs::remove_dir_all(&beside);
    unpacked
}

fn apt_get(args: &[&str]) -> bool {
    let root = run::says("id", &["-u"]).as_deref() == Some("0");
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "apt-get"]);
    }
    run::ok(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A folder's copy, and nothing else there. What is built in it stays behind.
pub(super) fn copy_anew(from: &Path, to: &Path) -> Result<(), String> {
    match fs::remove_dir_all(to) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(format!("{}: {e}", to.display())),
        _ => copy_folder(from, to),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))?;
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        match path.is_dir() {
            true if name.to_string_lossy().starts_with('.') => {}
            true => copy_folder(&path, &to.join(name))?,
            false => copy(&path, &to.join(name))?,
        }
    }
    Ok(())
}

/// A file's copy, with the folders above it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let folder = to.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::copy(from, to)).map(drop).map_err(|e| format!("{}: {e}", from.display()))
}
