//! Documentation builds, and every link in it leads somewhere.

use super::toolbox::cargo;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    let args = ["doc", "--no-deps", "--workspace", "--locked"];
    run::ok(cargo(workspace).args(args).env("RUSTDOCFLAGS", "-D warnings")).into()
}
