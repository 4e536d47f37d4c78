//! What Apollo Server and graphql-yoga answer to a token that is over. No rekindle in here.

// A test fails where its server does not answer; helpers of tests count as code to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, graphql};
use rekindle_idp::{Apollo, GraphqlOptions, Server, Yoga};
use serde_json::{Value, json};

/// One row of the table: where the error is thrown, and what comes of it.
struct Row {
    thrown: &'static str,
    path: &'static str,
    query: &'static str,
    status: u16,
    /// `None`: the answer has no `data` key at all.
    data: Option<Value>,
}

// The rows that both servers share; they differ in the first one only.
fn table(thrown_in_context: u16) -> Vec<Row> {
    let row = |thrown, path, query, status, data| Row { thrown, path, query, status, data };
    vec![
        row("in the context", "/context", "{ open }", thrown_in_context, None),
        row("in the context, with a status", "/context-401", "{ open }", 401, None),
        row(
            "in a nullable resolver",
            "/graphql",
            "{ open nullable }",
            200,
            Some(json!({"open": "for everybody", "nullable": null})),
        ),
        row("in a non-null resolver", "/graphql", "{ open required }", 200, Some(Value::Null)),
        row(
            "in a resolver, with a status",
            "/graphql",
            "{ open status401 }",
            401,
            Some(json!({"open": "for everybody", "status401": null})),
        ),
    ]
}

async fn check(server: &Server, table: Vec<Row>) {
    let token = server.mint_expired().access_token;
    for row in table {
        let answer = graphql(server, row.path, &token, row.query).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{}: {answer:?}", row.thrown);
        assert_eq!(answer.status, row.status, "{}: {answer:?}", row.thrown);
        assert_eq!(answer.body.get("data"), row.data.as_ref(), "{}: {answer:?}", row.thrown);
    }
}

#[tokio::test]
async fn apollo_answers_unauthenticated_with_200_401_and_500() {
    let Some(apollo) = Apollo::start(GraphqlOptions::default()) else { return };
    check(&apollo, table(500)).await;
}

#[tokio::test]
async fn yoga_answers_unauthenticated_with_200_and_401() {
    let Some(yoga) = Yoga::start(GraphqlOptions::default()) else { return };
    check(&yoga, table(200)).await;
}

async fn the_side_effect_happens(server: &Server) {
    let token = server.mint_expired().access_token;
    let answer = graphql(server, "/graphql", &token, "mutation { increment secure }").await;
    assert_eq!((answer.status, answer.code()), (200, "UNAUTHENTICATED"));
    assert_eq!(answer.body["data"], json!({"increment": 1, "secure": null}));
    assert_eq!(server.stats().side_effects, 1);
}

#[tokio::test]
async fn apollo_a_refused_mutation_has_had_its_side_effect() {
    let Some(apollo) = Apollo::start(GraphqlOptions::default()) else { return };
    the_side_effect_happens(&apollo).await;
}

#[tokio::test]
async fn yoga_a_refused_mutation_has_had_its_side_effect() {
    let Some(yoga) = Yoga::start(GraphqlOptions::default()) else { return };
    the_side_effect_happens(&yoga).await;
}

async fn a_mutation_refused_in_the_context_did_nothing(server: &Server) {
    let token = server.mint_expired().access_token;
    let answer = graphql(server, "/context", &token, "mutation { increment secure }").await;
    assert_eq!((answer.code(), answer.body.get("data")), ("UNAUTHENTICATED", None));
    assert_eq!(server.stats().side_effects, 0);
}

#[tokio::test]
async fn apollo_a_mutation_without_data_did_nothing() {
    let Some(apollo) = Apollo::start(GraphqlOptions::default()) else { return };
    a_mutation_refused_in_the_context_did_nothing(&apollo).await;
}

#[tokio::test]
async fn yoga_a_mutation_without_data_did_nothing() {
    let Some(yoga) = Yoga::start(GraphqlOptions::default()) else { return };
    a_mutation_refused_in_the_context_did_nothing(&yoga).await;
}

async fn refresh(server: &Server, token: &str) -> Answer {
    let fields = "accessToken expiresIn refreshToken";
    let query = format!(r#"mutation {{ refreshToken(refreshToken: "{token}") {{ {fields} }} }}"#);
    graphql(server, "/graphql", "", &query).await
}

async fn a_replay_kills_the_family_here_too(server: &Server) {
    let old = server.mint_expired();
    let granted = refresh(server, &old.refresh_token).await;
    let pair = &granted.body["data"]["refreshToken"];
    let access = pair["accessToken"].as_str().unwrap();
    let answer = graphql(server, "/context", access, "{ students(limit: 1) { fullName } }").await;
    assert_eq!(answer.body["data"]["students"][0]["fullName"], "Ada Moss");

    assert_eq!(refresh(server, &old.refresh_token).await.code(), "UNAUTHENTICATED");
    let child = refresh(server, pair["refreshToken"].as_str().unwrap()).await;
    assert_eq!(child.code(), "UNAUTHENTICATED");
    assert_eq!(graphql(server, "/context", access, "{ open }").await.code(), "UNAUTHENTICATED");
    assert_eq!((server.stats().refreshes, server.stats().reuse_detected), (1, 1));
}

#[tokio::test]
async fn apollo_a_replay_kills_the_family() {
    let Some(apollo) = Apollo::start(GraphqlOptions::default()) else { return };
    a_replay_kills_the_family_here_too(&apollo).await;
}

#[tokio::test]
async fn yoga_a_replay_kills_the_family() {
    let Some(yoga) = Yoga::start(GraphqlOptions::default()) else { return };
    a_replay_kills_the_family_here_too(&yoga).await;
}

#[tokio::test]
async fn without_rotation_the_refresh_answers_as_the_seed_does() {
    let Some(apollo) = Apollo::start(GraphqlOptions { rotate: false, ..Default::default() }) else { return };
    let old = apollo.mint_expired();
    for _ in 0..2 {
        let granted = refresh(&apollo, &old.refresh_token).await;
        let answer = &granted.body["data"]["refreshToken"];
        assert_eq!((&answer["expiresIn"], &answer["refreshToken"]), (&json!(900), &Value::Null));
    }
    assert_eq!(apollo.stats().reuse_detected, 0);
}
