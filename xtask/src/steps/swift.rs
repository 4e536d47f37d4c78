//! The Swift package: its tests on a real compiler.

mod counting;
mod toolchain;

use std::process::Command;

use self::counting::Counting;
use self::toolchain::Toolchain;
use super::toolbox::cargo;
use crate::house::House;
use crate::report::{Count, Outcome};
use crate::run;

pub(super) fn run(house: &House, count: &mut Count) -> Outcome {
    let swift = match Toolchain::find(house) {
        Ok(swift) => swift,
        Err(outcome) => return outcome,
    };
    match check(house, &swift, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn check(house: &House, swift: &Toolchain, count: &mut Count) -> Result<(), String> {
    let libraries = ["-p", "rekindle-uniffi", "-p", "rekindle-test-server"];
    step("the library does not build", cargo(house).args(["build", "--locked"]).args(libraries))?;
    test(house, swift, count)
}

fn test(house: &House, swift: &Toolchain, count: &mut Count) -> Result<(), String> {
    let before = count.failed;
    let mut command = swift.swift(house, &house.path("bindings/swift"));
    command.args(["test", "--disable-sandbox", "--scratch-path"]).arg(house.target.join("swift"));
    command.env("REKINDLE_LIBRARY_DIR", house.target.join("debug"));
    command.env("REKINDLE_TEST_SERVER", house.target.join("debug/rekindle-test-server"));
    let mut counting = Counting::default();
    // Failed tests are counted by name; no count means that it did not even build.
    let ok = run::watched(&mut command, |line| counting.see(line, count));
    if ok || count.failed > before { Ok(()) } else { Err("swift test did not run: see above".to_owned()) }
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
