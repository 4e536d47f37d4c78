//! `cargo xtask bench swift`: what goes wrong with rekindle and with what is common, and what each costs. Written to
//! `benches/results/swift.md`. What an app carries is in Kotlin's.

use std::path::PathBuf;
use std::process::Command;

use super::mobile;
use crate::steps::Toolchain;
use crate::workspace::Workspace;

const RESULTS: &str = "benches/results/swift.md";
const PACKAGE: &str = "bindings/swift";

/// The arguments after `swift`: parts to run; none: all.
pub(super) fn run(workspace: &Workspace, parts: &[String]) -> bool {
    mobile::report(workspace, RESULTS, parts, |wanted| measured(workspace, wanted))
}

fn measured(workspace: &Workspace, wanted: &dyn Fn(&str) -> bool) -> Result<String, String> {
    let swift = Toolchain::find(workspace).map_err(|why| why.to_string())?;
    let compare = Compare { workspace, swift };
    compare.build()?;
    let mut text = "# rekindle for Swift, measured\n\nWritten by `cargo xtask bench swift`.\n".to_owned();
    if wanted("correctness") {
        let table = mobile::said(compare.program().arg("correctness"))?;
        text += &format!("\n## What goes wrong\n\n{table}\n{}", mobile::CORRECTNESS);
    }
    if wanted("speed") {
        let table = mobile::serving(workspace, |url| mobile::said(compare.program().args(["speed", url])))?;
        text += &format!("\n## What it costs\n\n{table}\n{}", mobile::SPEED);
    }
    Ok(text + &format!("\n{}; {}\n", compare.version()?, mobile::machine()))
}

struct Compare<'a> {
    workspace: &'a Workspace,
    swift: Toolchain,
}

impl Compare<'_> {
    fn build(&self) -> Result<(), String> {
        let mut build = self.swift.swift(self.workspace, &self.workspace.path(PACKAGE));
        build.args(["build", "--configuration", "release", "--product", "Compare", "--disable-sandbox"]);
        build.arg("--scratch-path").arg(self.scratch());
        build.env("REKINDLE_LIBRARY_DIR", self.workspace.target.join("release"));
        mobile::built(self.workspace, &mut build)
    }

    fn scratch(&self) -> PathBuf {
        self.workspace.target.join("swift-bench")
    }

    fn program(&self) -> Command {
        let built = self.scratch().join("release/Compare");
        let mut program = self.swift.program(self.workspace, &self.workspace.path(PACKAGE), &built);
        program.env("REKINDLE_TEST_SERVER", self.workspace.target.join("release/rekindle-test-server"));
        program
    }

    fn version(&self) -> Result<String, String> {
        let mut swift = self.swift.swift(self.workspace, &self.workspace.path(PACKAGE));
        let told = mobile::said(swift.arg("--version"))?;
        let at = told.find("Swift version").unwrap_or_default();
        Ok(told[at..].split(" (").next().unwrap_or_default().trim().to_owned())
    }
}
