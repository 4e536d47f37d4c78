//! What programs read.

use rekindle_test_server::SeedDialect;

use crate::world::World;

#[test]
fn status_says_how_the_session_stands() {
    let world = World::new();
    let status = world.run(&["status", "--json"]).json();
    assert_eq!((status["standing"].as_str(), status["valid"].as_bool()), (Some("signed_out"), Some(false)));
    world.sign_in();
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["standing"], "active");
    assert_eq!(status["profile"], "school");
    assert_eq!(status["rotation"], "strict-family");
    assert_eq!((status["valid"].as_bool(), status["refreshable"].as_bool()), (Some(true), Some(true)));
    assert!(status["expires_in_seconds"].as_u64().is_some_and(|left| left > 800 && left <= 900), "{status}");
    assert!(status["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{status}");
    assert!(status["last_refresh"].is_null() && status["lease"].is_null(), "{status}");
    world.server.expire_all_access_tokens();
    world.run(&["request", "/data"]);
    assert!(world.run(&["status", "--json"]).json()["last_refresh"].is_string());
}

#[test]
fn status_tells_a_dead_session_and_its_reason() {
    let world = World::new();
    world.sign_in();
    world.server.revoke_all();
    world.run(&["request", "/data"]);
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["standing"], "login_required", "{status}");
    assert!(status["reason"].is_string(), "{status}");
}

#[test]
fn status_tells_who_holds_the_lease() {
    let world = World::new();
    world.sign_in_expired();
    world.server.set_token_latency(std::time::Duration::from_secs(3));
    let busy = world.start(&["request", "/data"]);
    world.until(|server| server.counters().refreshes_under_way == 1);
    let status = world.run(&["status", "--json"]).json();
    assert!(
        status["lease"]["holder"].is_string() && status["lease"]["remaining_ms"].as_u64() > Some(0),
        "{status}"
    );
    assert!(world.run(&["status"]).out.contains("held by"));
    assert_eq!(crate::world::Ran::of(busy).code, 0);
    assert!(world.run(&["status", "--json"]).json()["lease"].is_null());
}

#[test]
fn every_command_that_answers_answers_in_json() {
    let world = World::new();
    let tokens = serde_json::to_string(&world.server.sign_in()).unwrap();
    assert_eq!(world.fed(&["import", "--json"], &tokens).json()["standing"], "active");
    assert!(world.run(&["token", "--json"]).json()["access_token"].is_string());
    assert_eq!(world.run(&["sign-out", "--json"]).json()["standing"], "signed_out");
    let presets = world.run(&["presets", "--json"]).json();
    let presets = presets.as_array().unwrap();
    assert!(presets.len() >= 18, "{}", presets.len());
    assert!(
        presets.iter().all(|one| one["name"].is_string()
            && one["rotation"].is_string()
            && one["description"].is_string())
    );
}

#[test]
fn an_error_is_one_object_on_standard_error() {
    let world = World::new();
    let cases: [(&[&str], &str, i64); 4] = [
        (&["token", "--json"], "LoginRequired", 3),
        (&["--json", "status", "--profile", "nobody"], "InvalidConfig", 2),
        (&["--json", "request"], "Usage", 2),
        (&["--json", "request", "-H", "x", "/"], "Usage", 2),
    ];
    for (args, kind, code) in cases {
        let ran = world.run(args);
        let error = ran.error();
        assert_eq!(
            (error["kind"].as_str(), error["exit_code"].as_i64()),
            (Some(kind), Some(code)),
            "{error}"
        );
        assert_eq!((i64::from(ran.code), ran.out.as_str()), (code, ""), "{args:?}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
}

#[test]
fn graphql_errors_are_listed() {
    let world = World::speaking(SeedDialect::GraphQl, |builder| builder);
    world.sign_in();
    let error = world.run(&["graphql", "--json", "{ admin }"]).error();
    assert_eq!(error["kind"], "GraphQL");
    assert_eq!(error["errors"][0]["code"], "FORBIDDEN");
}
