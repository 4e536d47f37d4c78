//! Where the servers' runtimes lie, and what to say when they don't.

use std::path::{Path, PathBuf};

const HOW: &str = "run `cargo xtask test --install`, or set REKINDLE_SKIP_IDP to go without";

/// The folder of this crate.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether tests on real servers are to be left out. Never in CI.
pub fn skipped() -> bool {
    std::env::var_os("REKINDLE_SKIP_IDP").is_some() && std::env::var("CI").as_deref() != Ok("true")
}

/// The folder of the npm packages, or why there is none.
pub fn node_modules() -> Result<PathBuf, String> {
    let modules = folder().join("node/node_modules");
    found(modules, "oidc-provider", "the npm packages of tests/idp/node")
}

/// The Python of the virtual environment, or why there is none.
pub fn python() -> Result<PathBuf, String> {
    let venv = target().join("idp-venv");
    found(venv, "bin/python", "the Python environment of tests/idp/python").map(|v| v.join("bin/python"))
}

/// The folder of Keycloak, or why there is none.
pub fn keycloak() -> Result<PathBuf, String> {
    found(target().join("keycloak"), ".installed-from", "Keycloak of tests/idp/keycloak")
}

// Not `current_exe`: a test that is run under a wrapper would look in the wrong place.
fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => folder().join("../../target"),
    }
}

fn found(folder: PathBuf, proof: &str, what: &str) -> Result<PathBuf, String> {
    if folder.join(proof).exists() { Ok(folder) } else { Err(format!("not installed: {what}; {HOW}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_names_the_command_that_installs_it() {
        let why = found(PathBuf::from("nowhere"), "x", "the npm packages").unwrap_err();
        assert!(why.contains("cargo xtask test --install"), "{why}");
    }
}
