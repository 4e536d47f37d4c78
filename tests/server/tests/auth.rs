//! The model over the wire: four ways of speaking, six ways of failing.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::time::Duration;

use common::{Client, Reply, call, get, request, try_call};
use rekindle_test_server::{AuthServer, Fault, Rotation, Script, SeedDialect, Step, Tokens};
use serde_json::{Value, json};

const REST: [(SeedDialect, &str); 2] =
    [(SeedDialect::Json, "/refresh"), (SeedDialect::ApiToken, "/api/token/refresh")];
const OAUTH: [(SeedDialect, u16); 2] = [(SeedDialect::OAuth, 401), (SeedDialect::OAuth400, 400)];

fn start(dialect: SeedDialect, rotation: Rotation) -> (AuthServer, Tokens) {
    let server = AuthServer::builder().dialect(dialect).rotation(rotation).start().unwrap();
    let tokens = server.sign_in();
    (server, tokens)
}

fn camel(token: &str) -> String {
    json!({ "refreshToken": token }).to_string()
}

fn form(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}&client_id=app&client_secret=app-secret")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn graphql(server: &AuthServer, token: &str, query: &str, variables: Value) -> Reply {
    let body = json!({"query": query, "variables": variables}).to_string();
    call(server, "POST", "/", token, &body).await
}

#[tokio::test]
async fn rest_expires_refreshes_and_serves_again() {
    for (dialect, path) in REST {
        let (server, tokens) = start(dialect, Rotation::None);
        assert_eq!(get(&server, "/data", &tokens.access_token).await.json()["ok"], true);
        server.expire_all_access_tokens();
        let reply = get(&server, "/data", &tokens.access_token).await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.json()["error"] == "token_expired", dialect == SeedDialect::Json);
        let granted = call(&server, "POST", path, "", &camel(&tokens.refresh_token)).await.json();
        assert_eq!(granted.as_object().unwrap().keys().collect::<Vec<_>>(), ["accessToken"]);
        assert_eq!(get(&server, "/data", text(&granted["accessToken"])).await.status, 200);
        assert_eq!(call(&server, "POST", path, "", &camel("unknown")).await.status, 401);
    }
}

#[tokio::test]
async fn rest_tells_the_four_errors_apart() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::None);
    assert_eq!(get(&server, "/a", "").await.json()["error"], "missing_token");
    assert_eq!(get(&server, "/a", "nonsense").await.json()["error"], "invalid_token");
    let reply = get(&server, "/admin/a", &tokens.access_token).await;
    assert_eq!((reply.status, &reply.json()["error"]), (403, &json!("insufficient_scope")));
    server.advance(Duration::from_secs(900));
    assert_eq!(get(&server, "/a", &tokens.access_token).await.json()["error"], "token_expired");
    server.revoke_all();
    assert_eq!(get(&server, "/a", &tokens.access_token).await.json()["error"], "token_revoked");
    let refused = call(&server, "POST", "/refresh", "", &camel(&tokens.refresh_token)).await;
    assert_eq!(refused.json()["error"], "invalid_refresh_token");
}

#[tokio::test]
async fn rotation_gives_a_new_refresh_token_and_a_lifetime_where_that_is_told() {
    let builder = AuthServer::builder().rotation(Rotation::Strict).lifetime(Duration::from_secs(60));
    let server = builder.configure(|config| config.tell_lifetime = true).start().unwrap();
    let tokens = server.sign_in();
    let granted = call(&server, "POST", "/refresh", "", &camel(&tokens.refresh_token)).await.json();
    assert_ne!(text(&granted["refreshToken"]), tokens.refresh_token);
    assert_eq!(granted["expiresIn"], 60);
}

#[tokio::test]
async fn oauth_refreshes_by_form_and_says_invalid_grant() {
    for (dialect, expired) in OAUTH {
        let (server, tokens) = start(dialect, Rotation::Strict);
        server.expire_all_access_tokens();
        let reply = get(&server, "/data", &tokens.access_token).await;
        assert_eq!(reply.status, expired);
        match dialect {
            SeedDialect::OAuth => {
                let challenge = reply.headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            }
            _ => assert_eq!(reply.json(), json!({"error": "token_expired"})),
        }
        let granted = call(&server, "POST", "/oauth/token", "", &form(&tokens.refresh_token)).await.json();
        assert_eq!((&granted["expires_in"], &granted["token_type"]), (&json!(900), &json!("Bearer")));
        assert_eq!(get(&server, "/data", text(&granted["access_token"])).await.status, 200);
        let reused = call(&server, "POST", "/oauth/token", "", &form(&tokens.refresh_token)).await;
        assert_eq!((reused.status, &reused.json()["error"]), (400, &json!("invalid_grant")));
    }
}

#[tokio::test]
async fn oauth_knows_its_client_by_body_or_by_basic_and_no_other() {
    let (server, tokens) = start(SeedDialect::OAuth, Rotation::None);
    let wrong = form(&tokens.refresh_token).replace("app-secret", "guess");
    let reply = call(&server, "POST", "/oauth/token", "", &wrong).await;
    assert_eq!((reply.status, &reply.json()["error"]), (401, &json!("invalid_client")));
    let bare = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token);
    let mut basic = request("POST", "/oauth/token", "", &bare);
    basic.headers_mut().insert("authorization", "Basic YXBwOmFwcC1zZWNyZXQ=".parse().unwrap());
    assert_eq!(Client::connect(&server).await.send(basic).await.unwrap().status, 200);
    let code = form("x").replace("grant_type=refresh_token", "grant_type=password");
    let reply = call(&server, "POST", "/oauth/token", "", &code).await;
    assert_eq!(reply.json()["error"], "unsupported_grant_type");
    assert_eq!(server.counters().refresh_requests, 1);
}

#[tokio::test]
async fn oauth_revokes_what_it_is_told_to() {
    let (server, tokens) = start(SeedDialect::OAuth, Rotation::Strict);
    let body = format!("token={}&client_id=app&client_secret=app-secret", tokens.refresh_token);
    assert_eq!(call(&server, "POST", "/oauth/revoke", "", &body).await.status, 200);
    let refused = call(&server, "POST", "/oauth/token", "", &form(&tokens.refresh_token)).await;
    assert_eq!(refused.json()["error"], "invalid_grant");
    assert_eq!(server.counters().families_revoked, 1);
}

#[tokio::test]
async fn graphql_says_unauthenticated_in_its_body_and_refreshes_by_variables_or_by_query() {
    let (server, tokens) = start(SeedDialect::GraphQl, Rotation::None);
    server.expire_all_access_tokens();
    let expired = graphql(&server, &tokens.access_token, "{ students { id } }", Value::Null).await;
    assert_eq!(expired.status, 200);
    assert_eq!(expired.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert!(expired.json().get("data").is_none());
    let by_variables = "mutation($t: String!) { refreshToken(refreshToken: $t) { accessToken expiresIn } }";
    let by_query =
        format!("mutation {{ refreshToken(refreshToken: \"{}\") {{ accessToken }} }}", tokens.refresh_token);
    for (query, variables) in [(by_variables, json!({"t": tokens.refresh_token})), (&by_query, Value::Null)] {
        let granted = graphql(&server, "", query, variables).await.json();
        let granted = &granted["data"]["refreshToken"];
        assert_eq!(granted["expiresIn"], 900);
        let reply = graphql(&server, text(&granted["accessToken"]), "{ students { id } }", Value::Null).await;
        assert_eq!(reply.json()["data"]["ok"], true);
    }
    let refused = graphql(&server, "", by_variables, json!({"t": "unknown"})).await;
    assert_eq!(refused.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn side_effects_are_counted_once_each_and_never_for_a_rejected_request() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::None);
    for (method, token) in [("GET", &*tokens.access_token), ("POST", &tokens.access_token), ("POST", "x")] {
        call(&server, method, "/orders", token, "{}").await;
    }
    let counters = server.counters();
    assert_eq!((counters.accepted, counters.rejected, counters.side_effects), (2, 1, 1));
    let (server, tokens) = start(SeedDialect::GraphQl, Rotation::None);
    for query in ["query { a }", "mutation { pay }"] {
        graphql(&server, &tokens.access_token, query, Value::Null).await;
    }
    assert_eq!(server.counters().side_effects, 1);
}

#[tokio::test]
async fn a_lost_answer_has_rotated_and_its_replay_is_reuse() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::StrictFamily);
    server.lose_answers(1);
    let body = camel(&tokens.refresh_token);
    assert!(try_call(&server, "POST", "/refresh", "", &body).await.unwrap_err().is_incomplete_message());
    assert_eq!(call(&server, "POST", "/refresh", "", &body).await.status, 401);
    assert_eq!(get(&server, "/data", &tokens.access_token).await.json()["error"], "token_revoked");
    let counters = server.counters();
    assert_eq!((counters.refreshes, counters.answers_lost), (1, 1));
    assert_eq!((counters.reuses_detected, counters.families_revoked), (1, 1));
}

#[tokio::test]
async fn a_lost_answer_inside_a_grace_is_given_again() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::Grace { seconds: 30 });
    server.lose_answers(1);
    let body = camel(&tokens.refresh_token);
    assert!(try_call(&server, "POST", "/refresh", "", &body).await.is_err());
    let again = call(&server, "POST", "/refresh", "", &body).await.json();
    server.advance(Duration::from_secs(31));
    assert_eq!(call(&server, "POST", "/refresh", "", &body).await.status, 401);
    assert_eq!(call(&server, "POST", "/refresh", "", &camel(text(&again["refreshToken"]))).await.status, 200);
}

#[tokio::test]
async fn two_refreshes_at_once_are_seen() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::None);
    let step = Step::on("POST", "/refresh").barrier(2);
    server.play(Script::new().step(step));
    server.set_token_latency(Duration::from_millis(20));
    let body = camel(&tokens.refresh_token);
    let refresh = || call(&server, "POST", "/refresh", "", &body);
    tokio::join!(refresh(), refresh());
    server.assert_consumed();
    let counters = server.counters();
    assert_eq!((counters.most_at_once, counters.refreshes_under_way, counters.refreshes), (2, 0, 2));
}

#[tokio::test]
async fn a_script_before_the_model_breaks_one_answer_and_lets_the_rest_pass() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::Strict);
    server.play(
        Script::new()
            .step(Step::on("POST", "/refresh").json(503, json!({})))
            .step(Step::on("POST", "/refresh").fault(Fault::Truncate { bytes: 3 })),
    );
    let body = camel(&tokens.refresh_token);
    assert_eq!(call(&server, "POST", "/refresh", "", &body).await.status, 503);
    assert!(try_call(&server, "POST", "/refresh", "", &body).await.is_err());
    assert_eq!(call(&server, "POST", "/refresh", "", &body).await.status, 401);
    assert_eq!((server.counters().refreshes, server.counters().reuses_detected), (1, 1));
}

#[tokio::test]
async fn other_languages_set_up_a_model_over_http() {
    let server = rekindle_test_server::TestServer::start(Script::new()).unwrap();
    let config = json!({"dialect": "oauth", "rotation": {"grace": {"seconds": 5}}, "lifetime_ms": 60_000,
        "token_prefix": "SENTINEL-"});
    assert_eq!(call(&server, "POST", "/__auth", "", &config.to_string()).await.status, 204);
    let tokens = call(&server, "POST", "/__sign_in", "", "").await.json();
    assert!(text(&tokens["access_token"]).starts_with("SENTINEL-"));
    assert_eq!(call(&server, "POST", "/__knobs", "", r#"{"lose_answers": 1}"#).await.status, 204);
    let body = form(text(&tokens["refresh_token"]));
    assert!(try_call(&server, "POST", "/oauth/token", "", &body).await.is_err());
    assert_eq!(call(&server, "POST", "/__expire_all", "", "").await.status, 204);
    assert_eq!(get(&server, "/data", text(&tokens["access_token"])).await.status, 401);
    assert_eq!(call(&server, "POST", "/__revoke_all", "", "").await.status, 204);
    assert_eq!(call(&server, "POST", "/oauth/token", "", &body).await.status, 400);
    let counters = get(&server, "/__counters", "").await.json();
    assert_eq!((&counters["refreshes"], &counters["answers_lost"]), (&json!(1), &json!(1)));
    assert_eq!(call(&server, "POST", "/__auth", "", r#"{"dialct": 1}"#).await.status, 400);
}

#[tokio::test]
async fn sixty_four_connections_are_kept_alive_and_served() {
    let (server, tokens) = start(SeedDialect::Json, Rotation::None);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (mut client, token) = (Client::connect(&server).await, tokens.access_token.clone());
        tasks.spawn(async move {
            for _ in 0..50 {
                assert_eq!(client.send(request("GET", "/data", &token, "")).await.unwrap().status, 200);
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(server.counters().accepted, 64 * 50);
}
