//! The core without an operating system, and on Windows: it compiles for targets that nothing runs on here.

use super::toolbox::cargo;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

/// Target, and the features it is checked with beside none.
const TARGETS: &[(&str, &[&str])] =
    &[("wasm32-unknown-unknown", &[""]), ("x86_64-pc-windows-gnu", &["", "runtime,toml"])];

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    let missing: Vec<_> =
        TARGETS.iter().map(|(target, _)| *target).filter(|target| !ready(workspace, target)).collect();
    for (target, features) in TARGETS.iter().filter(|(target, _)| !missing.contains(target)) {
        for features in *features {
            if !check(workspace, target, features) {
                return Outcome::Failed(format!("{target} (features {features:?}): see above"));
            }
        }
    }
    if missing.is_empty() {
        return Outcome::Passed;
    }
    let why =
        "the standard library for it is not installed: cargo xtask test --install, or rustup target add";
    Outcome::Skipped(format!("{}: {why}", missing.join(", ")))
}

/// Whether the target's standard library is there, brought if that is allowed.
pub(super) fn ready(workspace: &Workspace, target: &str) -> bool {
    let there = || {
        let root = run::says("rustc", &["--print", "sysroot"]).unwrap_or_default();
        std::path::Path::new(&root).join("lib/rustlib").join(target).join("lib").exists()
    };
    there()
        || (workspace.install
            && run::ok(std::process::Command::new("rustup").args(["target", "add", target]))
            && there())
}

fn check(workspace: &Workspace, target: &str, features: &str) -> bool {
    let mut command = cargo(workspace);
    command.args(["check", "--locked", "-p", "rekindle", "--no-default-features", "--target", target]);
    if !features.is_empty() {
        command.args(["--features", features]);
    }
    run::ok(&mut command)
}
