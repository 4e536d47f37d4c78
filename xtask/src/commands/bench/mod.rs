//! The benchmarks, a file for each language, and what two of them need.

mod go;
mod javascript;
mod kotlin;
mod mobile;
mod php;
mod python;
mod swift;

use super::cargo;
use crate::run;
use crate::workspace::Workspace;

const USAGE: &str = "cargo xtask bench [python|go|javascript|kotlin|php|swift] ..: further arguments go to the benchmarks; \
                     those in Rust take --quick, and only requests|token|waiters|rest|outage";

/// What [`USAGE`] says.
pub(crate) fn bench(workspace: &Workspace, rest: &[String]) -> bool {
    match rest {
        [.., word] if word == "--help" || word == "-h" => {
            println!("{USAGE}");
            true
        }
        [word, rest @ ..] if word == "python" => python::run(workspace, rest),
        [word, rest @ ..] if word == "go" => go::run(workspace, rest),
        [word, rest @ ..] if word == "javascript" => javascript::run(workspace, rest),
        [word, rest @ ..] if word == "kotlin" => kotlin::run(workspace, rest),
        [word, rest @ ..] if word == "php" => php::run(workspace, rest),
        [word, rest @ ..] if word == "swift" => swift::run(workspace, rest),
        rest => rust(workspace, rest),
    }
}

fn rust(workspace: &Workspace, rest: &[String]) -> bool {
    // The command's size is one of the figures.
    run::ok(cargo(workspace).args(["build", "--profile", "command", "-p", "rekindle-cli"]))
        && run::ok(cargo(workspace).args(["run", "--release", "-p", "rekindle-bench", "--"]).args(rest))
}
