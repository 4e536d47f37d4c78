//! `cargo xtask bench php`: library and extension, built for speed.

use std::process::Command;

use super::extension::{self, Extension};
use super::{step, tool_of};
use crate::steps::toolbox::cargo;
use crate::workspace::Workspace;

const PROFILE: &str = "release";

pub(crate) struct PhpBench<'a> {
    workspace: &'a Workspace,
    extension: Extension,
}

impl<'a> PhpBench<'a> {
    pub(crate) fn built(workspace: &'a Workspace) -> Result<Self, String> {
        let build = ["build", "--locked", "--release", "-p", "rekindle-hosted", "-p", "rekindle-test-server"];
        step("it does not build", cargo(workspace).args(build).args(extension::PACKAGE))?;
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
        php.args(["bench/main.php", part]).args(rest);
        php
    }
}
