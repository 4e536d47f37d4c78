//! `cargo xtask bench php`: library and extension as `cargo xtask package php` hands them out.

use std::process::Command;

use super::extension::{self, Extension};
use super::{step, tool_of};
use crate::steps::toolbox::cargo;
use crate::workspace::Workspace;

const PROFILE: &str = "mobile";

pub(crate) struct PhpBench<'a> {
    workspace: &'a Workspace,
    extension: Extension,
}

impl<'a> PhpBench<'a> {
    pub(crate) fn built(workspace: &'a Workspace) -> Result<Self, String> {
        let build = ["build", "--locked", "--profile", PROFILE, "-p", "rekindle-hosted"];
        step("it does not build", cargo(workspace).args(build).args(extension::PACKAGE))?;
        let server = ["build", "--locked", "-p", "rekindle-test-server"];
        step("the test server does not build", cargo(workspace).args(server))?;
        Ok(Self { workspace, extension: Extension::installed(workspace, PROFILE)? })
    }

    pub(crate) fn through_extension(&self, part: &str, rest: &[String]) -> Command {
        let mut command = self.through_ffi(part, rest);
        self.extension.load(&mut command);
        command
    }

    /// PHP's settings allow FFI on the command line.
    pub(crate) fn through_ffi(&self, part: &str, rest: &[String]) -> Command {
        let mut php = tool_of(self.workspace, PROFILE, "php");
        // The server's CPU is not measured.
        php.env("REKINDLE_TEST_SERVER", self.workspace.target.join("debug/rekindle-test-server"));
        php.args(["bench/main.php", part]).args(rest);
        php
    }
}
