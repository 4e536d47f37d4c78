//! A GraphQL request whose body the client cannot read (spec 2.5).
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use bytes::Bytes;
use futures_util::stream;
use rekindle::{Client, ReplayRefused};
use rekindle_test_server::{Script, SeedDialect, Step};
use scripted::{counted, expired, refreshed, session};
use serde_json::json;

// spec 2.5: it counts as a mutation, and the `data` of a 401 tells that it has happened.
#[tokio::test]
async fn a_mutation_from_a_factory_that_has_happened_is_not_replayed() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let error = json!({"message": "over", "extensions": {"code": "UNAUTHENTICATED"}});
    let answer = json!({"data": {"pay": 1, "me": null}, "errors": [error]});
    server.play(Script::new().step(Step::on("POST", "/").body_contains("pay").json(401, answer)));
    let session = session(&server, SeedDialect::GraphQl, &tokens);
    let client = Client::new(session.clone(), server.base_url()).unwrap();
    let body = || stream::iter([Ok::<_, std::io::Error>(Bytes::from(r#"{"query":"mutation { pay me }"}"#))]);
    let post = client.post("/").header("content-type", "application/json").body_factory(body);
    let response = post.send().await.unwrap();
    assert_eq!(response.replay_refused(), Some(ReplayRefused::MaybeApplied));
    server.assert_consumed();
    refreshed(&session).await;
    assert_eq!(counted(&server), (1, 0, 1));
}

// A REST request from a factory is replayed as ever (spec 3.4).
#[tokio::test]
async fn json_from_a_factory_is_replayed_where_the_answer_is_not_graphql() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let client = Client::new(session, server.base_url()).unwrap();
    let body = || stream::iter([Ok::<_, std::io::Error>(Bytes::from("{\"a\":1}"))]);
    let post = client.post("/notes").header("content-type", "application/json").body_factory(body);
    assert_eq!(post.send().await.unwrap().status(), 200);
    assert_eq!((server.counters().side_effects, counted(&server)), (1, (1, 0, 1)));
}
