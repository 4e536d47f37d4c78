//! What shell scripts need beside requests.

use rekindle_test_server::{Script, Step};
use serde_json::json;

use crate::world::{Ran, World};

#[test]
fn a_token_that_was_turned_away_is_replaced_once() {
    let world = World::new();
    world.sign_in_expired();
    let old = world.run(&["token"]).out;
    let new = world.fed(&["token", "--rejected=-"], &old);
    assert_eq!(new.code, 0, "{}", new.err);
    assert_ne!(new.out, old);
    // Whoever comes late with the old one gets the one that is there.
    assert_eq!(world.fed(&["token", "--rejected=-"], &old).out, new.out);
    assert_eq!(world.server.counters().refreshes, 1);
    assert_ne!(world.run(&["token", "--rejected"]).out, old);
}

#[test]
fn a_token_lives_as_long_as_is_asked_for() {
    let world = World::new();
    world.sign_in();
    let token = world.run(&["token"]).out;
    assert_eq!(world.run(&["token", "--min-life", "60"]).out, token);
    assert_eq!(world.server.counters().refreshes, 0);
    // The server's tokens live for 900 s: that cannot be had, and is told.
    let ran = world.run(&["token", "--min-life", "5000"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("warning") && ran.err.contains("shorter"), "{}", ran.err);
    let ran = world.run(&["token", "--min-life", "5000", "--json"]);
    assert_eq!(ran.error()["warning"], "life_too_short");
}

#[test]
fn a_refresh_is_made_now() {
    let world = World::new();
    let old = world.sign_in();
    let ran = world.run(&["refresh"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("refreshed: profile school"), "{}", ran.out);
    assert_eq!(world.server.counters().refreshes, 1);
    assert_ne!(world.run(&["token"]).out.trim(), old.access_token);
}

#[test]
fn a_narrower_scope_is_told() {
    let world = World::new();
    let tokens = world.server.sign_in();
    let given =
        json!({"access_token": tokens.access_token, "refresh_token": tokens.refresh_token, "scope": "a b"});
    assert_eq!(world.fed(&["import"], &given.to_string()).code, 0);
    let answer = json!({"accessToken": "at-2", "refreshToken": "rt-2", "access_token": "at-2", "scope": "a"});
    world.server.play(Script::new().step(Step::on("POST", "/refresh").json(200, answer)));
    let ran = world.run(&["refresh"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("warning: the new token has a narrower scope"), "{}", ran.err);
}

#[test]
fn the_exit_code_of_status_says_whether_there_is_a_token() {
    let world = World::new();
    assert_eq!(world.run(&["status", "--exit-code"]).code, 3);
    assert_eq!(world.run(&["status"]).code, 0);
    world.sign_in();
    assert_eq!(world.run(&["status", "--exit-code"]).code, 0);
    world.run(&["sign-out"]);
    assert_eq!(world.run(&["status", "--exit-code", "--json"]).code, 3);
}

#[cfg(unix)]
#[test]
fn a_command_finds_the_token_in_its_environment() {
    let world = World::new();
    let tokens = world.sign_in();
    let run = |args: &[&str]| {
        let mut command = world.command(&[&["exec"], args].concat());
        command.env("PATH", std::env::var_os("PATH").unwrap()).stdin(std::process::Stdio::null());
        Ran::of(command.spawn().unwrap())
    };
    let ran = run(&["--", "sh", "-c", "echo \"$REKINDLE_TOKEN\"; exit 7"]);
    assert_eq!((ran.code, ran.out.trim()), (7, tokens.access_token.as_str()), "{}", ran.err);
    let ran = run(&["--env", "TOKEN", "--", "sh", "-c", "echo \"$TOKEN\""]);
    assert_eq!((ran.code, ran.out.trim()), (0, tokens.access_token.as_str()), "{}", ran.err);
    assert_eq!(run(&["--", "/no/such/program"]).code, 2);
    assert_eq!(run(&["--env", "A=B", "--", "true"]).code, 2);
    world.run(&["sign-out"]);
    let ran = run(&["--", "sh", "-c", "echo ran"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
}
