//! The JSON copies of the conformance cases. A program of its own reads the YAML: this one has no dependencies.

use std::process::Command;

use crate::workspace::Workspace;

pub(crate) fn cases(workspace: &Workspace, _: &str) -> Result<String, String> {
    made(workspace, "cases")
}

pub(crate) fn must_fail(workspace: &Workspace, _: &str) -> Result<String, String> {
    made(workspace, "must-fail")
}

fn made(workspace: &Workspace, which: &str) -> Result<String, String> {
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).args([
        "run",
        "-q",
        "--locked",
        "-p",
        "rekindle-conformance-gen",
        "--",
        which,
    ]);
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
