//! The list of core's public API, so that a change of it shows as a diff.

use std::path::PathBuf;
use std::process::Command;

use crate::run;
use crate::workspace::Workspace;

pub(crate) const LIST: &str = "core/public-api.txt";

/// The compiler whose JSON the pinned reader (`public-api` in the workspace's Cargo.toml) understands. Change both together.
const TOOLCHAIN: &str = "1.95.0";

/// The list as it should be. rustdoc writes JSON on any channel if it is allowed to; only its format has to match.
pub(crate) fn render(workspace: &Workspace, _: &str) -> Result<String, String> {
    let json = rustdoc(workspace)?;
    let args = ["run", "--quiet", "--locked", "-p", "xtask-public-api", "--"];
    let mut reader = Command::new("cargo");
    reader.args(args).arg(json).current_dir(&workspace.root);
    let output = reader.output().map_err(|e| format!("cargo run -p xtask-public-api: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|e| e.to_string())
}

/// In a target folder of its own: some build scripts look at RUSTC_BOOTSTRAP, and would be built anew each time.
fn rustdoc(workspace: &Workspace) -> Result<PathBuf, String> {
    let target = workspace.target.join("public-api");
    let mut command = Command::new("cargo");
    if !is_expected("rustc", &["--version"]) {
        command.arg(format!("+{TOOLCHAIN}"));
        install(workspace)?;
    }
    command
        .args(["rustdoc", "--quiet", "--locked", "--lib", "-p", "rekindle"])
        .args(["--features", "cookies,metrics,tower,tracing,reqwest-middleware", "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        // An inherited CARGO or RUSTC would hide the other toolchain.
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(&workspace.root);
    if run::ok(&mut command) {
        Ok(target.join("doc/rekindle.json"))
    } else {
        Err("rustdoc failed, see above".into())
    }
}

/// Brings the toolchain, if that is allowed.
fn install(workspace: &Workspace) -> Result<(), String> {
    if is_expected("rustc", &[&format!("+{TOOLCHAIN}"), "--version"]) {
        return Ok(());
    }
    let args = ["toolchain", "install", TOOLCHAIN, "--profile", "minimal", "--no-self-update"];
    if workspace.install && run::ok(Command::new("rustup").args(args)) {
        return Ok(());
    }
    Err(format!(
        "needs Rust {TOOLCHAIN}: cargo xtask test --install, or rustup toolchain install {TOOLCHAIN}"
    ))
}

fn is_expected(program: &str, args: &[&str]) -> bool {
    let minor = TOOLCHAIN.trim_end_matches(".0");
    run::says(program, args).is_some_and(|version| version.starts_with(&format!("rustc {minor}.")))
}
