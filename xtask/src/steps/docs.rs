//! Documentation builds, every link in it leads somewhere, and every file that a document names is there.

use super::toolbox::cargo;
use crate::documents;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    match documents::problems(workspace) {
        Ok(problems) if problems.is_empty() => {}
        Ok(problems) => return Outcome::Failed(problems.join("\n")),
        Err(why) => return Outcome::Failed(why),
    }
    let args = ["doc", "--no-deps", "--workspace", "--locked"];
    run::ok(cargo(workspace).args(args).env("RUSTDOCFLAGS", "-D warnings")).into()
}
