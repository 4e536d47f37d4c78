//! Bans, licences and sources of what we build on; advisories where their database is at hand. It is not fetched: a
//! run has to be repeatable, and a release fetches it (RELEASING.md).

use std::path::{Path, PathBuf};
use std::process::Command;

use super::toolbox::Tool;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

// Some four minutes on two cores, once.
pub(crate) const DENY: Tool = Tool { package: "cargo-deny", version: "0.20.2", arguments: &[] };

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    let Some(deny) = DENY.find(workspace) else {
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
