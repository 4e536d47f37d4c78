//! Generated parts are as `cargo xtask gen` would write them, the operating system is touched where it may be, and no files
//! import each other in a circle.

use crate::circles;
use crate::commands::stale;
use crate::platform;
use crate::report::{Count, Outcome};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    for problems in [platform::problems(workspace), circles::problems(workspace)] {
        match problems {
            Ok(problems) if problems.is_empty() => {}
            Ok(problems) => return Outcome::Failed(problems.join("\n")),
            Err(why) => return Outcome::Failed(why),
        }
    }
    match stale(workspace) {
        Ok(stale) if stale.is_empty() => Outcome::Passed,
        Ok(stale) => Outcome::Failed(format!("{} out of date: cargo xtask gen", stale.join(", "))),
        Err(why) => Outcome::Failed(why),
    }
}
