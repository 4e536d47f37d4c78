//! `cargo xtask bench kotlin`: what goes wrong with rekindle and with what is common, what each costs, and the size of what
//! an app carries. Written to `benches/results/kotlin.md`.

use std::fs;
use std::process::Command;

use super::mobile;
use crate::run;
use crate::workspace::Workspace;

const RESULTS: &str = "benches/results/kotlin.md";
const POM: &str = "bindings/kotlin/adapters/pom.xml";
const COMPARE: &str = "bindings/kotlin/adapters/compare/target";

const REST: &str = "\
Held by the program, none asked for its token yet, the memory store included. What a session takes is what the heap and the rest of
the process grow by, in a JVM whose heap is of one size and touched from the start.
";

/// The arguments after `kotlin`: parts to run; none: all.
pub(super) fn run(workspace: &Workspace, parts: &[String]) -> bool {
    let write = |wanted: &dyn Fn(&str) -> bool| measured(workspace, wanted);
    mobile::report(workspace, RESULTS, parts, write)
}

fn measured(workspace: &Workspace, wanted: &dyn Fn(&str) -> bool) -> Result<String, String> {
    let mut text = "# rekindle for Kotlin, measured\n\nWritten by `cargo xtask bench kotlin`.\n".to_owned();
    if ["correctness", "speed", "rest"].iter().any(|part| wanted(part)) {
        built(workspace)?;
    }
    if wanted("correctness") {
        text += &format!("\n## What goes wrong\n\n{}\n{}", correctness(workspace)?, mobile::CORRECTNESS);
    }
    if wanted("speed") {
        text += &format!("\n## What it costs\n\n{}\n{}", speed(workspace)?, mobile::SPEED);
    }
    if wanted("rest") {
        text += &format!("\n## Many sessions\n\n{}\n{REST}", rest(workspace)?);
    }
    if wanted("size") {
        text += &format!("\n## What an app carries\n\n{}", mobile::sizes(workspace)?);
    }
    Ok(text + &format!("\n{}\n", versions(workspace)))
}

fn built(workspace: &Workspace) -> Result<(), String> {
    let maven = ["-q", "-B", "-f", "all.xml", "compile", "dependency:build-classpath"];
    let compare = ["-Dmdep.outputFile=target/classpath", "-pl", ":rekindle-compare", "-am"];
    let mut mvn = Command::new("mvn");
    mvn.args(maven).args(compare).current_dir(workspace.path("bindings/kotlin"));
    mobile::built(workspace, &mut mvn)
}

fn correctness(workspace: &Workspace) -> Result<String, String> {
    mobile::said(java(workspace)?.arg("correctness"))
}

fn speed(workspace: &Workspace) -> Result<String, String> {
    mobile::serving(workspace, |url| mobile::said(java(workspace)?.args(["speed", url])))
}

fn rest(workspace: &Workspace) -> Result<String, String> {
    mobile::said(java_with(workspace, &["-Xms768m", "-Xmx768m", "-XX:+AlwaysPreTouch"])?.arg("rest"))
}

fn java(workspace: &Workspace) -> Result<Command, String> {
    java_with(workspace, &[])
}

fn java_with(workspace: &Workspace, options: &[&str]) -> Result<Command, String> {
    let target = workspace.path(COMPARE);
    let others = fs::read_to_string(target.join("classpath")).map_err(|e| format!("the class path: {e}"))?;
    let mut java = Command::new("java");
    java.args(options);
    // JNA looks here first, so this is the library that was built for speed.
    java.arg(format!("-Djna.library.path={}", workspace.target.join("release").display()));
    java.arg("-cp").arg(format!("{}:{others}", target.join("classes").display()));
    java.arg("dev.rekindle.compare.MainKt");
    java.env("REKINDLE_TEST_SERVER", workspace.target.join("release/rekindle-test-server"));
    Ok(java)
}

/// One line for under the tables.
fn versions(workspace: &Workspace) -> String {
    let pom = fs::read_to_string(workspace.path(POM)).unwrap_or_default();
    let of = |name: &str| {
        let version = pom.split(&format!("<{name}.version>")).nth(1).and_then(|rest| rest.split('<').next());
        format!("{name} {}", version.unwrap_or("?"))
    };
    let peers = ["okhttp", "ktor", "kotlin", "coroutines"].map(of).join(", ");
    let java = run::says("java", &["--version"]).unwrap_or_default();
    let java = java.lines().next().unwrap_or_default().to_owned();
    format!("{peers}; {java}; {}", mobile::machine())
}
