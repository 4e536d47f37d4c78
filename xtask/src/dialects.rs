//! The reference of a dialect file's fields, as a page of the documentation: the code knows them.

use std::process::Command;

use crate::workspace::Workspace;

pub(crate) const REFERENCE: &str = "docs/src/dialects.md";

pub(crate) fn render(workspace: &Workspace, _: &str) -> Result<String, String> {
    let mut command = Command::new("cargo");
    let args = ["run", "-q", "--locked", "-p", "rekindle-proto", "--example", "dialect_reference"];
    let output = command.current_dir(&workspace.root).args(args).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
