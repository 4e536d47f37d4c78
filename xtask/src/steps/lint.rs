//! Format and clippy.

use super::toolbox::cargo;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

pub(super) fn format(workspace: &Workspace, _: &mut Count) -> Outcome {
    run::ok(cargo(workspace).args(["fmt", "--all", "--check"])).into()
}

pub(super) fn clippy(workspace: &Workspace, _: &mut Count) -> Outcome {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run::ok(cargo(workspace).args(args)).into()
}
