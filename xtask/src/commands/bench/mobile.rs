//! What the benchmarks of several languages have in common.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::cargo;
use crate::native::for_apps;
use crate::run;
use crate::workspace::Workspace;

pub(super) const CORRECTNESS: &str = "\
Against a server that rotates refresh tokens and revokes the sign-in when one comes twice (`strict_family` of
`rekindle-test-server`); each call has 4 s. Good is: after its leader was cancelled, the next call succeeds; a late 401 is sent
again without a second refresh; after a sign-out during a refresh, the next call is not signed in; callers of a hung refresh
end within their time, and the session works once the endpoint does; two processes on one file both succeed.
";

pub(super) const SPEED: &str = "\
Requests for 1 KB on loopback, 8 at once; the sides run in turns, and a ratio is the median of the rounds' ratios. The server is a
process of its own; CPU is that of the whole client process, for one request.
";

/// Prints what was measured. All parts together are written to `results`, too.
pub(super) fn report(
    workspace: &Workspace,
    results: &str,
    parts: &[String],
    measured: impl Fn(&dyn Fn(&str) -> bool) -> Result<String, String>,
) -> bool {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    let written = measured(&wanted).and_then(|text| {
        println!("\n{text}");
        if !parts.is_empty() {
            return Ok(());
        }
        fs::write(workspace.path(results), &text).map_err(|e| format!("{results}: {e}"))
    });
    written.map_err(|why| eprintln!("{why}")).is_ok()
}

/// The library and the servers, built for speed, and then what uses them.
pub(super) fn built(workspace: &Workspace, user: &mut Command) -> Result<(), String> {
    let library =
        ["rustc", "--release", "--locked", "-p", "rekindle-uniffi", "--lib", "--crate-type", "cdylib"];
    let servers = ["build", "--release", "--locked", "-p", "rekindle-bench", "-p", "rekindle-test-server"];
    let is_built =
        run::ok(cargo(workspace).args(library)) && run::ok(cargo(workspace).args(servers)) && run::ok(user);
    is_built.then_some(()).ok_or_else(|| "it does not build: see above".to_owned())
}

/// Works while a server runs, a process of its own, whose URL it is given.
pub(super) fn serving(
    workspace: &Workspace,
    work: impl FnOnce(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut server = Command::new(workspace.target.join("release/rekindle-bench"));
    let server = server.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().map_err(|e| e.to_string())?;
    let worked = url(&mut server).and_then(|url| work(&url));
    // It ends with its input.
    drop(server.stdin.take());
    let _ = server.wait();
    worked
}

fn url(server: &mut Child) -> Result<String, String> {
    let mut line = String::new();
    let out = server.stdout.take().ok_or("the server has no output")?;
    BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
    Ok(line.trim().to_owned())
}

/// What a program says, if it ends well.
pub(super) fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err("it ended with an error: see above".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The table of what an app carries.
pub(super) fn sizes(workspace: &Workspace) -> Result<String, String> {
    let with = size(workspace, &[])?;
    let without = size(workspace, &["--no-default-features"])?;
    let row = |what: &str, bytes: u64, aim: f64| {
        let size = bytes as f64 / 1e6;
        let miss = if size <= aim { "" } else { "**missed**" };
        format!("| {what} | {size:.2} MB | ≤ {aim} MB | {miss} |\n")
    };
    Ok("| stripped library of the profile `mobile` | measured | aim | |\n|---|---:|---:|---|\n".to_owned()
        + &row("with its own HTTP stack (reqwest, rustls)", with, 3.5)
        + &row("on the host's (`--no-default-features`)", without, 1.2))
}

fn size(workspace: &Workspace, features: &[&str]) -> Result<u64, String> {
    let library = for_apps(workspace, features)?;
    fs::metadata(library).map(|file| file.len()).map_err(|e| e.to_string())
}

/// For the line under the tables.
pub(super) fn machine() -> String {
    let rustc = run::says("rustc", &["--version"]).unwrap_or_default();
    let rustc = rustc.split(" (").next().unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{rustc}; {cores} cores, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}
