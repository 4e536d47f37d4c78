//! `cargo xtask bench swift`: what goes wrong with rekindle and with what is common, and what each costs. Written to
//! `benches/results/swift.md`. What an app carries is in Kotlin's.

use std::path::PathBuf;
use std::process::Command;

use super::mobile;
use crate::house::House;
use crate::steps::Toolchain;

const RESULTS: &str = "benches/results/swift.md";
const PACKAGE: &str = "bindings/swift";

/// The words after `swift`: parts to run; none: all.
pub(super) fn run(house: &House, parts: &[String]) -> bool {
    mobile::report(house, RESULTS, parts, |wanted| measured(house, wanted))
}

fn measured(house: &House, wanted: &dyn Fn(&str) -> bool) -> Result<String, String> {
    let swift = Toolchain::find(house).map_err(|why| why.to_string())?;
    let compare = Compare { house, swift };
    compare.build()?;
    let mut text = "# rekindle for Swift, measured\n\nWritten by `cargo xtask bench swift`.\n".to_owned();
    if wanted("correctness") {
        let table = mobile::said(compare.program().arg("correctness"))?;
        text += &format!("\n## What goes wrong\n\n{table}\n{}", mobile::CORRECTNESS);
    }
    if wanted("speed") {
        let table = mobile::serving(house, |url| mobile::said(compare.program().args(["speed", url])))?;
        text += &format!("\n## What it costs\n\n{table}\n{}", mobile::SPEED);
    }
    Ok(text + &format!("\n{}; {}\n", compare.version()?, mobile::machine()))
}

struct Compare<'a> {
    house: &'a House,
    swift: Toolchain,
}

impl Compare<'_> {
    fn build(&self) -> Result<(), String> {
        let mut build = self.swift.swift(self.house, &self.house.path(PACKAGE));
        build.args(["build", "--configuration", "release", "--product", "Compare", "--disable-sandbox"]);
        build.arg("--scratch-path").arg(self.scratch());
        build.env("REKINDLE_LIBRARY_DIR", self.house.target.join("release"));
        mobile::built(self.house, &mut build)
    }

    fn scratch(&self) -> PathBuf {
        self.house.target.join("swift-bench")
    }

    fn program(&self) -> Command {
        let built = self.scratch().join("release/Compare");
        let mut program = self.swift.program(self.house, &self.house.path(PACKAGE), &built);
        program.env("REKINDLE_TEST_SERVER", self.house.target.join("release/rekindle-test-server"));
        program
    }

    fn version(&self) -> Result<String, String> {
        let mut swift = self.swift.swift(self.house, &self.house.path(PACKAGE));
        let told = mobile::said(swift.arg("--version"))?;
        let at = told.find("Swift version").unwrap_or_default();
        Ok(told[at..].split(" (").next().unwrap_or_default().trim().to_owned())
    }
}
