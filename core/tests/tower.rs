//! The tower layer around hyper's own client, on the scripted server.
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rekindle::adapters::Judged;
use rekindle::adapters::tower::{RekindleLayer, RekindleService};
use rekindle::proto::Operation;
use rekindle::{ErrorKind, ReplayRefused, Session};
use rekindle_test_server::{AuthServer, Script, SeedDialect, Step};
use scripted::{counted, expired, refreshed, session};
use serde_json::{Value, json};
use tower_layer::Layer;
use tower_service::Service;

type Hyper = Client<HttpConnector, Full<Bytes>>;

fn around(session: &Session) -> RekindleService<Hyper> {
    let hyper = Client::builder(TokioExecutor::new()).build_http();
    RekindleLayer::new(session.clone()).layer(hyper)
}

fn request(server: &AuthServer, method: Method, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(format!("{}{path}", server.base_url()))
        .header("content-type", "application/json")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

fn get(server: &AuthServer) -> Request<Full<Bytes>> {
    request(server, Method::GET, "/data", "")
}

async fn json_of<B: http_body::Body<Data = Bytes>>(response: Response<B>) -> Value
where
    B::Error: std::fmt::Debug,
{
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

fn judged<B>(response: &Response<B>) -> (&'static str, Option<ReplayRefused>) {
    let judged = response.extensions().get::<Judged>().unwrap();
    (judged.verdict.name(), judged.replay_refused)
}

// spec 3.2, 4.1
#[tokio::test]
async fn fifty_requests_that_are_turned_away_cost_one_refresh() {
    for dialect in [SeedDialect::Json, SeedDialect::ApiToken, SeedDialect::OAuth, SeedDialect::OAuth400] {
        let (server, tokens) = expired(dialect);
        let session = session(&server, dialect, &tokens);
        let service = around(&session);
        let calls = (0..50).map(|_| tokio::spawn(service.clone().call(get(&server))));
        for call in calls.collect::<Vec<_>>() {
            let response = call.await.unwrap().unwrap();
            assert_eq!(judged(&response), ("accepted", None));
            assert_eq!(json_of(response).await["ok"], true);
        }
        assert_eq!(counted(&server), (1, 0, 1), "{dialect:?}");
        assert_eq!(server.counters().accepted, 50);
        assert_eq!(server.counters().rejected, session.stats().replays);
    }
}

// spec 3.4: the replay carries the whole body again.
#[tokio::test]
async fn a_post_is_replayed_with_its_body() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let post = request(&server, Method::POST, "/notes", r#"{"text":"twelve bytes"}"#);
    let response = around(&session).call(post).await.unwrap();
    assert_eq!(json_of(response).await["body_bytes"], 23);
    assert_eq!((server.counters().side_effects, counted(&server)), (1, (1, 0, 1)));
}

// spec 2.2: neither replaced nor judged.
#[tokio::test]
async fn a_credential_of_the_callers_own_is_left_alone() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let mut own = get(&server);
    own.headers_mut().insert("authorization", "Bearer mine".parse().unwrap());
    let response = around(&session).call(own).await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<Judged>()), (401, None));
    assert_eq!(json_of(response).await, json!({"error": "invalid_token"}));
    assert_eq!(server.log()[0].authorization.as_deref(), Some("Bearer mine"));
    assert_eq!(counted(&server), (0, 0, 0));
}

// spec 9.1
#[tokio::test]
async fn a_foreign_origin_gets_no_token_and_is_not_judged() {
    let (server, tokens) = expired(SeedDialect::Json);
    let (foreign, _) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).call(get(&foreign)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<Judged>()), (401, None));
    assert_eq!(foreign.log()[0].authorization, None);
    assert_eq!((counted(&server), counted(&foreign)), ((0, 0, 0), (0, 0, 0)));
}

// spec 3.3: a token that is new and turned away all the same: no loop, and the answer goes to the caller.
#[tokio::test]
async fn a_fresh_token_that_is_turned_away_is_no_loop() {
    let (server, tokens) = expired(SeedDialect::Json);
    let never = Step::on("GET", "/data").json(401, json!({"error": "token_expired"})).always();
    server.play(Script::new().step(never));
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).call(get(&server)).await.unwrap();
    assert_eq!(judged(&response), ("denied", Some(ReplayRefused::FreshTokenRejected)));
    assert_eq!(json_of(response).await, json!({"error": "token_expired"}));
    let gets = server.log().iter().filter(|request| request.method == "GET").count();
    assert_eq!((gets, counted(&server)), (2, (1, 0, 1)));
}

// spec 3.5
#[tokio::test]
async fn the_error_of_a_refused_refresh_carries_the_response() {
    let (server, tokens) = expired(SeedDialect::OAuth);
    server.revoke_all();
    let session = session(&server, SeedDialect::OAuth, &tokens);
    let error = around(&session).call(get(&server)).await.unwrap_err();
    let error = error.downcast::<rekindle::Error>().unwrap();
    assert_eq!((error.kind(), error.oauth_error()), (ErrorKind::LoginRequired, Some("invalid_grant")));
    let response = error.into_response().unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"error": "invalid_token"}));
    assert_eq!(counted(&server), (0, 0, 1));
}

fn graphql(server: &AuthServer, query: &str) -> Request<Full<Bytes>> {
    request(server, Method::POST, "/", &json!({ "query": query }).to_string())
}

// spec 2.5, 2.6: the error comes with status 200.
#[tokio::test]
async fn a_graphql_query_is_replayed() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let session = session(&server, SeedDialect::GraphQl, &tokens);
    let mut query = graphql(&server, "{ students { id } }");
    query.extensions_mut().insert(Operation::GraphqlQuery);
    let response = around(&session).call(query).await.unwrap();
    assert_eq!(judged(&response), ("accepted", None));
    assert_eq!(json_of(response).await["data"]["ok"], true);
    assert_eq!(counted(&server), (1, 0, 1));
}

// spec 2.5: what cannot be read counts as a mutation, and `data` in the answer tells that it has happened.
#[tokio::test]
async fn what_may_be_a_mutation_that_has_happened_is_not_replayed() {
    for status in [200, 401] {
        let (server, tokens) = expired(SeedDialect::GraphQl);
        let error = json!({"message": "over", "extensions": {"code": "UNAUTHENTICATED"}});
        let answer = json!({"data": {"pay": 1, "me": null}, "errors": [error]});
        let pay = Step { matching: Step::on("POST", "/").body_contains("pay").matching, ..Step::default() };
        server.play(Script::new().step(pay.json(status, answer.clone())));
        let session = session(&server, SeedDialect::GraphQl, &tokens);
        let response = around(&session).call(graphql(&server, "mutation { pay me }")).await.unwrap();
        assert_eq!(judged(&response), ("expired", Some(ReplayRefused::MaybeApplied)), "{status}");
        assert_eq!(json_of(response).await, answer);
        server.assert_consumed();
        refreshed(&session).await;
        assert_eq!(counted(&server), (1, 0, 1));
    }
}

// spec 2.6: a body is handed on as it came, trailers and all, whether it was read to be judged or not.
#[tokio::test]
async fn a_long_error_body_is_handed_on_whole() {
    let (server, tokens) = expired(SeedDialect::Json);
    let long = "x".repeat(9 * 1024 * 1024);
    server.play(Script::new().step(Step::on("GET", "/data").text(500, &long)));
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).call(get(&server)).await.unwrap();
    let size = http_body::Body::size_hint(response.body());
    assert_eq!(size.exact(), Some(long.len() as u64));
    assert!(response.into_body().collect().await.unwrap().to_bytes() == long);
    assert_eq!(counted(&server), (0, 0, 0));
}
