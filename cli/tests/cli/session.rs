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

// spec 7.14
#[test]
fn a_backup_that_comes_back_sends_no_spent_refresh_token() {
    let world = World::new();
    world.sign_in();
    assert_eq!(world.run(&["refresh"]).code, 0);
    let backup = std::fs::read(world.path("session.json")).unwrap();
    assert_eq!(world.run(&["refresh"]).code, 0);
    std::fs::write(world.path("session.json"), backup).unwrap();
    for command in ["token", "refresh"] {
        let refused = world.run(&[command]);
        assert_eq!(refused.code, 4, "{}", refused.err);
        assert!(refused.err.contains("older than what was last written"), "{}", refused.err);
    }
    assert_eq!(world.server.counters().reuses_detected, 0);
    world.sign_in();
    assert_eq!(world.run(&["token"]).code, 0);
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
    // The credential was signed in for other origins.
    let refused = world.run(&["request", &url]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
    assert!(refused.err.contains("origins") && refused.err.contains("rekindle rebind"), "{}", refused.err);
    assert_eq!(other.server.log().len(), 1);
    assert_eq!(world.run(&["rebind"]).code, 0);
    assert_eq!(world.run(&["request", &url]).code, 0);
    assert!(other.server.log()[1].authorization.is_some());
}

// spec 7.5, 7.10
#[test]
fn a_token_endpoint_that_moved_keeps_the_session() {
    let world = World::new();
    world.sign_in();
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    let url = world.server.base_url();
    world.configure(&text.replace("/refresh\"", "/refresh/\""));
    assert_eq!(world.run(&["token"]).code, 0, "a slash is no other endpoint");
    world.configure(&text.replace("/refresh\"", "/api/token/refresh\""));
    let refused = world.run(&["token"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains(&format!("{url}/refresh,")) && refused.err.contains("rekindle rebind"));
    assert!(world.run(&["rebind"]).out.contains("moved to this profile"));
    assert!(world.run(&["rebind"]).out.contains("nothing to move"));
    assert_eq!(world.run(&["request", "--fail", "/data"]).code, 0);
}

#[test]
fn an_import_reads_the_names_of_the_dialect() {
    let world = World::new();
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    let names = "[answer]\naccess_token = [\"access\"]\nrefresh_token = [\"refresh\"]\n";
    world.write("acme.toml", names);
    world.configure(&text.replace("dialect = \"json\"", "dialect = \"acme.toml\""));
    let tokens = world.server.sign_in();
    let json = serde_json::json!({"access": tokens.access_token, "refresh": tokens.refresh_token});
    let ran = world.fed(&["import"], &json.to_string());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.run(&["token"]).out.trim(), tokens.access_token);
    assert!(world.run(&["status"]).out.contains("refresh token yes"));
}

#[test]
fn a_sign_out_revokes_where_the_dialect_can_and_says_where_it_did_not() {
    let world = World::new();
    world.sign_in();
    let ran = world.run(&["sign-out", "--revoke"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("signed out") && ran.err.contains("no revocation endpoint"), "{}", ran.err);
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    world.write("acme.toml", &format!("[revoke]\nurl = \"{}/revoke\"\n", world.server.base_url()));
    world.configure(&text.replace("dialect = \"json\"", "dialect = \"acme.toml\""));
    for (status, code) in [(200, 0), (503, 1)] {
        let tokens = world.sign_in();
        world
            .server
            .play(Script::new().step(Step::on("POST", "/revoke").json(status, serde_json::json!({}))));
        let ran = world.run(&["sign-out", "--revoke"]);
        assert_eq!(ran.code, code, "{}", ran.err);
        let asked = world.server.log().pop().unwrap();
        assert!(asked.target == "/revoke" && asked.body.contains(&tokens.refresh_token), "{}", asked.body);
        assert_eq!(world.run(&["token"]).code, 3);
    }
}
