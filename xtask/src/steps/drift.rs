//! Generated parts are as `cargo xtask gen` would write them, the operating system is touched where it may be, no files import
//! each other in a circle, and the files that ARCHITECTURE.md names are there.

use crate::architecture;
use crate::circles;
use crate::commands::stale;
use crate::platform;
use crate::report::{Count, Outcome};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    let checks = [platform::problems, circles::problems, architecture::problems];
    for problems in checks.map(|check| check(workspace)) {
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
