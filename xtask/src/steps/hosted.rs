//! The hosted core as a C library: a C program on top of it plays conformance cases.

use std::process::Command;

use super::toolbox::cargo;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

const SOURCES: [&str; 4] = ["cases.c", "host.c", "http.c", "json.c"];

/// So many cases need nothing that the program does not have.
const FEWEST: u64 = 100;

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    // What links Rust's programs compiles C.
    if !run::works("cc", &["--version"]) {
        return Outcome::Skipped("no C compiler: install gcc".to_owned());
    }
    match play(workspace, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn play(workspace: &Workspace, count: &mut Count) -> Result<(), String> {
    let built = ["build", "--locked", "-p", "rekindle-hosted", "-p", "rekindle-test-server"];
    step("the library does not build", cargo(workspace).args(built))?;
    let libraries = workspace.target.join("debug");
    let program = libraries.join("rekindle-hosted-cases");
    let mut compile = Command::new("cc");
    compile.current_dir(workspace.path("bindings/hosted/c"));
    compile.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-g", "-I../include", "-o"]).arg(&program);
    compile.args(SOURCES).arg("-L").arg(&libraries).args(["-lrekindle_hosted", "-lm"]);
    compile.arg(format!("-Wl,-rpath,{}", libraries.display()));
    step("the program does not compile", &mut compile)?;
    let before = count.passed;
    cases(workspace, count, &program, "cases")?;
    if count.passed - before < FEWEST {
        return Err(format!("{} cases were played, of {FEWEST} and more", count.passed - before));
    }
    cases(workspace, count, &program, "must-fail")
}

fn cases(
    workspace: &Workspace,
    count: &mut Count,
    program: &std::path::Path,
    which: &str,
) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg(workspace.target.join("debug/rekindle-test-server"));
    command.arg(workspace.path(&format!("tests/conformance/{which}.json"))).arg(which);
    let before = count.failed;
    let ok = run::watched(&mut command, |line| count.see_tap(line));
    // Failed tests are counted by name; no count means that they did not even run.
    if ok || count.failed > before { Ok(()) } else { Err("the cases did not run: see above".to_owned()) }
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
