//! The Kotlin package: the library is built into its jar, its tests run on a JVM, the adapters' too, and a project that uses
//! the jar as it is packaged runs the four programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::toolbox::{apt, cargo};
use crate::bindings::{LIBRARY, library_name};
use crate::house::House;
use crate::report::{Count, Outcome};
use crate::run;

/// The package, and who uses it.
const PROJECTS: [&str; 9] = [
    "bindings/kotlin",
    "bindings/kotlin/adapters",
    "bindings/kotlin/adapters/testkit",
    "bindings/kotlin/adapters/okhttp",
    "bindings/kotlin/adapters/ktor",
    "bindings/kotlin/adapters/apollo",
    "bindings/kotlin/adapters/compare",
    "bindings/kotlin/adapters/app",
    "examples/kotlin",
];

pub(super) fn run(house: &House, count: &mut Count) -> Outcome {
    if !has_tools() && house.install {
        apt(&["maven", "default-jdk-headless"]);
    }
    if !has_tools() {
        return Outcome::Skipped("no Maven or no JDK: cargo xtask test --install".to_owned());
    }
    if !fetched(house) && !house.install {
        return Outcome::Skipped("its packages are not there: cargo xtask test --install".to_owned());
    }
    match check(house, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn has_tools() -> bool {
    run::works("mvn", &["--version"]) && run::works("javac", &["-version"])
}

fn check(house: &House, count: &mut Count) -> Result<(), String> {
    step("the library does not build", cargo(house).args(LIBRARY))?;
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(house).args(server))?;
    place(house)?;
    let reports = PROJECTS.map(|project| house.path(project).join("target/surefire-reports"));
    reports.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
    let before = count.failed;
    let ok = run::ok(&mut maven(house));
    reports.iter().for_each(|folder| sum(folder, count));
    // Failed tests are counted by name; no count means that it did not even compile.
    if !ok && count.failed == before {
        return Err("Maven failed: see above".to_owned());
    }
    fs::write(stamp(house), poms(house)).map_err(|e| e.to_string())
}

/// Puts the library where the jar wants it.
fn place(house: &House) -> Result<(), String> {
    let name = library_name("rekindle_uniffi");
    let folder = house.path("bindings/kotlin/target/native").join(jna_platform());
    let built = house.target.join("debug").join(&name);
    let placed = fs::create_dir_all(&folder).and_then(|()| fs::copy(&built, folder.join(&name)));
    placed.map(drop).map_err(|e| format!("{}: {e}", built.display()))
}

/// JNA's name for this system.
fn jna_platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = std::env::consts::ARCH.replace("x86_64", "x86-64");
    format!("{system}-{machine}")
}

fn maven(house: &House) -> Command {
    let mut command = Command::new("mvn");
    command.args(["-q", "-B", "-f", "all.xml", "-fae", "verify"]).current_dir(house.path("bindings/kotlin"));
    if !house.install {
        command.arg("-o");
    }
    command.env("REKINDLE_TEST_SERVER", house.target.join("debug/rekindle-test-server"));
    command
}

/// Whether all packages of these projects have been fetched before.
fn fetched(house: &House) -> bool {
    fs::read(stamp(house)).is_ok_and(|stamp| stamp == poms(house))
}

fn poms(house: &House) -> Vec<u8> {
    PROJECTS
        .iter()
        .flat_map(|project| fs::read(house.path(project).join("pom.xml")).unwrap_or_default())
        .collect()
}

fn stamp(house: &House) -> PathBuf {
    house.target.join("kotlin-fetched.xml")
}

/// Adds what Surefire wrote down: `Tests run: 9, Failures: 0, Errors: 0, Skipped: 0, ..` in a file a class.
fn sum(reports: &Path, count: &mut Count) {
    let files = fs::read_dir(reports).into_iter().flatten().flatten();
    let texts = files.filter(|file| file.path().extension().is_some_and(|e| e == "txt"));
    for text in texts.filter_map(|file| fs::read_to_string(file.path()).ok()) {
        text.lines().for_each(|line| count.see_surefire(line));
    }
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
