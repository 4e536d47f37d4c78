//! The npm package: the module is built, the TypeScript compiled, and its tests run in Node, the conformance cases among them.

mod addon;
mod module;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use self::module::Module;
pub(super) use self::module::small as small_module;
use super::toolbox::{apt, cargo};
use super::{python, servers, targets};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the other runtimes and the bundlers are installed, for the tests alone.
const TOOLS: [&str; 2] = ["test/runtimes", "test/consumers"];

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
    if workspace.install && !run::works("redis-server", &["--version"]) {
        apt(&["redis-server"]);
    }
    match check(workspace, Module::ForTests, count) {
        Ok(_) if !browser_is_there() => {
            Outcome::Skipped("no Chromium: what runs in a browser was not tested".to_owned())
        }
        Ok(_) if !tools_are_there(workspace) => {
            Outcome::Skipped("no other runtimes and bundlers: cargo xtask test --install".to_owned())
        }
        Ok(_) => Outcome::Passed,
        Err(why) if why.ends_with("--install") => Outcome::Skipped(why),
        Err(why) => Outcome::Failed(why),
    }
}

/// The tarball that is handed out, tried as the tests try it.
pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    let module = check(workspace, Module::ForApps, count)?;
    let folder = workspace.target.join("package/javascript");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for package in [".", addon::PACKAGE] {
        let mut pack = npm(workspace, &["pack", "--silent", "--pack-destination"]);
        step("npm pack", pack.arg(&folder).current_dir(package_folder(workspace).join(package)))?;
    }
    let made = fs::read_dir(&folder).map_err(|e| e.to_string())?;
    let mut files: Vec<PathBuf> = made.flatten().map(|file| file.path()).collect();
    files.push(module);
    Ok(files)
}

/// The package as it is handed out, not tried.
pub(crate) fn made(workspace: &Workspace) -> Result<(), String> {
    addon::build(workspace, true)?;
    step("tsc", &mut npm(workspace, &["run", "build"]))?;
    module::build(workspace, Module::ForApps, &package_folder(workspace).join("dist/rekindle.wasm"))?;
    step("the module as a script", &mut npm(workspace, &["run", "inline"]))
}

fn check(workspace: &Workspace, kind: Module, count: &mut Count) -> Result<PathBuf, String> {
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(workspace).args(server))?;
    // Users sign in at one of them.
    if let Outcome::Failed(why) | Outcome::Skipped(why) = servers::run(workspace, count) {
        return Err(why);
    }
    let folder = package_folder(workspace);
    addon::build(workspace, matches!(kind, Module::ForApps))?;
    let others = Others::made(workspace)?;
    if workspace.install {
        step("npm install", &mut npm(workspace, &["install", "--no-audit", "--no-fund"]))?;
        for tools in TOOLS {
            // Their programs are in the packages; what their scripts do is not needed.
            let mut install = npm(workspace, &["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
            step("npm install", install.current_dir(folder.join(tools)))?;
        }
    }
    step("tsc", &mut npm(workspace, &["run", "build"]))?;
    let module = folder.join("dist/rekindle.wasm");
    module::build(workspace, kind, &module)?;
    step("the module as a script", &mut npm(workspace, &["run", "inline"]))?;
    let before = count.failed;
    let mut ok = true;
    let browser = browser_is_there();
    let tools = tools_are_there(workspace);
    let suites = [
        ("test", true),
        ("test:browser", browser),
        ("test:runtimes", tools),
        ("test:consumers", browser && tools),
        ("test:processes", tools),
    ];
    for (script, _) in suites.into_iter().filter(|(_, can)| *can) {
        let mut test = npm(workspace, &["run", script]);
        test.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
        test.env("REKINDLE_PYTHON", &others.python);
        test.env("REKINDLE_COMMAND", workspace.target.join("debug/rekindle"));
        test.env("REKINDLE_RUST", workspace.target.join("debug/examples/token_from_file"));
        ok &= run::watched(&mut test, |line| count.see_tap(line));
    }
    // Failed tests are counted by name; no count means that they did not even run.
    if ok || count.failed > before { Ok(module) } else { Err("the tests did not run: see above".to_owned()) }
}

/// What shares a file with Node: Python, the command, a program in Rust.
struct Others {
    /// With rekindle in it.
    python: PathBuf,
}

impl Others {
    fn made(workspace: &Workspace) -> Result<Self, String> {
        let programs: [&[&str]; 2] =
            [&["-p", "rekindle-cli"], &["-p", "rekindle", "--example", "token_from_file"]];
        for program in programs {
            let mut build = cargo(workspace);
            step("what shares a file does not build", build.args(["build", "--locked"]).args(program))?;
        }
        Ok(Self { python: python::with_rekindle(workspace)? })
    }
}

/// Whether there is a browser to run in.
fn browser_is_there() -> bool {
    run::works("chromium", &["--version"])
}

/// Whether the other runtimes and the bundlers are there.
fn tools_are_there(workspace: &Workspace) -> bool {
    TOOLS.iter().all(|tools| package_folder(workspace).join(tools).join("node_modules").exists())
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
