//! The Go module: the WebAssembly module is translated to Go source, and its tests run with the race detector, the conformance
//! cases among them.

mod package;
mod platforms;

pub(crate) use self::package::package;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::toolbox::cargo;
use super::{javascript, servers, targets};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";
const TRANSLATOR: &str = "github.com/ncruces/wasm2go";
const TRANSLATOR_VERSION: &str = "v0.4.21";

/// The translated core is a quarter of a million lines that only run under a lock: watching each of its memory accesses
/// would find nothing and take minutes. The package around it is watched.
const RACE: [&str; 2] = ["-race", "-gcflags=rekindle.dev/rekindle/internal/core=-race=false"];

/// More goroutines than the race detector watches.
const UNWATCHED: &str = "TestTenThousandGoroutines";

/// Tried with other libraries, other languages, and as the examples.
const TESTS: &str = "test";

/// Beside the main one, which depends on nothing.
const MODULES: [&str; 3] = ["tokensource", "metrics", TESTS];

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    match made(workspace) {
        Ok(()) => {}
        Err(why) if why.ends_with("--install") || why.starts_with("no Go") => return Outcome::Skipped(why),
        Err(why) => return Outcome::Failed(why),
    }
    // Users sign in at one of them.
    if let Outcome::Failed(why) | Outcome::Skipped(why) = servers::run(workspace, count) {
        return Outcome::Failed(why);
    }
    match check(workspace, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// The module with its translated core.
pub(crate) fn made(workspace: &Workspace) -> Result<(), String> {
    if !run::works("go", &["version"]) {
        return Err("no Go: install Go 1.26 or later".to_owned());
    }
    if !targets::ready(workspace, TARGET) {
        return Err(format!("no standard library for {TARGET}: cargo xtask test --install"));
    }
    let translator = translator(workspace)
        .ok_or_else(|| format!("no {TRANSLATOR} {TRANSLATOR_VERSION}: cargo xtask test --install"))?;
    translate(workspace, translator)
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
    let kept = translated_from(workspace);
    fs::copy(&module, &kept).map_err(|e| format!("{}: {e}", kept.display()))?;
    let folder = package_folder(workspace).join("internal/core");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut command = Command::new(translator);
    command.args(["-embed", "-pkg", "core", "-o"]).arg(folder.join("core.go")).arg(module);
    step("wasm2go", &mut command)
}

/// The module that was translated: another step may build it anew. Tests hold the translation to it.
fn translated_from(workspace: &Workspace) -> PathBuf {
    workspace.target.join("go-tools/translated.wasm")
}

fn check(workspace: &Workspace, count: &mut Count) -> Result<(), String> {
    // They are built by the Rust tests, but those may have been left out.
    let programs = ["build", "--locked", "-p", "rekindle-test-server", "-p", "rekindle-cli"];
    step("the programs for the tests do not build", cargo(workspace).args(programs))?;
    formatted(workspace)?;
    step("go vet", go(workspace, ".", "vet").args(RACE).arg("."))?;
    for module in MODULES {
        step("go vet", go(workspace, module, "vet").arg("./..."))?;
    }
    platforms::check(workspace)?;
    let before = count.failed;
    let module = translated_from(workspace);
    let mut ok = true;
    let mut watched = |test: &mut Command| {
        test.args(["-vet=off", "-count=1", "-v", "-timeout=9m"]);
        test.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
        test.env("REKINDLE_COMMAND", workspace.target.join("debug/rekindle"));
        test.env("REKINDLE_MODULE", &module);
        let python = workspace.target.join("python-venv/bin/python");
        if python.exists() {
            test.env("REKINDLE_PYTHON", python);
        }
        ok &= run::watched(test, |line| count.see_go(line));
    };
    watched(go(workspace, ".", "test").args(RACE));
    watched(go(workspace, ".", "test").args(["-run", UNWATCHED]));
    watched(&mut go(workspace, TESTS, "test"));
    // Failed tests are counted by name; no count means that they did not even run.
    if ok || count.failed > before { Ok(()) } else { Err("the tests did not run: see above".to_owned()) }
}

fn formatted(workspace: &Workspace) -> Result<(), String> {
    let sources = |folder: PathBuf| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|end| end == "go")).collect::<Vec<_>>()
    };
    let folders = MODULES.iter().chain(&["."]).map(|module| package_folder(workspace).join(module));
    let mut gofmt = Command::new("gofmt");
    let listed =
        gofmt.arg("-l").args(folders.flat_map(sources)).output().map_err(|e| format!("gofmt: {e}"))?;
    match String::from_utf8_lossy(&listed.stdout).trim() {
        "" => Ok(()),
        names => Err(format!("gofmt -w {}", names.replace('\n', " "))),
    }
}

fn go(workspace: &Workspace, module: &str, what: &str) -> Command {
    let mut command = Command::new("go");
    command.arg(what).current_dir(package_folder(workspace).join(module));
    command
}

fn package_folder(workspace: &Workspace) -> PathBuf {
    workspace.path("bindings/go")
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
