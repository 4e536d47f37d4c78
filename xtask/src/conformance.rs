//! The JSON copies of the conformance cases. A program of its own reads the YAML: this one has no dependencies.

use std::process::Command;

use crate::house::House;

pub(crate) fn cases(house: &House, _: &str) -> Result<String, String> {
    made(house, "cases")
}

pub(crate) fn must_fail(house: &House, _: &str) -> Result<String, String> {
    made(house, "must-fail")
}

fn made(house: &House, which: &str) -> Result<String, String> {
    let mut command = Command::new("cargo");
    command.current_dir(&house.root).args([
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
