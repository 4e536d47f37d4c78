//! Drift, circles among files, and rules that nothing shows.

use std::fs;

use super::stale;
use crate::circles;
use crate::platform;
use crate::rules::{self, Spec};
use crate::workspace::Workspace;

/// Lists every rule with its cases; false where one has neither case nor reason, or a file is stale.
pub(crate) fn verify(workspace: &Workspace) -> bool {
    match problems(workspace) {
        Ok(problems) => {
            problems.iter().for_each(|p| eprintln!("{p}"));
            problems.is_empty()
        }
        Err(why) => {
            eprintln!("{why}");
            false
        }
    }
}

fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(workspace.path("SPEC.md")).map_err(|e| format!("SPEC.md: {e}"))?;
    let spec = Spec::parse(&text);
    let cases = rules::find_cases(&workspace.root)?;
    for rule in &spec.rules {
        let shown = cases.get(rule).map_or(0, |c| c.len());
        println!("{rule}: {shown} cases{}", spec.reasons.get(rule).map_or("", |_| ", reason written"));
    }
    let mut problems = spec.problems(&cases);
    problems.extend(stale(workspace)?.iter().map(|path| format!("{path} is out of date: cargo xtask gen")));
    problems.extend(platform::problems(workspace)?);
    problems.extend(circles::problems(workspace)?);
    Ok(problems)
}
