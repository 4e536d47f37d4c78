//! A store's file or folder that a container mounts by itself: it can be written, and not replaced (spec 7.9); or only read.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::process::{Command, Output};

use rekindle_test_server::{Rotation, SeedDialect};

use crate::world::World;

// spec 7.9
#[test]
fn a_file_that_is_mounted_by_itself_keeps_the_session() {
    let world = World::new();
    let tokens = serde_json::to_string(&world.server.sign_in()).unwrap();
    world.write("tokens.json", &tokens);
    world.write("host.json", "");
    world.write("session.json", "");
    let script =
        "mount --bind host.json session.json && $REKINDLE import < tokens.json && $REKINDLE request /data";
    let Some(output) = mounted(&world, script) else { return };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#""ok":true"#), "{told}");
    // What the container wrote is in the file of the host.
    assert!(std::fs::read_to_string(world.path("host.json")).unwrap().starts_with("rekindle-store 1 "));
    assert_eq!(std::fs::read_to_string(world.path("session.json")).unwrap(), "");
    std::fs::rename(world.path("host.json"), world.path("session.json")).unwrap();
    assert_eq!(world.run(&["token"]).code, 0);
}

// spec 7.2: the refresh token stays as it is, so nothing is lost and nobody is to sign in again.
#[test]
fn a_store_that_can_only_be_read_costs_a_warning_where_the_refresh_token_stays() {
    let world = World::speaking(SeedDialect::Json, |builder| builder.rotation(Rotation::None));
    std::fs::create_dir(world.path("store")).unwrap();
    let profile = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    let profile = profile.replace("session.json", "store/session.json").replace("strict-family", "none");
    world.configure(&profile);
    world.sign_in_expired();
    let script = "mount --bind store store && mount -o remount,bind,ro store && $REKINDLE request /data && exec $REKINDLE refresh";
    let Some(output) = mounted(&world, script) else { return };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#""ok":true"#), "{told}");
    assert!(!told.contains("sign in"), "{told}");
    assert_eq!(told.matches("not_saved").count(), 2, "once for each process: {told}");
    assert_eq!(world.server.counters().refreshes, 2);
}

/// Runs a script in the world's folder, where it may mount things that nobody else sees. Nothing where the machine does
/// not allow that, which is said; in CI that is a failure.
#[expect(clippy::explicit_write, reason = "the harness swallows what eprintln! says in a test that passes")]
fn mounted(world: &World, script: &str) -> Option<Output> {
    let unshare = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--map-root-user"]).args(command).current_dir(world.folder.path());
        unshare
    };
    let try_it = unshare(&["mount", "--bind", ".", "."]).output();
    if !try_it.as_ref().is_ok_and(|output| output.status.success()) {
        let why = format!(
            "this machine lets nobody mount in a namespace (unshare --mount --map-root-user): {try_it:?}"
        );
        assert!(std::env::var_os("CI").is_none(), "{why}");
        writeln!(std::io::stderr(), "not run: {why}").unwrap();
        return None;
    }
    let mut inside = unshare(&["sh", "-ec", script]);
    inside.env("HOME", world.folder.path()).env("REKINDLE", world.command(&[]).get_program());
    Some(inside.env_remove("REKINDLE_CONFIG").output().unwrap())
}
