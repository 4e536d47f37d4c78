//! The Composer package as it is handed out, with the library for this system, and the extension as PIE finds it. Both are tried by a
//! project outside of the workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{extension, step};
use crate::bindings::library_name;
use crate::report::Count;
use crate::run;
use crate::steps::toolbox::{cargo, copy, copy_anew};
use crate::workspace::Workspace;

const FILES: [&str; 2] = ["README.md", "composer.json"];
const PACKAGE: &str = "rekindle-php.zip";
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// A consumer's project. Packagist is not asked: what the package requires besides is Debian's, and is said to be there.
const PROJECT: &str = r#"{
    "repositories": [{ "packagist.org": false }, { "type": "path", "url": "rekindle", "options": { "symlink": false } }],
    "require": { "rekindle/rekindle": "*" },
    "provide": { "psr/http-client": "1.0", "psr/http-message": "1.0" },
    "autoload": { "files": ["psr.php"] }
}
"#;
const PSR: &str =
    "<?php\nrequire_once 'Psr/Http/Message/autoload.php';\nrequire_once 'Psr/Http/Client/autoload.php';\n";
const PROGRAM: &str = r#"<?php
require 'vendor/autoload.php';
$session = new Rekindle\Session(tokenUrl: 'https://auth.example.com/token', tokens: new Rekindle\Tokens('AT-1', 'RT-1'));
echo $session->token()->value(), "\n";
"#;

pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    if !run::works("composer", &["--version"]) {
        return Err("no Composer: cargo xtask test --install php".to_owned());
    }
    let build = ["build", "--locked", "--profile", "mobile", "-p", "rekindle-hosted"];
    step("it does not build", cargo(workspace).args(build).args(extension::PACKAGE))?;
    let out = workspace.target.join("package/php");
    let _ = fs::remove_dir_all(&out);
    let folder = out.join("rekindle");
    pack(workspace, &folder)?;
    let mut archive = composer(&folder);
    archive.args(["archive", "--format=zip", "--file"]);
    archive.arg(PACKAGE.trim_end_matches(".zip")).arg("--dir").arg(&out);
    step("composer archive", &mut archive)?;
    let extension = out.join("extension/rekindle.so");
    stripped(workspace, "rekindle_php", &extension)?;
    let zip = out.join(asset()?);
    let mut zipped = Command::new("php");
    zipped.args(["-r", "$zip = new PharData($argv[1]); $zip->addFile($argv[2], 'rekindle.so');"]);
    step("the extension's archive", zipped.arg(&zip).arg(&extension))?;
    let project = std::env::temp_dir().join(format!("rekindle-php-consumer-{}", std::process::id()));
    let tried = consume(&out, &zip, &project, count);
    let _ = fs::remove_dir_all(&project);
    tried?;
    Ok(vec![out.join(PACKAGE), zip])
}

fn pack(workspace: &Workspace, folder: &Path) -> Result<(), String> {
    let from = workspace.path("bindings/php");
    copy_anew(&from.join("src"), &folder.join("src"))?;
    for file in FILES {
        copy(&from.join(file), &folder.join(file))?;
    }
    for file in LICENCES {
        copy(&workspace.path(file), &folder.join(file))?;
    }
    copy(&workspace.path("bindings/hosted/include/rekindle.h"), &folder.join("lib/rekindle.h"))?;
    let system = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    stripped(
        workspace,
        "rekindle_hosted",
        &folder.join("lib").join(system).join(library_name("rekindle_hosted")),
    )?;
    versioned(&folder.join("composer.json"))
}

/// An archive has no tag that tells the version.
fn versioned(composer: &Path) -> Result<(), String> {
    let told = fs::read_to_string(composer).map_err(|e| format!("{}: {e}", composer.display()))?;
    let version = format!("{{\n    \"version\": \"{}\",", env!("CARGO_PKG_VERSION"));
    fs::write(composer, told.replacen('{', &version, 1)).map_err(|e| e.to_string())
}

fn stripped(workspace: &Workspace, library: &str, to: &Path) -> Result<(), String> {
    to.parent().map_or(Ok(()), fs::create_dir_all).map_err(|e| e.to_string())?;
    let built = workspace.target.join("mobile").join(library_name(library));
    step("strip is missing: it is in binutils", Command::new("strip").arg("-o").arg(to).arg(built))
}

/// The name by which PIE looks for a built extension.
fn asset() -> Result<String, String> {
    let told = "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION, '-', strtolower(php_uname('m')), '-', strtolower(PHP_OS_FAMILY);";
    let php = run::says("php", &["-r", told]).ok_or("php does not run")?;
    Ok(format!("php_rekindle-{}_php{php}-glibc.zip", env!("CARGO_PKG_VERSION")))
}

fn consume(packages: &Path, zip: &Path, project: &Path, count: &mut Count) -> Result<(), String> {
    fs::create_dir_all(project).map_err(|e| e.to_string())?;
    let write = |name: &str, text: &str| fs::write(project.join(name), text).map_err(|e| e.to_string());
    write("composer.json", PROJECT)?;
    write("psr.php", PSR)?;
    write("main.php", PROGRAM)?;
    unzip(&packages.join(PACKAGE), &project.join("rekindle"))?;
    unzip(zip, project)?;
    step("composer install", composer(project).args(["install", "-q", "--no-interaction"]))?;
    let loaded = format!("extension={}", project.join("rekindle.so").display());
    for settings in [["-d", "ffi.enable=1", "-d", "display_errors=1"], ["-d", &loaded, "-d", "ffi.enable=0"]]
    {
        let mut right = false;
        let mut php = Command::new("php");
        let ran = run::watched(php.args(settings).arg("main.php").current_dir(project), |line| {
            right |= line == "AT-1"
        });
        if ran && right {
            count.passed += 1;
        } else {
            count.failed += 1;
        }
    }
    Ok(())
}

fn unzip(zip: &Path, to: &Path) -> Result<(), String> {
    let mut php = Command::new("php");
    php.args(["-r", "(new PharData($argv[1]))->extractTo($argv[2]);"]).arg(zip).arg(to);
    step("the archive is none", &mut php)
}

fn composer(folder: &Path) -> Command {
    let mut command = Command::new("composer");
    // It asks before it runs as root; nothing of a package's is run.
    command.current_dir(folder).env("COMPOSER_ALLOW_SUPERUSER", "1").args(["--no-plugins", "--no-scripts"]);
    command
}
