//! What each command does.

mod bench;
mod generate;
mod package;
mod verify;

use std::process::Command;

pub(crate) use bench::bench;
pub(crate) use generate::{generate, stale};
pub(crate) use package::package;
pub(crate) use verify::verify;

use crate::report::{Count, Report};
use crate::workspace::Workspace;
use crate::{run, site, steps};

/// Every step, whatever came of the ones before; the total is the last line.
pub(crate) fn test(workspace: &Workspace, only: &[String]) -> bool {
    if let Some(unknown) = only.iter().find(|name| !steps::ALL.iter().any(|step| step.name == **name)) {
        let known: Vec<_> = steps::ALL.iter().map(|step| step.name).collect();
        eprintln!("there is no step {unknown:?}: known are {}", known.join(", "));
        return false;
    }
    let mut report = Report::new(workspace);
    for step in steps::ALL.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
    {
        println!("\n== {} ==", step.name);
        let mut count = Count::default();
        let outcome = (step.run)(workspace, &mut count);
        report.add_tests(step.name, &count);
        report.add_step(step.name, outcome);
    }
    println!();
    report.lines().iter().for_each(|line| println!("{line}"));
    report.failed() == 0
}

/// The pages of the documentation; mdBook is built first if it is not there.
pub(crate) fn docs(workspace: &Workspace) -> bool {
    let built = site::MDBOOK
        .find(workspace)
        .ok_or_else(|| "mdBook does not build: see above".to_owned())
        .and_then(|mdbook| site::build(workspace, &mdbook));
    match built {
        Ok(ref pages) => println!("{}", pages.join("index.html").display()),
        Err(ref why) => eprintln!("{why}"),
    }
    built.is_ok()
}

/// `rekindle demo`, built for speed.
pub(crate) fn demo(workspace: &Workspace, rest: &[String]) -> bool {
    let args = ["run", "--release", "-p", "rekindle-cli", "--", "demo"];
    run::ok(cargo(workspace).args(args).args(rest))
}

fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root);
    command
}
