//! What is handed out beside the languages' own packages: the command, wheels for several systems, and crates.

mod command;
mod crates;
mod wheels;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use command::package as command;
pub(crate) use crates::package as crates;
pub(crate) use wheels::package as wheels;

use crate::report::Count;
use crate::run;

/// An empty folder for what is made.
fn emptied(folder: PathBuf) -> Result<PathBuf, String> {
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

/// Has rustup bring the standard library of a target, if it is not there.
fn target(name: &str) -> Result<(), String> {
    let installed = run::says("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    if installed.lines().any(|line| line == name) {
        return Ok(());
    }
    step(&format!("rustup has no {name}"), Command::new("rustup").args(["target", "add", name]))
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}

/// Counts a trial of what was made.
fn tried(count: &mut Count, what: &str, worked: bool) {
    if worked {
        count.passed += 1;
    } else {
        count.failed += 1;
        println!("failed: {what}");
    }
}

/// The files of a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}
