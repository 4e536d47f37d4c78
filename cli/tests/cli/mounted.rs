//! A store's file that a container mounts by itself: it can be written, and not replaced (spec 7.9).

use std::process::Command;

use crate::world::World;

#[test]
fn a_file_that_is_mounted_by_itself_keeps_the_session() {
    let world = World::new();
    if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        return;
    }
    let tokens = serde_json::to_string(&world.server.sign_in()).unwrap();
    world.write("tokens.json", &tokens);
    world.write("host.json", "");
    world.write("session.json", "");
    let command = world.command(&[]);
    let script =
        "mount --bind host.json session.json && $REKINDLE import < tokens.json && $REKINDLE request /data";
    let mut inside = Command::new("unshare");
    inside
        .args(["-m", "sh", "-ec", script])
        .current_dir(world.folder.path())
        .env("HOME", world.folder.path());
    inside.env("REKINDLE", command.get_program()).env_remove("REKINDLE_CONFIG");
    let output = inside.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#""ok":true"#), "{told}");
    // What the container wrote is in the file of the host.
    assert!(std::fs::read_to_string(world.path("host.json")).unwrap().starts_with("rekindle-store 1 "));
    assert_eq!(std::fs::read_to_string(world.path("session.json")).unwrap(), "");
    std::fs::rename(world.path("host.json"), world.path("session.json")).unwrap();
    assert_eq!(world.run(&["token"]).code, 0);
}
