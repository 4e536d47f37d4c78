//! 0 fine, 1 the API's error, 2 usage or configuration, 3 a sign-in is needed, 4 network or try later.

use rekindle_test_server::{Fault, Repeat, Script, SeedDialect, Step};
use serde_json::json;

use crate::world::World;

#[test]
fn an_answer_is_0_whatever_its_status() {
    let world = World::new();
    world.sign_in();
    assert_eq!(world.run(&["request", "/data"]).code, 0);
    let refused = world.run(&["request", "/admin"]);
    assert_eq!((refused.code, refused.out.as_str()), (0, r#"{"error":"insufficient_scope"}"#));
}

#[test]
fn an_error_status_is_1_with_fail_and_writes_no_body() {
    let world = World::new();
    world.sign_in();
    let ran = world.run(&["request", "--fail", "/admin"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("HttpStatus") && ran.err.contains("403"), "{}", ran.err);
    assert_eq!(world.run(&["request", "-f", "/data"]).code, 0);
}

#[test]
fn graphql_errors_are_1() {
    let world = World::speaking(SeedDialect::GraphQl, |builder| builder);
    world.sign_in();
    let ran = world.run(&["graphql", "{ admin }"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("GraphQL: ") && ran.err.contains("FORBIDDEN"), "{}", ran.err);
}

#[test]
fn what_cannot_be_asked_is_2() {
    let world = World::new();
    world.sign_in();
    for args in [
        &["frobnicate"][..],
        &["request"],
        &["request", "-X", "no method", "/data"],
        &["request", "-H", "nothing", "/data"],
        &["request", "-d", "@missing", "/data"],
        &["request", "ftp://example.test/"],
        &["request", "/data", "-o", "no/such/folder/file"],
        &["graphql", "{ a }", "--variables", "[1]"],
        &["presets", "nobody"],
        &["demo", "--requests", "0"],
        &["token", "--profile", "other"],
        &["token", "--config", "missing.toml"],
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(!ran.err.is_empty(), "{args:?}");
    }
}

#[test]
fn a_client_that_the_server_does_not_know_is_2() {
    let world = World::speaking(SeedDialect::OAuth, |builder| {
        builder.configure(|config| config.client_secret = "another".to_owned())
    });
    world.sign_in_expired();
    let ran = world.run(&["request", "/data"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("ClientRejected"), "{}", ran.err);
}

#[test]
fn nobody_signed_in_is_3_and_says_what_to_do() {
    let world = World::new();
    for args in [&["token"][..], &["request", "/data"]] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
        assert!(ran.err.contains("rekindle import"), "{}", ran.err);
    }
    assert_eq!(world.server.log().len(), 0, "nothing was sent without a token");
}

#[test]
fn a_dead_refresh_token_is_3() {
    let world = World::new();
    world.sign_in();
    world.server.revoke_all();
    let ran = world.run(&["--profile", "school", "request", "/data"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("LoginRequired"), "{}", ran.err);
    assert!(ran.err.contains("rekindle import --profile school"), "{}", ran.err);
    assert_eq!(world.run(&["request", "/data"]).code, 3);
    assert_eq!(world.server.counters().refresh_requests, 1, "a dead one is not sent again");
}

#[test]
fn a_server_that_is_gone_is_4() {
    let world = World::new();
    world.sign_in();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = world.run(&["request", &format!("http://{nobody}/")]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("Connection"), "{}", ran.err);
}

#[test]
fn a_download_that_breaks_off_is_4() {
    let world = World::new();
    world.sign_in();
    world.server.play(Script::new().step(Step::on("GET", "/data").fault(Fault::Truncate { bytes: 9 })));
    let ran = world.run(&["request", "/data"]);
    assert_eq!((ran.code, ran.out.len()), (4, 9), "{}", ran.err);
    assert!(ran.err.contains("Connection"), "{}", ran.err);
}

#[test]
fn a_refresh_that_fails_for_now_is_4() {
    let world = World::new();
    world.sign_in_expired();
    let mut broken = Step::on("POST", "/refresh").json(418, json!({"what": "a teapot"}));
    broken.repeat = Some(Repeat::Times(9));
    world.server.play(Script::new().step(broken));
    let ran = world.run(&["request", "/data"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("RefreshFailed"), "{}", ran.err);
}

#[test]
fn a_store_that_cannot_be_read_is_4() {
    let world = World::new();
    std::fs::create_dir(world.path("session.json")).unwrap();
    let ran = world.run(&["token"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("StoreUnavailable"), "{}", ran.err);
}

#[test]
fn nobody_reading_the_output_is_0() {
    let world = World::new();
    let mut child = world.start(&["completions", "bash"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
