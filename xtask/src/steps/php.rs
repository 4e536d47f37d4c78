//! The PHP package: its tests run on Debian's PHP, through FFI on the C library of the hosted core, and once more through the
//! extension; its style is checked.

mod bench;
mod extension;
mod package;

use std::process::Command;

pub(crate) use self::bench::PhpBench;
use self::extension::Extension;
pub(crate) use self::package::package;

use super::servers;
use super::toolbox::{apt, cargo};
use crate::bindings::library_name;
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

/// Packagist is not asked: everything is Debian's.
const PACKAGES: [&str; 21] = [
    // The extension is built with PHP's headers, which libclang reads.
    "clang",
    // Makes the package.
    "composer",
    "libapache2-mod-php",
    "php-cli",
    "php-curl",
    "php-dev",
    "php-fpm",
    "php-pgsql",
    "php-redis",
    "php-sqlite3",
    "php-xml",
    "php-mbstring",
    "php-guzzlehttp-guzzle",
    "php-illuminate-http",
    "php-psr-http-client",
    "php-symfony-http-client",
    "phpunit",
    "php-codesniffer",
    "redis-server",
    "postgresql",
    // Reads the dialects in the conformance cases.
    "python3",
];

/// What tells that they are there: by the name of a module, and by a file that `require` finds.
const MODULES: [&str; 8] = ["FFI", "curl", "dom", "mbstring", "pcntl", "pdo_pgsql", "pdo_sqlite", "redis"];
const PROGRAMS: [&str; 6] = ["phpunit", "phpcs", "redis-server", "python3", "php-config", "clang"];
/// Programs and modules that are on no path, by how Debian names them: `php-fpm8.2`, `15/bin/postgres`, `libphp8.2.so`.
const PLACES: [(&str, &str); 4] = [
    ("/usr/sbin", "php-fpm"),
    ("/usr/sbin", "apache2"),
    ("/usr/lib/apache2/modules", "libphp"),
    ("/usr/lib/postgresql", ""),
];
const FILES: [&str; 4] = [
    "GuzzleHttp/autoload.php",
    "Illuminate/Http/autoload.php",
    "Psr/Http/Client/autoload.php",
    "Symfony/Component/HttpClient/autoload.php",
];

/// The profile that tests are built in.
const TESTS: &str = "debug";
const DENY: [&str; 3] = ["--", "-D", "warnings"];

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    if missing().is_some() && workspace.install {
        apt(&PACKAGES);
    }
    if let Some(what) = missing() {
        return Outcome::Skipped(format!("no {what}: cargo xtask test --install"));
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
    let lost = lost.or_else(|| PROGRAMS.into_iter().find(|name| !run::works(name, &["--version"])));
    let lost =
        lost.or_else(|| PLACES.iter().find(|(folder, name)| !holds(folder, name)).map(|(folder, _)| *folder));
    lost.map(str::to_owned)
}

/// Whether something in the folder is called so.
fn holds(folder: &str, name: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(name))
}

fn check(workspace: &Workspace, count: &mut Count) -> Result<(), String> {
    let build =
        ["build", "--locked", "-p", "rekindle-hosted", "-p", "rekindle-cli", "-p", "rekindle-test-server"];
    step(
        "the library, the extension, the command or the test server does not build",
        cargo(workspace).args(build).args(extension::PACKAGE),
    )?;
    step("clippy", cargo(workspace).args(["clippy", "--locked"]).args(extension::PACKAGE).args(DENY))?;
    step("phpcs", tool(workspace, "phpcs").arg("-q"))?;
    let extension = Extension::installed(workspace, TESTS)?;
    tests(&mut tool(workspace, "phpunit"), count)?;
    tests(extension.load(&mut tool(workspace, "phpunit")), count)
}

fn tests(phpunit: &mut Command, count: &mut Count) -> Result<(), String> {
    let before = count.failed;
    let ok = run::watched(phpunit, |line| count.see_phpunit(line));
    // Failed tests are counted; no count means that they did not even run.
    if ok || count.failed > before { Ok(()) } else { Err("the tests did not run: see above".to_owned()) }
}

fn tool(workspace: &Workspace, program: &str) -> Command {
    tool_of(workspace, TESTS, program)
}

/// With what was built in that profile.
fn tool_of(workspace: &Workspace, profile: &str, program: &str) -> Command {
    let built = workspace.target.join(profile);
    let mut command = Command::new(program);
    command.current_dir(workspace.path("bindings/php"));
    command.env("REKINDLE_LIBRARY", built.join(library_name("rekindle_hosted")));
    command.env("REKINDLE_COMMAND", built.join(format!("rekindle{}", std::env::consts::EXE_SUFFIX)));
    command.env("REKINDLE_TEST_SERVER", built.join("rekindle-test-server"));
    command.env("REKINDLE_EXTENSION", extension::file(workspace, profile));
    command
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
