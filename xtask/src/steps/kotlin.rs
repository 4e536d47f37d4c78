//! The Kotlin package: the library is built into its jar, its tests run on a JVM, the adapters' too, and a project that uses
//! the jar as it is packaged runs the four programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::toolbox::{cargo, maven_is_there};
use crate::bindings::library_name;
use crate::native::Native;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

/// The package, and who uses it.
const PROJECTS: [&str; 10] = [
    "bindings/kotlin",
    "bindings/kotlin/adapters",
    "bindings/kotlin/adapters/testkit",
    "bindings/kotlin/adapters/okhttp",
    "bindings/kotlin/adapters/ktor",
    "bindings/kotlin/adapters/apollo",
    "bindings/kotlin/adapters/conformance",
    "bindings/kotlin/adapters/compare",
    "bindings/kotlin/adapters/app",
    "examples/kotlin",
];

/// Those whose jars are handed out.
const JARS: [&str; 4] = [PROJECTS[0], PROJECTS[3], PROJECTS[4], PROJECTS[5]];

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    if !maven_is_there(workspace) {
        return Outcome::Skipped("no Maven or no JDK: cargo xtask test --install".to_owned());
    }
    if !fetched(workspace) && !workspace.install {
        return Outcome::Skipped("its packages are not there: cargo xtask test --install".to_owned());
    }
    match check(workspace, Native::ForTests, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// The jars that are handed out, with the library for this system; tried as the tests try them.
pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    check(workspace, Native::ForApps, count)?;
    let folder = workspace.target.join("package/kotlin");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let made = JARS
        .iter()
        .flat_map(|project| fs::read_dir(workspace.path(project).join("target")).into_iter().flatten());
    let jars =
        made.flatten().map(|file| file.path()).filter(|file| file.extension().is_some_and(|e| e == "jar"));
    jars.filter(|jar| !jar.to_string_lossy().ends_with("-tests.jar"))
        .map(|jar| copied(&jar, &folder))
        .collect()
}

fn copied(file: &Path, folder: &Path) -> Result<PathBuf, String> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(to)
}

fn check(workspace: &Workspace, native: Native, count: &mut Count) -> Result<(), String> {
    let library = native.build(workspace)?;
    // The server is built by the Rust tests, but they may have been left out.
    let server = ["build", "--locked", "-p", "rekindle-test-server"];
    step("the test server does not build", cargo(workspace).args(server))?;
    let folder = placed(workspace, native, &library)?;
    let reports = PROJECTS.map(|project| workspace.path(project).join("target/surefire-reports"));
    reports.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
    let before = count.failed;
    let ok = run::ok(&mut maven(workspace, &folder));
    reports.iter().for_each(|folder| sum(folder, count));
    // Failed tests are counted by name; no count means that it did not even compile.
    if !ok && count.failed == before {
        return Err("Maven failed: see above".to_owned());
    }
    fs::write(stamp(workspace), poms(workspace)).map_err(|e| e.to_string())
}

/// Puts the library into the folder that the jar takes in, one folder a system.
fn placed(workspace: &Workspace, native: Native, library: &Path) -> Result<PathBuf, String> {
    let kind = if native == Native::ForApps { "native-for-apps" } else { "native" };
    let folder = workspace.path("bindings/kotlin/target").join(kind);
    let place = folder.join(jna_platform());
    let copied = fs::create_dir_all(&place)
        .and_then(|()| fs::copy(library, place.join(library_name("rekindle_uniffi"))));
    copied.map(|_| folder).map_err(|e| format!("{}: {e}", library.display()))
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

fn maven(workspace: &Workspace, native: &Path) -> Command {
    let mut command = Command::new("mvn");
    command
        .args(["-q", "-B", "-f", "all.xml", "-fae", "verify"])
        // A failed test counts by its name, and the projects that stand on this one are tried all the same.
        .arg("-Dmaven.test.failure.ignore=true")
        .current_dir(workspace.path("bindings/kotlin"));
    // What was taken in before may be newer.
    command.arg("-Dmaven.resources.overwrite=true").arg(format!("-Dnative.folder={}", native.display()));
    if !workspace.install {
        command.arg("-o");
    }
    // Cargo names its own target folder here, and JNA would load the library from there instead of the jar's.
    for searched in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        command.env_remove(searched);
    }
    command.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
    command
}

/// Whether all packages of these projects have been fetched before.
fn fetched(workspace: &Workspace) -> bool {
    fs::read(stamp(workspace)).is_ok_and(|stamp| stamp == poms(workspace))
}

fn poms(workspace: &Workspace) -> Vec<u8> {
    PROJECTS
        .iter()
        .flat_map(|project| fs::read(workspace.path(project).join("pom.xml")).unwrap_or_default())
        .collect()
}

fn stamp(workspace: &Workspace) -> PathBuf {
    workspace.target.join("kotlin-fetched.xml")
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
