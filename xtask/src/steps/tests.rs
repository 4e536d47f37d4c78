//! All Rust tests, doctests included, on one build. Without the real servers their own tests stay out.

use super::{servers, toolbox::cargo};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    let mut command = cargo(workspace);
    command.args(["test", "--workspace", "--no-fail-fast", "--locked"]);
    // The servers' environment is looked for where it was put.
    command.env("CARGO_TARGET_DIR", &workspace.target);
    if !servers::ready(workspace) {
        command.args(["--exclude", "rekindle-idp"]).env("REKINDLE_SKIP_IDP", "1");
    }
    let ok = run::watched(&mut command, |line| count.see(line));
    // Failed tests are counted by name already; no count means that something did not even build.
    if ok || count.failed > 0 { Outcome::Passed } else { Outcome::Failed("did not build or run".to_owned()) }
}
