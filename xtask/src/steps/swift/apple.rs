//! What is only compiled on Apple's systems, read by the compiler at hand: against declarations of the same types, where
//! the real ones are not.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::step;
use super::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Those that the sources use.
const FRAMEWORKS: [&str; 2] = ["Security", "AuthenticationServices"];

/// After the tests have been built into `built`.
pub(super) fn check(workspace: &Workspace, swift: &Toolchain, built: &Path) -> Result<(), String> {
    if cfg!(target_vendor = "apple") {
        return Ok(());
    }
    let stubs = workspace.target.join("swift-apple");
    fs::create_dir_all(&stubs).map_err(|e| format!("{}: {e}", stubs.display()))?;
    let compiler = || swift.program(workspace, &stubs, Path::new("swiftc"));
    for framework in FRAMEWORKS {
        let mut declare = compiler();
        declare.args(["-emit-module", "-parse-as-library", "-module-name", framework]);
        declare.arg(workspace.path(&format!("bindings/swift/Tests/Apple/{framework}.swift")));
        step("the declarations of Apple's do not compile", &mut declare)?;
    }
    let mut read = compiler();
    sources(workspace, &mut read)?;
    step("what is for Apple's systems does not compile", read.arg("-I").arg(built.join("debug/Modules")))
}

fn sources<'a>(workspace: &Workspace, command: &'a mut Command) -> Result<&'a mut Command, String> {
    let folder = workspace.path("bindings/swift/Sources");
    let entries = fs::read_dir(folder.join("Rekindle")).map_err(|e| format!("{}: {e}", folder.display()))?;
    command.args([
        "-typecheck",
        "-swift-version",
        "6",
        "-parse-as-library",
        "-module-name",
        "Rekindle",
        "-I",
        ".",
    ]);
    let modules = folder.join("CRekindleFFI/module.modulemap");
    command.arg("-Xcc").arg(format!("-fmodule-map-file={}", modules.display()));
    Ok(command.args(entries.flatten().map(|entry| entry.path())))
}
