//! The PHP package: its tests run on Debian's PHP, through FFI on the C library of the hosted core, and its style is checked.

use std::process::Command;

use super::toolbox::{apt, cargo};
use crate::bindings::library_name;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

/// Packagist is not asked: everything is Debian's.
const PACKAGES: [&str; 9] = [
    "php-cli",
    "php-curl",
    "php-xml",
    "php-mbstring",
    "php-guzzlehttp-guzzle",
    "php-psr-http-client",
    "php-symfony-http-client",
    "phpunit",
    "php-codesniffer",
];

/// What tells that they are there: by the name of a module, and by a file that `require` finds.
const MODULES: [&str; 5] = ["FFI", "curl", "dom", "mbstring", "pcntl"];
const FILES: [&str; 3] =
    ["GuzzleHttp/autoload.php", "Psr/Http/Client/autoload.php", "Symfony/Component/HttpClient/autoload.php"];

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    if missing().is_some() && workspace.install {
        apt(&PACKAGES);
    }
    if let Some(what) = missing() {
        return Outcome::Skipped(format!("no {what}: cargo xtask test --install"));
    }
    match check(workspace, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// The first thing that is not there.
fn missing() -> Option<String> {
    let Some(modules) = run::says("php", &["-m"]) else { return Some("PHP".to_owned()) };
    let lost = MODULES.into_iter().find(|name| !modules.lines().any(|line| line == *name));
    let not_found = |file: &&str| {
        !run::works(
            "php",
            &["-r", &format!("exit(stream_resolve_include_path('{file}') === false ? 1 : 0);")],
        )
    };
    let lost = lost.or_else(|| FILES.into_iter().find(not_found));
    let lost =
        lost.or_else(|| ["phpunit", "phpcs"].into_iter().find(|name| !run::works(name, &["--version"])));
    lost.map(str::to_owned)
}

fn check(workspace: &Workspace, count: &mut Count) -> Result<(), String> {
    let build = ["build", "--locked", "-p", "rekindle-hosted", "-p", "rekindle-test-server"];
    step("the library or the test server does not build", cargo(workspace).args(build))?;
    step("phpcs", tool(workspace, "phpcs").arg("-q"))?;
    let before = count.failed;
    let ok = run::watched(&mut tool(workspace, "phpunit"), |line| count.see_phpunit(line));
    // Failed tests are counted; no count means that they did not even run.
    if ok || count.failed > before { Ok(()) } else { Err("the tests did not run: see above".to_owned()) }
}

fn tool(workspace: &Workspace, program: &str) -> Command {
    let built = workspace.target.join("debug");
    let mut command = Command::new(program);
    command.current_dir(workspace.path("bindings/php"));
    command.env("REKINDLE_LIBRARY", built.join(library_name("rekindle_hosted")));
    command.env("REKINDLE_TEST_SERVER", built.join("rekindle-test-server"));
    command
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
