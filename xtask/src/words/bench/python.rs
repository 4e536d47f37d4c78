//! `cargo xtask bench python`: ours and the peers from PyPI, what goes wrong with each and what each costs.

use std::path::Path;
use std::process::Command;

use super::cargo;
use crate::house::House;
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
pub(super) fn run(house: &House, rest: &[String]) -> bool {
    let venv = house.target.join("python-bench-venv");
    let results = house.path("python/benches/results");
    let servers = ["build", "--release", "-p", "rekindle-bench", "-p", "rekindle-test-server"];
    std::fs::create_dir_all(&results).is_ok()
        && run::ok(cargo(house).args(servers))
        && install(house, &venv)
        && run::ok(script(house, &venv, "correctness.py").arg("--out").arg(results.join("correctness.md")))
        && run::ok(
            script(house, &venv, "speed.py")
                .arg("--server")
                .arg(house.target.join("release/rekindle-bench"))
                .arg("--out")
                .arg(results.join("speed.md"))
                .args(rest),
        )
}

fn install(house: &House, venv: &Path) -> bool {
    let there = venv::has(venv, PACKAGES) || venv::make(venv, PACKAGES);
    let wheels = house.target.join("bench-wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    let mut build = Command::new(venv.join("bin/maturin"));
    build.args(["build", "--release", "--out"]).arg(&wheels).current_dir(house.path("python"));
    let mut ours = Command::new(venv.join("bin/pip"));
    ours.args(["install", "--quiet", "--disable-pip-version-check"]);
    ours.args(["--force-reinstall", "--no-deps", "--no-index", "--find-links"]);
    there && run::ok(&mut build) && run::ok(ours.arg(&wheels).arg("rekindle"))
}

fn script(house: &House, venv: &Path, name: &str) -> Command {
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(house.path("python/benches").join(name));
    command.env("REKINDLE_TEST_SERVER", house.target.join("release/rekindle-test-server"));
    command
}
