//! `cargo xtask bench python`: ours and the peers from PyPI, what goes wrong with each and what each costs; many sessions.

use std::path::Path;
use std::process::Command;

use super::cargo;
use crate::workspace::Workspace;
use crate::{run, venv};

const PACKAGES: &[&str] = &[
    "primp",
    "pyreqwest",
    "wreq",
    "aiohttp",
    "httpx",
    "requests",
    "requests-oauthlib",
    "Authlib",
    "google-auth",
    "maturin",
    "pytest", // our own plugin starts the server for the correctness table
];

/// Our wheel and the peers in an environment of their own; the tables go to `python/benches/results`. An
/// environment that is there is used on, so that peers stay at one version until it is removed.
pub(super) fn run(workspace: &Workspace, rest: &[String]) -> bool {
    let venv = workspace.target.join("python-bench-venv");
    let results = workspace.path("python/benches/results");
    let servers = ["build", "--release", "-p", "rekindle-bench", "-p", "rekindle-test-server"];
    std::fs::create_dir_all(&results).is_ok()
        && run::ok(cargo(workspace).args(servers))
        && install(workspace, &venv)
        && run::ok(
            script(workspace, &venv, "correctness.py").arg("--out").arg(results.join("correctness.md")),
        )
        && run::ok(script(workspace, &venv, "rest.py").arg("--out").arg(results.join("rest.md")))
        && run::ok(
            script(workspace, &venv, "speed.py")
                .arg("--server")
                .arg(workspace.target.join("release/rekindle-bench"))
                .arg("--out")
                .arg(results.join("speed.md"))
                .args(rest),
        )
}

fn install(workspace: &Workspace, venv: &Path) -> bool {
    let there = venv::has(venv, PACKAGES) || venv::make(venv, PACKAGES);
    let wheels = workspace.target.join("bench-wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    let mut build = Command::new(venv.join("bin/maturin"));
    build.args(["build", "--release", "--out"]).arg(&wheels).current_dir(workspace.path("python"));
    let mut ours = Command::new(venv.join("bin/pip"));
    ours.args(["install", "--quiet", "--disable-pip-version-check"]);
    ours.args(["--force-reinstall", "--no-deps", "--no-index", "--find-links"]);
    there && run::ok(&mut build) && run::ok(ours.arg(&wheels).arg("rekindle"))
}

fn script(workspace: &Workspace, venv: &Path, name: &str) -> Command {
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(workspace.path("python/benches").join(name));
    command.env("REKINDLE_TEST_SERVER", workspace.target.join("release/rekindle-test-server"));
    command
}
