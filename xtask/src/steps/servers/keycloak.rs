//! Keycloak, as its distribution comes from Maven's repository: unpacked, and set up once for every start of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::toolbox::maven_is_there;
use crate::run;
use crate::workspace::Workspace;

/// Whether it is there, in the version and with the realm of this tree.
pub(super) fn is_there(workspace: &Workspace) -> bool {
    fs::read(stamp(workspace)).is_ok_and(|stamp| stamp == sources(workspace))
}

pub(super) fn install(workspace: &Workspace) -> Result<(), String> {
    if is_there(workspace) {
        return Ok(());
    }
    if !maven_is_there(workspace) {
        return Err("Keycloak needs Maven and a JDK, and they could not be installed".to_owned());
    }
    let folder = folder(workspace);
    let unpacked = workspace.target.join("keycloak-unpacked");
    for old in [&folder, &unpacked] {
        drop(fs::remove_dir_all(old));
    }
    let mut fetch = Command::new("mvn");
    fetch.args(["-q", "-B", "-f"]).arg(workspace.path("tests/idp/keycloak/pom.xml"));
    fetch.arg("dependency:unpack@keycloak").arg(format!("-Dfolder={}", unpacked.display()));
    if !run::ok(&mut fetch) {
        return Err("Keycloak could not be fetched".to_owned());
    }
    // The folder inside carries the version in its name.
    let inside = inside(&unpacked).ok_or("Keycloak's distribution holds no bin/kc.sh")?;
    let realm = workspace.path("tests/idp/keycloak/realm.json");
    let moved = fs::rename(inside, &folder)
        .and_then(|()| fs::create_dir_all(folder.join("data/import")))
        .and_then(|()| fs::copy(realm, folder.join("data/import/realm.json")));
    moved.map_err(|e| format!("{}: {e}", folder.display()))?;
    drop(fs::remove_dir_all(&unpacked));
    // Its quick start needs a build of its own configuration, with a database in memory.
    let mut build = Command::new("bash");
    build.arg(folder.join("bin/kc.sh")).args(["build", "--db=dev-mem"]);
    if !run::ok(&mut build) {
        return Err("Keycloak could not be set up".to_owned());
    }
    fs::write(stamp(workspace), sources(workspace)).map_err(|e| e.to_string())
}

fn inside(unpacked: &Path) -> Option<PathBuf> {
    let mut folders = fs::read_dir(unpacked).ok()?.flatten().map(|entry| entry.path());
    folders.find(|folder| folder.join("bin/kc.sh").exists())
}

/// As `rekindle-idp` looks for it.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("keycloak")
}

fn stamp(workspace: &Workspace) -> PathBuf {
    folder(workspace).join(".installed-from")
}

fn sources(workspace: &Workspace) -> Vec<u8> {
    let files = ["tests/idp/keycloak/pom.xml", "tests/idp/keycloak/realm.json"];
    files.into_iter().flat_map(|file| fs::read(workspace.path(file)).unwrap_or_default()).collect()
}
