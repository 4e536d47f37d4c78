//! The crates as a registry would get them: each is built out of its own archive alone.

use std::path::PathBuf;
use std::process::Command;

use super::{files, tried};
use crate::report::Count;
use crate::run;
use crate::workspace::Workspace;

/// Those that others may depend on. The command carries the scripted server of its demo, and is handed out as a program.
const CRATES: [&str; 2] = ["rekindle-proto", "rekindle"];

pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workspace.root).args(["package", "--locked", "--allow-dirty"]);
    for name in CRATES {
        cargo.args(["-p", name]);
    }
    tried(count, "a crate out of its archive", run::ok(&mut cargo));
    let made = files(&workspace.target.join("package"))?;
    Ok(made.into_iter().filter(|file| file.extension().is_some_and(|e| e == "crate")).collect())
}
