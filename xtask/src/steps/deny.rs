//! Bans, licences and sources of what we build on. Advisories need a database that is fetched over the
//! network at the time of asking, so they are not part of a run that has to be repeatable.

use std::path::PathBuf;
use std::process::Command;

use super::toolbox::cargo;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    let Some(deny) = find(workspace) else {
        return Outcome::Skipped("cargo-deny is not installed: cargo xtask test --install".to_owned());
    };
    let args = ["--locked", "check", "bans", "licenses", "sources"];
    run::ok(Command::new(deny).args(args).current_dir(&workspace.root)).into()
}

fn find(workspace: &Workspace) -> Option<PathBuf> {
    let own = workspace.target.join("tools/bin/cargo-deny");
    if own.exists() {
        return Some(own);
    }
    if run::works("cargo-deny", &["--version"]) {
        return Some("cargo-deny".into());
    }
    (workspace.install && install(workspace)).then_some(own)
}

// Some four minutes on two cores, once.
fn install(workspace: &Workspace) -> bool {
    let tools = workspace.target.join("tools");
    let build = tools.join("build");
    let ok = run::ok(
        cargo(workspace)
            .args(["install", "cargo-deny", "--locked", "--version", VERSION, "--root"])
            .arg(&tools)
            .env("CARGO_TARGET_DIR", &build),
    );
    // Its build output is large and of no further use.
    let _ = std::fs::remove_dir_all(build);
    ok
}
