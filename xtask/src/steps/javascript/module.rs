//! The WebAssembly module: quickly for the tests, small for the package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{TARGET, npm, step};
use crate::run;
use crate::steps::toolbox::cargo;
use crate::workspace::Workspace;

/// How the module is built.
#[derive(Clone, Copy)]
pub(super) enum Module {
    /// Quickly.
    ForTests,
    /// As it is handed out: small. Some minutes.
    ForApps,
}

/// What the compiler emits for this target; with more, wasm-opt writes types that no engine knows.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// A version of `idna_adapter` that knows no Unicode, a tenth of the module: the host's own `URL` has made a host name ASCII before it
/// comes here. Its lock file alone says so, so it is a workspace of its own.
const ASCII_HOSTS: &str = "1.0.0";

const MANIFEST: &str = r#"[package]
name = "rekindle-wasm"
version = "0.0.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib"]
path = "lib.rs"

[dependencies]
rekindle-hosted = { path = "{hosted}" }

[workspace]

[profile.wasm]
inherits = "release"
opt-level = "z"
lto = "fat"
codegen-units = 1
panic = "abort"
strip = true
"#;

/// Builds it, and puts it there.
pub(super) fn build(workspace: &Workspace, kind: Module, to: &Path) -> Result<(), String> {
    match kind {
        Module::ForTests => {
            let mut command = cargo(workspace);
            command.args(["build", "--locked", "-p", "rekindle-hosted", "--target", TARGET]);
            step("the module does not build", &mut command)?;
            let built = workspace.target.join(TARGET).join("debug/rekindle_hosted.wasm");
            fs::copy(&built, to).map(drop).map_err(|e| format!("{}: {e}", built.display()))
        }
        Module::ForApps => {
            let built = smallest(workspace)?;
            let mut command = npm(workspace, &["exec", "--", "wasm-opt", "-Oz"]);
            step("wasm-opt", command.args(FEATURES).arg(built).arg("-o").arg(to))
        }
    }
}

/// With the standard library that the toolchain has.
pub(in crate::steps) fn small(workspace: &Workspace) -> Result<PathBuf, String> {
    compile(workspace, "wasm", &mut |_| ())
}

/// As small as the compiler makes it: a twelfth smaller with a standard library that is compiled for size and whose panics trap without
/// a message, which nobody could read. Without the library's sources (`rustup component add rust-src`) as [`small`].
fn smallest(workspace: &Workspace) -> Result<PathBuf, String> {
    if !sources_are_there(workspace) {
        return small(workspace);
    }
    compile(workspace, "wasm-std", &mut |command| {
        // These options of stable compilers and of cargo are unstable.
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", SMALL_STD.join(" "));
        command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    })
}

const SMALL_STD: [&str; 3] = ["-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"];

/// Whether the standard library's sources are there, brought if that is allowed.
fn sources_are_there(workspace: &Workspace) -> bool {
    let there = || {
        let root = run::says("rustc", &["--print", "sysroot"]).unwrap_or_default();
        Path::new(&root).join("lib/rustlib/src/rust/library/Cargo.lock").exists()
    };
    there()
        || (workspace.install
            && run::ok(Command::new("rustup").args(["component", "add", "rust-src"]))
            && there())
}

fn compile(
    workspace: &Workspace,
    name: &str,
    asked: &mut dyn FnMut(&mut Command),
) -> Result<PathBuf, String> {
    let folder = workspace.target.join(name);
    let hosted = workspace.path("bindings/hosted");
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).map_err(|e| format!("{}: {e}", folder.display()))
    };
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    write("Cargo.toml", &MANIFEST.replace("{hosted}", &hosted.display().to_string().replace('\\', "/")))?;
    // Its functions are exported because it is linked.
    write("lib.rs", "extern crate rekindle_hosted as _;\n")?;
    fs::copy(workspace.path("Cargo.lock"), folder.join("Cargo.lock")).map_err(|e| e.to_string())?;
    let mut pin = cargo(workspace);
    pin.current_dir(&folder).args(["update", "-p", "idna_adapter", "--precise", ASCII_HOSTS]);
    step("the lock file of the module", &mut pin)?;
    let mut command: Command = cargo(workspace);
    command.current_dir(&folder).args(["build", "--profile", "wasm", "--target", TARGET, "--target-dir"]);
    asked(command.arg(folder.join("target")));
    step("the module does not build", &mut command)?;
    Ok(folder.join("target").join(TARGET).join("wasm/rekindle_wasm.wasm"))
}
