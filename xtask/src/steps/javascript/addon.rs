//! The file store for Node, Bun and Deno, as an addon.

use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::path::PathBuf;

use super::{package_folder, step};
use crate::steps::toolbox::cargo;
use crate::workspace::Workspace;

/// Its package, beside the main one's sources.
pub(super) const PACKAGE: &str = "file-store";

/// Builds it for this machine, and puts it into its package. `small`: as it is handed out.
pub(super) fn build(workspace: &Workspace, small: bool) -> Result<PathBuf, String> {
    let (profile, folder) = if small { ("addon", "addon") } else { ("dev", "debug") };
    let mut command = cargo(workspace);
    command.args(["build", "--locked", "-p", "rekindle-node", "--profile", profile]);
    step("the addon does not build", &mut command)?;
    let built = workspace.target.join(folder).join(format!("{DLL_PREFIX}rekindle_node{DLL_SUFFIX}"));
    let to = package_folder(workspace).join(PACKAGE).join(name());
    // Replaced, not written over: a process may have it loaded.
    let _ = fs::remove_file(&to);
    fs::copy(&built, &to).map_err(|e| format!("{}: {e}", built.display()))?;
    Ok(to)
}

/// As `index.cjs` there looks for it: by the names of Node.
fn name() -> String {
    let system = match OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let libc = match (OS, cfg!(target_env = "musl")) {
        ("linux", true) => "-musl",
        ("linux", false) => "-gnu",
        _ => "",
    };
    format!("rekindle-{system}-{processor}{libc}.node")
}
