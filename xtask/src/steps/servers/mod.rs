//! The runtimes of the real servers in `tests/idp`: npm packages, a Python environment, Keycloak, and a browser for their
//! pages.

mod keycloak;

use std::fs;
use std::path::Path;
use std::process::Command;

use super::toolbox::apt;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const NODE: u32 = 20;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    if ready(workspace) {
        return Outcome::Passed;
    }
    if !workspace.install {
        return Outcome::Skipped("they are not installed: cargo xtask test --install".to_owned());
    }
    let done = node(workspace).and_then(|()| python(workspace)).and_then(|()| keycloak::install(workspace));
    match done.and_then(|()| browser()) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// Whether everything is there, and as the locked versions say.
pub(crate) fn ready(workspace: &Workspace) -> bool {
    let packages = places(workspace).iter().all(|(wanted, stamp)| same(wanted, stamp));
    packages && keycloak::is_there(workspace) && browser_is_there()
}

// What was installed is told by a copy of the file that it was installed from.
fn places(workspace: &Workspace) -> [(std::path::PathBuf, std::path::PathBuf); 2] {
    let node = workspace.path("tests/idp/node");
    [
        (node.join("package-lock.json"), node.join("node_modules/.installed-from")),
        (
            workspace.path("tests/idp/python/requirements.txt"),
            workspace.target.join("idp-venv/.installed-from"),
        ),
    ]
}

fn same(wanted: &Path, stamp: &Path) -> bool {
    matches!((fs::read(wanted), fs::read(stamp)), (Ok(a), Ok(b)) if a == b)
}

fn stamp((wanted, stamp): &(std::path::PathBuf, std::path::PathBuf)) -> Result<(), String> {
    fs::copy(wanted, stamp).map(drop).map_err(|e| format!("{}: {e}", stamp.display()))
}

fn node(workspace: &Workspace) -> Result<(), String> {
    let place = &places(workspace)[0];
    if same(&place.0, &place.1) {
        return Ok(());
    }
    if !(run::works("node", &["--version"]) && run::works("npm", &["--version"])) {
        apt(&["nodejs", "npm"]);
    }
    node_is_new_enough()?;
    // Packages bring no scripts that these servers need.
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    if run::ok(Command::new("npm").args(args).current_dir(workspace.path("tests/idp/node"))) {
        stamp(place)
    } else {
        Err("npm ci failed".to_owned())
    }
}

fn node_is_new_enough() -> Result<(), String> {
    let version = run::says("node", &["--version"]).unwrap_or_default();
    let major: Option<u32> = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    match major {
        Some(major) if major >= NODE => Ok(()),
        _ => Err(format!("Node {NODE} or newer is needed, found {version:?}")),
    }
}

fn browser_is_there() -> bool {
    run::works("chromium", &["--version"])
}

fn browser() -> Result<(), String> {
    if !browser_is_there() {
        apt(&["chromium"]);
    }
    if browser_is_there() {
        Ok(())
    } else {
        Err("there is no Chromium, and it could not be installed".to_owned())
    }
}

fn python(workspace: &Workspace) -> Result<(), String> {
    let place = &places(workspace)[1];
    if same(&place.0, &place.1) {
        return Ok(());
    }
    // Debian splits these two modules off into a package of their own.
    if !run::works("python3", &["-c", "import ensurepip, venv"]) {
        apt(&["python3", "python3-venv"]);
    }
    let venv = workspace.target.join("idp-venv");
    let made = run::ok(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let args = ["install", "--quiet", "--disable-pip-version-check", "-r"];
    if made && run::ok(Command::new(venv.join("bin/pip")).args(args).arg(&place.0)) {
        stamp(place)
    } else {
        Err("the Python environment could not be made".to_owned())
    }
}
