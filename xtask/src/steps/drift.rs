//! Generated parts are as `cargo xtask gen` would write them.

use crate::commands;
use crate::report::{Count, Outcome};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    match commands::stale(workspace) {
        Ok(stale) if stale.is_empty() => Outcome::Passed,
        Ok(stale) => Outcome::Failed(format!("{} out of date: cargo xtask gen", stale.join(", "))),
        Err(why) => Outcome::Failed(why),
    }
}
