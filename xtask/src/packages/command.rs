//! The command as one static file, and as a Debian package of it: both are tried where there is nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{emptied, files, step, target, tried};
use crate::report::Count;
use crate::run;
use crate::steps::{DENY, apt};
use crate::workspace::Workspace;

/// Its C library is linked in: the file needs nothing of the system that it runs on.
const TARGET: &str = "x86_64-unknown-linux-musl";

pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    if !run::works("musl-gcc", &["--version"]) && !apt(&["musl-tools"]) {
        return Err("there is no musl-gcc (Debian's musl-tools), which compiles the cryptography".to_owned());
    }
    target(TARGET)?;
    let mut build = Command::new("cargo");
    build.current_dir(&workspace.root);
    build.args(["build", "--locked", "--profile", "command", "-p", "rekindle-cli", "--target", TARGET]);
    step("the command does not build", build.env("CC_x86_64_unknown_linux_musl", "musl-gcc"))?;
    let out = emptied(workspace.target.join("package/command"))?;
    let program = out.join("rekindle");
    copy(&workspace.target.join(TARGET).join("command/rekindle"), &program)?;
    tried(count, "the command where there is nothing else", alone(workspace, &program)?);
    let licences = licences(workspace)?;
    let package = deb(workspace, &program, &licences, &out)?;
    let folder = emptied(workspace.target.join("package/unpacked"))?;
    let mut unpack = Command::new("dpkg-deb");
    step("the package cannot be unpacked", unpack.arg("--extract").arg(&package).arg(&folder))?;
    tried(count, "the command out of its package", alone(workspace, &folder.join("usr/bin/rekindle"))?);
    fs::write(out.join("licences.txt"), licences).map_err(|e| e.to_string())?;
    files(&out)
}

/// Whether it says its version with a folder for its whole file system in which it alone is.
fn alone(workspace: &Workspace, program: &Path) -> Result<bool, String> {
    let folder = emptied(workspace.target.join("package/root"))?;
    copy(program, &folder.join("rekindle"))?;
    let mut empty = Command::new("unshare");
    empty.args(["--map-root-user", "--root"]).arg(&folder).args(["/rekindle", "--version"]);
    let output = empty.output().map_err(|e| format!("unshare: {e}"))?;
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(output.status.success() && output.stdout.starts_with(b"rekindle "))
}

/// The licences of everything that is inside, crate by crate.
fn licences(workspace: &Workspace) -> Result<String, String> {
    let deny = DENY.find(workspace).ok_or("cargo-deny, which lists the licences, is not there")?;
    let mut list = Command::new(deny);
    let output = list.args(["--locked", "list", "--layout", "crate"]).current_dir(&workspace.root).output();
    let output = output.map_err(|e| format!("cargo-deny: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Of everything in the workspace.
fn version(workspace: &Workspace) -> Result<String, String> {
    let manifest =
        fs::read_to_string(workspace.path("Cargo.toml")).map_err(|e| format!("Cargo.toml: {e}"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    line.and_then(|rest| rest.split('"').next())
        .map(str::to_owned)
        .ok_or_else(|| "Cargo.toml has no version".to_owned())
}

fn deb(workspace: &Workspace, program: &Path, licences: &str, out: &Path) -> Result<PathBuf, String> {
    let version = version(workspace)?;
    let root = emptied(workspace.target.join("package/deb"))?;
    let documents = root.join("usr/share/doc/rekindle");
    let completions = root.join("usr/share/bash-completion/completions");
    for folder in [&documents, &completions, &root.join("usr/bin"), &root.join("DEBIAN")] {
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    }
    copy(program, &root.join("usr/bin/rekindle"))?;
    let completed =
        Command::new(program).args(["completions", "bash"]).output().map_err(|e| e.to_string())?;
    let kilobytes = fs::metadata(program).map_err(|e| e.to_string())?.len() / 1024;
    let licence = |name: &str| fs::read_to_string(workspace.path(name)).map_err(|e| format!("{name}: {e}"));
    let copyright =
        format!("MIT or Apache-2.0.\n\n{}\n{}", licence("LICENSE-MIT")?, licence("LICENSE-APACHE")?);
    for (file, text) in [
        (completions.join("rekindle"), completed.stdout),
        (documents.join("copyright"), copyright.into_bytes()),
        (documents.join("licences"), licences.as_bytes().to_vec()),
        (root.join("DEBIAN/control"), control(&version, kilobytes).into_bytes()),
    ] {
        fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    let package = out.join(format!("rekindle_{version}_amd64.deb"));
    let mut build = Command::new("dpkg-deb");
    step("dpkg-deb", build.args(["--root-owner-group", "--build"]).arg(&root).arg(&package))?;
    Ok(package)
}

fn control(version: &str, kilobytes: u64) -> String {
    format!(
        "Package: rekindle\nVersion: {version}\nArchitecture: amd64\nMaintainer: rekindle\nSection: net\nPriority: optional\n\
         Installed-Size: {kilobytes}\nDescription: keeps API sessions alive, from a shell\n \
         Sends requests with an access token, refreshes it once for all processes when it has\n \
         expired, sends again what was rejected for it, and stores the new tokens.\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|e| format!("{}: {e}", from.display()))
}
