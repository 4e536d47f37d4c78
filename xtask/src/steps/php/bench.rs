//! `cargo xtask bench php`: once through FFI, once through the extension, both built for speed.

use super::extension::{self, Extension};
use super::{step, tool_of};
use crate::steps::toolbox::cargo;
use crate::workspace::Workspace;

pub(crate) fn bench(workspace: &Workspace, rest: &[String]) -> Result<(), String> {
    let build = [
        "build",
        "--locked",
        "--release",
        "-p",
        "rekindle-hosted",
        "-p",
        "rekindle-test-server",
        "-p",
        "rekindle-cli",
    ];
    step("it does not build", cargo(workspace).args(build).args(extension::PACKAGE))?;
    let extension = Extension::installed(workspace, "release")?;
    let bench = || {
        let mut php = tool_of(workspace, "release", "php");
        php.arg("bench/main.php").args(rest);
        php
    };
    step("through FFI", &mut bench())?;
    step("through the extension", extension.load(&mut bench()))
}
