//! Generated parts are as `cargo xtask gen` would write them, and the operating system is touched where it may be.

use crate::commands;
use crate::platform;
use crate::report::{Count, Outcome};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    match platform::problems(workspace) {
        Ok(problems) if problems.is_empty() => {}
        Ok(problems) => return Outcome::Failed(problems.join("\n")),
        Err(why) => return Outcome::Failed(why),
    }
    match commands::stale(workspace) {
        Ok(stale) if stale.is_empty() => Outcome::Passed,
        Ok(stale) => Outcome::Failed(format!("{} out of date: cargo xtask gen", stale.join(", "))),
        Err(why) => Outcome::Failed(why),
    }
}
