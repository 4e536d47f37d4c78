//! The npm package beside others: speed, and what each does where it is hard.

use std::process::Command;

use crate::run;
use crate::steps;
use crate::workspace::Workspace;

/// `--quick`: a third of the rounds.
pub(super) fn run(workspace: &Workspace, rest: &[String]) -> bool {
    let folder = workspace.path("bindings/javascript");
    if !folder.join("node_modules").exists() {
        eprintln!("bench javascript: cargo xtask test --install javascript fetches what it is compared with");
        return false;
    }
    if let Err(why) = steps::make_javascript(workspace) {
        eprintln!("bench javascript: {why}");
        return false;
    }
    run::ok(Command::new("node").args(["--expose-gc", "bench/main.mjs"]).args(rest).current_dir(folder))
}
