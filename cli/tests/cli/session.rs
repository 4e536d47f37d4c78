//! From sign-in to sign-out.

use rekindle_test_server::{Fault, Script, SeedDialect, Step};

use crate::world::World;

#[test]
fn an_imported_credential_is_refreshed_once_and_kept() {
    let world = World::new();
    let old = world.sign_in_expired();
    let ran = world.run(&["request", "/data"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains(r#""ok":true"#), "{}", ran.out);
    assert_eq!(world.server.counters().refreshes, 1);
    // Another process finds the new one.
    let token = world.run(&["token"]).out;
    assert_ne!(token.trim(), old.access_token);
    assert_eq!(world.run(&["request", "/data"]).code, 0);
    assert_eq!((world.server.counters().refreshes, world.server.counters().rejected), (1, 1));
}

#[test]
fn every_seed_dialect_is_brought_back_to_life() {
    for dialect in [SeedDialect::Json, SeedDialect::ApiToken, SeedDialect::OAuth, SeedDialect::OAuth400] {
        let world = World::speaking(dialect, |builder| builder);
        world.sign_in_expired();
        let ran = world.run(&["request", "--fail", "/data"]);
        assert_eq!(ran.code, 0, "{dialect:?}: {}", ran.err);
        assert_eq!(world.server.counters().refreshes, 1, "{dialect:?}");
    }
}

#[test]
fn graphql_prints_the_data_after_a_refresh() {
    let world = World::speaking(SeedDialect::GraphQl, |builder| builder);
    world.sign_in_expired();
    let ran = world.run(&[
        "graphql",
        "query Q($n: Int) { students(limit: $n) { id } }",
        "--variables",
        r#"{"n": 5}"#,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.json()["students"][0]["id"], "1");
    assert_eq!(world.server.counters().refreshes, 1);
    let last = world.server.log().pop().unwrap();
    assert!(last.body.contains(r#""variables":{"n":5}"#), "{}", last.body);
}

#[test]
fn a_posted_graphql_query_is_judged_by_its_body() {
    let world = World::speaking(SeedDialect::GraphQl, |builder| builder);
    world.sign_in_expired();
    let args =
        ["request", "-H", "Content-Type: application/json", "-d", r#"{"query": "{ students { id } }"}"#, "/"];
    let ran = world.run(&args);
    assert!(ran.out.contains("students"), "{}{}", ran.out, ran.err);
    assert_eq!(world.server.counters().refreshes, 1);
}

#[test]
fn an_import_replaces_what_is_there() {
    let world = World::new();
    world.sign_in();
    let second = world.sign_in();
    assert_eq!(world.run(&["token"]).out.trim(), second.access_token);
}

#[test]
fn an_expiry_in_the_past_means_expired() {
    let world = World::new();
    let tokens = world.server.sign_in();
    let json = serde_json::json!({"accessToken": tokens.access_token, "refreshToken": tokens.refresh_token, "expiresAt": 1_700_000_000});
    assert_eq!(world.fed(&["import"], &json.to_string()).code, 0);
    assert_eq!(world.run(&["request", "/data"]).code, 0);
    let counters = world.server.counters();
    assert_eq!((counters.refreshes, counters.rejected), (1, 0));
}

#[test]
fn a_signed_out_session_stays_so() {
    let world = World::new();
    world.sign_in();
    assert_eq!(world.run(&["sign-out"]).code, 0);
    assert_eq!(world.run(&["token"]).code, 3);
    assert!(world.run(&["status"]).out.contains("signed out"));
    let kept = std::fs::read_to_string(world.path("session.json")).unwrap();
    assert!(!kept.contains("sentinel-"), "the tokens are wiped");
}

#[test]
fn a_lost_answer_does_not_lose_the_session_where_the_server_has_a_grace() {
    let world = World::speaking(SeedDialect::Json, |builder| {
        builder.rotation(rekindle_test_server::Rotation::Grace { seconds: 30 })
    });
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    world.configure(&text.replace("\"strict-family\"", "{ grace_seconds = 30 }"));
    world.sign_in_expired();
    world.server.play(Script::new().step(Step::on("POST", "/refresh").fault(Fault::Truncate { bytes: 9 })));
    assert_eq!(world.run(&["request", "--fail", "/data"]).code, 0);
    world.server.assert_consumed();
    assert_eq!(world.server.counters().reuses_detected, 0);
}

#[test]
fn a_token_goes_to_listed_origins_only() {
    let world = World::new();
    world.sign_in();
    let other = World::new();
    let url = format!("{}/data", other.server.base_url());
    assert_eq!(world.run(&["request", &url]).code, 0);
    assert_eq!(other.server.log()[0].authorization, None);
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    world.configure(&format!("{text}origins = [\"{}\"]\n", other.server.base_url()));
    assert_eq!(world.run(&["request", &url]).code, 0);
    assert!(other.server.log()[1].authorization.is_some());
}
