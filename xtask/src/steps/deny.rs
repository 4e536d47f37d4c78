//! Bans, licences and sources of what we build on; advisories where their database is at hand. It is not fetched: a
//! run has to be repeatable, and a release fetches it (RELEASING.md).

use std::path::{Path, PathBuf};
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
    let others = run::ok(Command::new(&deny).args(args).current_dir(&workspace.root));
    (advisories(workspace, &deny) && others).into()
}

fn advisories(workspace: &Workspace, deny: &Path) -> bool {
    if !database().is_some_and(|folder| folder.is_dir()) {
        println!("advisories are not checked: there is no database; cargo deny check advisories fetches it");
        return true;
    }
    let args = ["--locked", "check", "--disable-fetch", "advisories"];
    run::ok(Command::new(deny).args(args).current_dir(&workspace.root))
}

/// Where cargo-deny keeps it.
fn database() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.map(|home| home.join("advisory-dbs"))
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
