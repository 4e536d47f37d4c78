//! Python environments with packages from the index, each named: a lock file would name a place that they come from.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run;

/// In the environment: what was installed.
const INSTALLED: &str = "installed.txt";

/// Whether everything that is wanted now was installed.
pub(crate) fn has(venv: &Path, packages: &[&str]) -> bool {
    fs::read_to_string(venv.join(INSTALLED)).is_ok_and(|installed| installed == packages.join("\n"))
}

/// Makes it anew.
pub(crate) fn make(venv: &Path, packages: &[&str]) -> bool {
    let pip = ["install", "--quiet", "--disable-pip-version-check"];
    run::ok(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))
        && run::ok(Command::new(venv.join("bin/pip")).args(pip).args(packages))
        && fs::write(venv.join(INSTALLED), packages.join("\n")).is_ok()
}
