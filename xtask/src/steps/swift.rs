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
use super::toolbox::{cargo, copy_anew};
use crate::bindings::library_name;
use crate::native::{Native, folder};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    let swift = match Toolchain::find(workspace) {
        Ok(swift) => swift,
        Err(outcome) => return outcome,
    };
    let packed = workspace.target.join("swift-package/rekindle");
    match check(workspace, &swift, Native::ForTests, &packed, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// The package that is handed out, with the library for Linux; tried as the tests try it.
pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    let swift = Toolchain::find(workspace).map_err(|why| why.to_string())?;
    let packed = workspace.target.join("package/swift/rekindle");
    check(workspace, &swift, Native::ForApps, &packed, count)?;
    Ok(vec![packed.join("lib").join(library_name("rekindle_uniffi"))])
}

fn check(
    workspace: &Workspace,
    swift: &Toolchain,
    native: Native,
    packed: &Path,
    count: &mut Count,
) -> Result<(), String> {
    let library = native.build(workspace)?;
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(workspace).args(server))?;
    lint(workspace, swift)?;
    package::pack(workspace, &library, packed)?;
    let programs = consume(workspace, swift, packed)?;
    let built = workspace.target.join("swift");
    test(workspace, swift, &built, &library, &programs, count)?;
    apple::check(workspace, swift, &built)
}

/// The form, and a comment on all that is public; what is generated has its own.
fn lint(workspace: &Workspace, swift: &Toolchain) -> Result<(), String> {
    let mut command = swift.swift(workspace, &workspace.path("bindings/swift"));
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
fn consume(workspace: &Workspace, swift: &Toolchain, packed: &Path) -> Result<PathBuf, String> {
    let consumer = workspace.target.join("swift-consumer");
    copy_anew(&workspace.path("examples/swift"), &consumer)?;
    let scratch = workspace.target.join("swift-consumer-build");
    let mut command = swift.swift(workspace, &consumer);
    command.args(["build", "--disable-sandbox", "--scratch-path"]).arg(&scratch);
    command.env("REKINDLE_PACKAGE", packed);
    step("the examples do not build from the packed package", &mut command)?;
    Ok(scratch.join("debug"))
}

fn test(
    workspace: &Workspace,
    swift: &Toolchain,
    built: &Path,
    library: &Path,
    programs: &Path,
    count: &mut Count,
) -> Result<(), String> {
    let before = count.failed;
    let mut command = swift.swift(workspace, &workspace.path("bindings/swift"));
    command.args(["test", "--disable-sandbox", "--scratch-path"]).arg(built);
    command.env("REKINDLE_LIBRARY_DIR", folder(library));
    command.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
    command.env("REKINDLE_EXAMPLES", programs);
    let mut counting = Counting::default();
    // Failed tests are counted by name; no count means that it did not even build.
    let ok = run::watched(&mut command, |line| counting.see(line, count));
    if ok || count.failed > before { Ok(()) } else { Err("swift test did not run: see above".to_owned()) }
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
