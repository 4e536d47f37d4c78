//! The npm package: the module is built, the TypeScript compiled, and its tests run in Node, the conformance cases among them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::targets;
use super::toolbox::{apt, cargo};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the other runtimes are installed.
const RUNTIMES: &str = "test/runtimes";

const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// How the module is built.
#[derive(Clone, Copy)]
enum Module {
    /// Quickly.
    ForTests,
    /// As it is handed out: small. Some minutes.
    ForApps,
}

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    if !run::works("node", &["--version"]) || !run::works("npm", &["--version"]) {
        return Outcome::Skipped("no Node.js or no npm".to_owned());
    }
    if !targets::ready(workspace, TARGET) {
        return Outcome::Skipped(format!("no standard library for {TARGET}: cargo xtask test --install"));
    }
    if !package_folder(workspace).join("node_modules").exists() && !workspace.install {
        return Outcome::Skipped("its packages are not there: cargo xtask test --install".to_owned());
    }
    if workspace.install && !browser_is_there() {
        apt(&["chromium"]);
    }
    match check(workspace, Module::ForTests, count) {
        Ok(_) if !browser_is_there() => {
            Outcome::Skipped("no Chromium: what runs in a browser was not tested".to_owned())
        }
        Ok(_) if !runtimes_are_there(workspace) => {
            Outcome::Skipped("no Bun, Deno and workerd: cargo xtask test --install".to_owned())
        }
        Ok(_) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// The tarball that is handed out, tried as the tests try it.
pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    let module = check(workspace, Module::ForApps, count)?;
    let folder = workspace.target.join("package/javascript");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let mut pack = npm(workspace, &["pack", "--silent", "--pack-destination"]);
    step("npm pack", pack.arg(&folder))?;
    let made = fs::read_dir(&folder).map_err(|e| e.to_string())?;
    let mut files: Vec<PathBuf> = made.flatten().map(|file| file.path()).collect();
    files.push(module);
    Ok(files)
}

fn check(workspace: &Workspace, kind: Module, count: &mut Count) -> Result<PathBuf, String> {
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(workspace).args(server))?;
    let built = build(workspace, kind)?;
    let folder = package_folder(workspace);
    if workspace.install {
        step("npm install", &mut npm(workspace, &["install", "--no-audit", "--no-fund"]))?;
        // Their programs are in the packages; what their scripts do is not needed.
        let mut runtimes = npm(workspace, &["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
        step("npm install", runtimes.current_dir(folder.join(RUNTIMES)))?;
    }
    step("tsc", &mut npm(workspace, &["run", "build"]))?;
    let module = folder.join("dist/rekindle.wasm");
    place(workspace, kind, &built, &module)?;
    let before = count.failed;
    let mut ok = true;
    let browser = browser_is_there().then_some("test:browser");
    let runtimes = runtimes_are_there(workspace).then_some("test:runtimes");
    for script in [Some("test"), browser, runtimes].into_iter().flatten() {
        let mut test = npm(workspace, &["run", script]);
        test.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
        ok &= run::watched(&mut test, |line| count.see_tap(line));
    }
    // Failed tests are counted by name; no count means that they did not even run.
    if ok || count.failed > before { Ok(module) } else { Err("the tests did not run: see above".to_owned()) }
}

/// Whether there is a browser to run in.
fn browser_is_there() -> bool {
    run::works("chromium", &["--version"])
}

/// Whether Bun, Deno and workerd are there.
fn runtimes_are_there(workspace: &Workspace) -> bool {
    package_folder(workspace).join(RUNTIMES).join("node_modules").exists()
}

fn build(workspace: &Workspace, kind: Module) -> Result<PathBuf, String> {
    let (profile, folder) = match kind {
        Module::ForTests => ("dev", "debug"),
        Module::ForApps => ("wasm", "wasm"),
    };
    let mut command = cargo(workspace);
    command.args(["build", "--locked", "-p", "rekindle-hosted", "--target", TARGET, "--profile", profile]);
    step("the module does not build", &mut command)?;
    Ok(workspace.target.join(TARGET).join(folder).join("rekindle_hosted.wasm"))
}

/// Beside the compiled files; the one for apps goes through wasm-opt first.
fn place(workspace: &Workspace, kind: Module, built: &Path, to: &Path) -> Result<(), String> {
    match kind {
        Module::ForTests => fs::copy(built, to).map(drop).map_err(|e| format!("{}: {e}", built.display())),
        Module::ForApps => {
            let mut command = npm(workspace, &["exec", "--", "wasm-opt", "-Oz"]);
            // What the compiler emits for this target; with more, wasm-opt writes types that no engine knows.
            command.args(FEATURES);
            step("wasm-opt", command.arg(built).arg("-o").arg(to))
        }
    }
}

fn package_folder(workspace: &Workspace) -> PathBuf {
    workspace.path("bindings/javascript")
}

fn npm(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args).current_dir(package_folder(workspace));
    command
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
