//! The Go module: the WebAssembly module is translated to Go source, and its tests run with the race detector, the conformance
//! cases among them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::toolbox::cargo;
use super::{javascript, targets};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";
const TRANSLATOR: &str = "github.com/ncruces/wasm2go";
const TRANSLATOR_VERSION: &str = "v0.4.21";

/// The translated core is a quarter of a million lines that only run under a lock: watching each of its memory accesses
/// would find nothing and take minutes. The package around it is watched.
const FLAGS: [&str; 2] = ["-race", "-gcflags=rekindle.dev/rekindle/internal/core=-race=false"];

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    if !run::works("go", &["version"]) {
        return Outcome::Skipped("no Go: install Go 1.26 or later".to_owned());
    }
    if !targets::ready(workspace, TARGET) {
        return Outcome::Skipped(format!("no standard library for {TARGET}: cargo xtask test --install"));
    }
    let Some(translator) = translator(workspace) else {
        return Outcome::Skipped(format!("no {TRANSLATOR} {TRANSLATOR_VERSION}: cargo xtask test --install"));
    };
    match translate(workspace, translator).and_then(|()| check(workspace, count)) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// Where it lies, brought if that is allowed.
fn translator(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.target.join("go-tools").join(TRANSLATOR_VERSION);
    let program = folder.join("wasm2go");
    if !program.exists() && workspace.install {
        let mut install = Command::new("go");
        run::ok(
            install.args(["install", &format!("{TRANSLATOR}@{TRANSLATOR_VERSION}")]).env("GOBIN", &folder),
        );
    }
    program.exists().then_some(program)
}

/// The core as Go source. It is not committed: ten megabytes.
fn translate(workspace: &Workspace, translator: PathBuf) -> Result<(), String> {
    let module = javascript::small_module(workspace)?;
    let folder = package_folder(workspace).join("internal/core");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut command = Command::new(translator);
    command.args(["-embed", "-pkg", "core", "-o"]).arg(folder.join("core.go")).arg(module);
    step("wasm2go", &mut command)
}

fn check(workspace: &Workspace, count: &mut Count) -> Result<(), String> {
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(workspace).args(server))?;
    step("go vet", go(workspace, "vet").arg("."))?;
    let before = count.failed;
    let mut test = go(workspace, "test");
    test.args(["-vet=off", "-count=1", "-v", "-timeout=9m", "."]);
    test.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
    let ok = run::watched(&mut test, |line| count.see_go(line));
    // Failed tests are counted by name; no count means that they did not even run.
    if ok || count.failed > before { Ok(()) } else { Err("the tests did not run: see above".to_owned()) }
}

fn go(workspace: &Workspace, what: &str) -> Command {
    let mut command = Command::new("go");
    command.arg(what).args(FLAGS).current_dir(package_folder(workspace));
    command
}

fn package_folder(workspace: &Workspace) -> PathBuf {
    workspace.path("bindings/go")
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
