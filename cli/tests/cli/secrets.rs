//! No command but `token` shows a secret, whatever happens.

use rekindle_test_server::SeedDialect;

use crate::world::{SENTINEL, World};

#[track_caller]
fn assert_silent(world: &World, args: &[&str], input: &str) {
    for json in [&[][..], &["--json"]] {
        let args = [args, json].concat();
        let ran = world.fed(&args, input);
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(SENTINEL), "{args:?} shows a secret: {text}");
        }
    }
}

#[test]
fn no_command_but_token_shows_a_secret() {
    for dialect in [SeedDialect::Json, SeedDialect::OAuth, SeedDialect::GraphQl] {
        let world = World::speaking(dialect, |builder| builder);
        let tokens = serde_json::to_string(&world.server.sign_in()).unwrap();
        assert_silent(&world, &["status"], "");
        assert_silent(&world, &["import"], &tokens);
        for _ in 0..2 {
            assert_silent(&world, &["status"], "");
            assert_silent(&world, &["request", "-i", "/data"], "");
            assert_silent(&world, &["request", "--fail", "/admin"], "");
            assert_silent(&world, &["graphql", "{ admin }"], "");
            assert_silent(&world, &["presets"], "");
            world.server.expire_all_access_tokens();
        }
        world.server.revoke_all();
        assert_silent(&world, &["request", "/data"], "");
        assert_silent(&world, &["status"], "");
        assert_silent(&world, &["sign-out"], "");
        assert_silent(&world, &["import"], &tokens.replace(':', ""));
    }
}

#[test]
fn token_shows_it_and_nothing_else() {
    let world = World::new();
    let tokens = world.sign_in();
    let ran = world.run(&["token"]);
    assert_eq!((ran.out, ran.err), (format!("{}\n", tokens.access_token), String::new()));
}

#[cfg(unix)]
#[test]
fn the_store_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.sign_in();
    let mode = std::fs::metadata(world.path("session.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
