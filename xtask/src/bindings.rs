//! The Kotlin and Swift sources that UniFFI makes of the built library. They are committed, so that a reader and a
//! package see them without a Rust toolchain.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::workspace::Workspace;

pub(crate) const KOTLIN: &str = "bindings/kotlin/src/main/kotlin/dev/rekindle/ffi/rekindle_uniffi.kt";
pub(crate) const SWIFT: &str = "bindings/swift/Sources/RekindleFFI/RekindleFFI.swift";
pub(crate) const SWIFT_HEADER: &str = "bindings/swift/Sources/CRekindleFFI/CRekindleFFI.h";
pub(crate) const SWIFT_MODULE: &str = "bindings/swift/Sources/CRekindleFFI/module.modulemap";

/// Builds the shared library alone: the static one takes its time, and is for Apple's systems.
pub(crate) const LIBRARY: [&str; 8] =
    ["rustc", "-q", "--locked", "-p", "rekindle-uniffi", "--lib", "--crate-type", "cdylib"];

pub(crate) fn kotlin(workspace: &Workspace, _: &str) -> Result<String, String> {
    keeping_statuses(&made(workspace, "kotlin/dev/rekindle/ffi/rekindle_uniffi.kt")?)
}

pub(crate) fn swift(workspace: &Workspace, _: &str) -> Result<String, String> {
    made(workspace, "swift/RekindleFFI.swift")
}

pub(crate) fn swift_header(workspace: &Workspace, _: &str) -> Result<String, String> {
    made(workspace, "swift/CRekindleFFI.h")
}

pub(crate) fn swift_module(workspace: &Workspace, _: &str) -> Result<String, String> {
    made(workspace, "swift/CRekindleFFI.modulemap")
}

/// One run of the generator serves all files. What it leaves at the ends of lines is cut.
fn made(workspace: &Workspace, file: &str) -> Result<String, String> {
    static OUT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let out = OUT.get_or_init(|| generated(workspace)).as_ref().map_err(Clone::clone)?;
    let path = out.join(file);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().map(|line| line.trim_end().to_owned() + "\n").collect())
}

fn generated(workspace: &Workspace) -> Result<PathBuf, String> {
    let out = workspace.target.join("bindgen");
    let _ = fs::remove_dir_all(&out);
    cargo(workspace, &LIBRARY, &[])?;
    let library = workspace.target.join("debug").join(library_name("rekindle_uniffi"));
    let bindgen = ["run", "-q", "--locked", "-p", "rekindle-bindgen", "--"];
    cargo(workspace, &bindgen, &[&library, &workspace.path("uniffi.toml"), &out])?;
    Ok(out)
}

/// UniFFI makes a JNA structure for the status of each call, and that costs ten times as much as the call. Each thread
/// keeps those that tell of no error, one for each call within a call.
fn keeping_statuses(generated: &str) -> Result<String, String> {
    const CALL: &str = "    var status = UniffiRustCallStatus()
    val return_value = callback(status)
    uniffiCheckCallStatus(errorHandler, status)
    return return_value
";
    const KEEPING: &str = "    val kept = uniffiKeptStatuses.get()
    val status = kept.removeLastOrNull() ?: UniffiRustCallStatus()
    val return_value = callback(status)
    uniffiCheckCallStatus(errorHandler, status)
    kept.addLast(status)
    return return_value
";
    const KEPT: &str = "
private val uniffiKeptStatuses: ThreadLocal<ArrayDeque<UniffiRustCallStatus>> = ThreadLocal.withInitial { ArrayDeque() }
";
    match generated.matches(CALL).count() {
        1 => Ok(generated.replace(CALL, KEEPING) + KEPT),
        count => Err(format!("UniFFI's Kotlin calls are written in another way ({count} places): see there")),
    }
}

/// What a shared library is called here.
pub(crate) fn library_name(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

fn cargo(workspace: &Workspace, args: &[&str], paths: &[&Path]) -> Result<(), String> {
    let mut command = Command::new("cargo");
    let output = command.current_dir(&workspace.root).args(args).args(paths).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
