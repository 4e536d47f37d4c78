//! `cargo xtask bench kotlin`: what goes wrong with rekindle and with what is common, what each costs, and the size of what
//! an app carries. Written to `benches/results/kotlin.md`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::bindings::library_name;
use crate::house::House;
use crate::run;

const RESULTS: &str = "benches/results/kotlin.md";
const POM: &str = "bindings/kotlin/adapters/pom.xml";
const COMPARE: &str = "bindings/kotlin/adapters/compare/target";

/// The words after `kotlin`: parts to run; none: all.
pub(super) fn run(house: &House, parts: &[String]) -> bool {
    match measured(house, parts) {
        Ok(text) => {
            println!("\n{text}");
            true
        }
        Err(why) => {
            eprintln!("{why}");
            false
        }
    }
}

fn measured(house: &House, parts: &[String]) -> Result<String, String> {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    let mut text = "# rekindle for Kotlin, measured\n\nWritten by `cargo xtask bench kotlin`.\n".to_owned();
    if wanted("correctness") || wanted("speed") {
        built(house)?;
    }
    if wanted("correctness") {
        text += &format!("\n## What goes wrong\n\n{}\n{CORRECTNESS}", correctness(house)?);
    }
    if wanted("speed") {
        text += &format!("\n## What it costs\n\n{}\n{SPEED}", speed(house)?);
    }
    if wanted("size") {
        text += &format!("\n## What an app carries\n\n{}", sizes(house)?);
    }
    text += &format!("\n{}\n", versions(house));
    if parts.is_empty() {
        fs::write(house.path(RESULTS), &text).map_err(|e| format!("{RESULTS}: {e}"))?;
    }
    Ok(text)
}

const CORRECTNESS: &str = "\
Against a server that rotates refresh tokens and revokes the sign-in when one comes twice (`strict_family` of
`rekindle-test-server`); each call has 4 s. Good is: after its leader was cancelled, the next call succeeds; a late 401 is sent
again without a second refresh; after a sign-out during a refresh, the next call is not signed in; callers of a hung refresh
end within their time, and the session works once the endpoint does; two processes on one file both succeed.
";

const SPEED: &str = "\
Requests for 1 KB on loopback, 8 at once; the sides run in turns, and a ratio is the median of the rounds' ratios. The server is a
process of its own; CPU is that of the whole JVM, for one request.
";

fn built(house: &House) -> Result<(), String> {
    let library =
        ["rustc", "--release", "--locked", "-p", "rekindle-uniffi", "--lib", "--crate-type", "cdylib"];
    let servers = ["build", "--release", "--locked", "-p", "rekindle-bench", "-p", "rekindle-test-server"];
    let maven = ["-q", "-B", "-f", "all.xml", "compile", "dependency:build-classpath"];
    let compare = ["-Dmdep.outputFile=target/classpath", "-pl", ":rekindle-compare", "-am"];
    let mut mvn = Command::new("mvn");
    mvn.args(maven).args(compare).current_dir(house.path("bindings/kotlin"));
    let is_built = run::ok(super::cargo(house).args(library))
        && run::ok(super::cargo(house).args(servers))
        && run::ok(&mut mvn);
    is_built.then_some(()).ok_or_else(|| "it does not build: see above".to_owned())
}

fn correctness(house: &House) -> Result<String, String> {
    said(java(house)?.arg("correctness"))
}

fn speed(house: &House) -> Result<String, String> {
    let mut server = Command::new(house.target.join("release/rekindle-bench"));
    let mut server = server
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let table = url(&mut server).and_then(|url| said(java(house)?.args(["speed", &url])));
    // It ends with its input.
    drop(server.stdin.take());
    let _ = server.wait();
    table
}

fn url(server: &mut Child) -> Result<String, String> {
    let mut line = String::new();
    let out = server.stdout.take().ok_or("the server has no output")?;
    BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
    Ok(line.trim().to_owned())
}

fn java(house: &House) -> Result<Command, String> {
    let target = house.path(COMPARE);
    let others = fs::read_to_string(target.join("classpath")).map_err(|e| format!("the class path: {e}"))?;
    let mut java = Command::new("java");
    // JNA looks here first, so this is the library that was built for speed.
    java.arg(format!("-Djna.library.path={}", house.target.join("release").display()));
    java.arg("-cp").arg(format!("{}:{others}", target.join("classes").display()));
    java.arg("dev.rekindle.compare.MainKt");
    java.env("REKINDLE_TEST_SERVER", house.target.join("release/rekindle-test-server"));
    Ok(java)
}

fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err("it ended with an error: see above".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn sizes(house: &House) -> Result<String, String> {
    let with = size(house, &[])?;
    let without = size(house, &["--no-default-features"])?;
    let row = |what: &str, bytes: u64, aim: f64| {
        let size = bytes as f64 / 1e6;
        let miss = if size <= aim { "" } else { "**missed**" };
        format!("| {what} | {size:.2} MB | ≤ {aim} MB | {miss} |\n")
    };
    Ok("| stripped library of the profile `mobile` | measured | aim | |\n|---|---:|---:|---|\n".to_owned()
        + &row("with its own HTTP stack (reqwest, rustls)", with, 3.5)
        + &row("on the host's (`--no-default-features`)", without, 1.2))
}

fn size(house: &House, features: &[&str]) -> Result<u64, String> {
    let mut cargo = super::cargo(house);
    cargo.args(["rustc", "--locked", "--profile", "mobile", "-p", "rekindle-uniffi", "--lib"]);
    if !run::ok(cargo.args(["--crate-type", "cdylib"]).args(features)) {
        return Err("the library does not build: see above".to_owned());
    }
    stripped(&house.target.join("mobile").join(library_name("rekindle_uniffi")))
}

fn stripped(library: &Path) -> Result<u64, String> {
    let copy = library.with_extension("stripped");
    if !run::ok(Command::new("strip").arg("-o").arg(&copy).arg(library)) {
        return Err("strip is missing: it is in binutils".to_owned());
    }
    fs::metadata(&copy).map(|file| file.len()).map_err(|e| e.to_string())
}

/// One line for under the tables.
fn versions(house: &House) -> String {
    let pom = fs::read_to_string(house.path(POM)).unwrap_or_default();
    let of = |name: &str| {
        let version = pom.split(&format!("<{name}.version>")).nth(1).and_then(|rest| rest.split('<').next());
        format!("{name} {}", version.unwrap_or("?"))
    };
    let peers = ["okhttp", "ktor", "kotlin", "coroutines"].map(of).join(", ");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = run::says("rustc", &["--version"]).unwrap_or_default();
    let rustc = rustc.split(" (").next().unwrap_or_default().to_owned();
    let java = run::says("java", &["--version"]).unwrap_or_default();
    let java = java.lines().next().unwrap_or_default().to_owned();
    let system = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{peers}; {java}; {rustc}; {cores} cores, {} {}", system.0, system.1)
}
