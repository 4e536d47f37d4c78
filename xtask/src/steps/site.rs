//! The pages of the documentation are made, and their links lead somewhere.

use crate::report::{Count, Outcome};
use crate::site;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, _: &mut Count) -> Outcome {
    let Some(mdbook) = site::MDBOOK.find(workspace) else {
        return Outcome::Skipped("mdBook is not installed: cargo xtask test --install".to_owned());
    };
    match site::build(workspace, &mdbook) {
        Ok(_) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}
