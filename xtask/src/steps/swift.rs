//! The Swift package: packed as it is handed out, used by programs that see nothing but that package, and its tests on a
//! real compiler.

mod apple;
mod counting;
mod package;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

use self::counting::Counting;
pub(crate) use self::toolchain::Toolchain;
use super::toolbox::cargo;
use crate::bindings::library_name;
use crate::house::House;
use crate::native::{Native, folder};
use crate::report::{Count, Outcome};
use crate::run;

pub(super) fn run(house: &House, count: &mut Count) -> Outcome {
    let swift = match Toolchain::find(house) {
        Ok(swift) => swift,
        Err(outcome) => return outcome,
    };
    let packed = house.target.join("swift-package/rekindle");
    match check(house, &swift, Native::ForTests, &packed, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// The package that is handed out, with the library for Linux; tried as the tests try it.
pub(crate) fn package(house: &House, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    let swift = Toolchain::find(house).map_err(|why| why.to_string())?;
    let packed = house.target.join("package/swift/rekindle");
    check(house, &swift, Native::ForApps, &packed, count)?;
    Ok(vec![packed.join("lib").join(library_name("rekindle_uniffi"))])
}

fn check(
    house: &House,
    swift: &Toolchain,
    native: Native,
    packed: &Path,
    count: &mut Count,
) -> Result<(), String> {
    let library = native.build(house)?;
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(house).args(server))?;
    lint(house, swift)?;
    package::pack(house, &library, packed)?;
    let programs = consume(house, swift, packed)?;
    let built = house.target.join("swift");
    test(house, swift, &built, &library, &programs, count)?;
    apple::check(house, swift, &built)
}

/// The form, and a comment on all that is public; what is generated has its own.
fn lint(house: &House, swift: &Toolchain) -> Result<(), String> {
    let mut command = swift.swift(house, &house.path("bindings/swift"));
    command.args([
        "format",
        "lint",
        "--strict",
        "--parallel",
        "--recursive",
        "--configuration",
        ".swift-format",
    ]);
    command.args(["Package.swift", "Sources/Rekindle", "Tests", "../../examples/swift"]);
    step("swift format", &mut command)
}

/// Builds the examples outside of the repository's tree, from the packed package alone. Where they are.
fn consume(house: &House, swift: &Toolchain, packed: &Path) -> Result<PathBuf, String> {
    let consumer = house.target.join("swift-consumer");
    package::copy_anew(&house.path("examples/swift"), &consumer)?;
    let scratch = house.target.join("swift-consumer-build");
    let mut command = swift.swift(house, &consumer);
    command.args(["build", "--disable-sandbox", "--scratch-path"]).arg(&scratch);
    command.env("REKINDLE_PACKAGE", packed);
    step("the examples do not build from the packed package", &mut command)?;
    Ok(scratch.join("debug"))
}

fn test(
    house: &House,
    swift: &Toolchain,
    built: &Path,
    library: &Path,
    programs: &Path,
    count: &mut Count,
) -> Result<(), String> {
    let before = count.failed;
    let mut command = swift.swift(house, &house.path("bindings/swift"));
    command.args(["test", "--disable-sandbox", "--scratch-path"]).arg(built);
    command.env("REKINDLE_LIBRARY_DIR", folder(library));
    command.env("REKINDLE_TEST_SERVER", house.target.join("debug/rekindle-test-server"));
    command.env("REKINDLE_EXAMPLES", programs);
    let mut counting = Counting::default();
    // Failed tests are counted by name; no count means that it did not even build.
    let ok = run::watched(&mut command, |line| counting.see(line, count));
    if ok || count.failed > before { Ok(()) } else { Err("swift test did not run: see above".to_owned()) }
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
