//! The middleware for reqwest-middleware, on the scripted server.
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use bytes::Bytes;
use http_body_util::Full;
use rekindle::adapters::Judged;
use rekindle::adapters::reqwest_middleware::RekindleMiddleware;
use rekindle::proto::Operation;
use rekindle::{ErrorKind, ReplayRefused, Session};
use rekindle_test_server::{AuthServer, Script, SeedDialect, Step};
use reqwest::{Body, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use scripted::{counted, expired, refreshed, session};
use serde_json::{Value, json};

fn around(session: &Session) -> ClientWithMiddleware {
    // reqwest with TLS but without a provider does not start, even for plain http.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
    ClientBuilder::new(reqwest).with(RekindleMiddleware::new(session.clone())).build()
}

fn url(server: &AuthServer) -> String {
    format!("{}/data", server.base_url())
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn judged(response: &Response) -> (&'static str, Option<ReplayRefused>) {
    let judged = response.extensions().get::<Judged>().unwrap();
    (judged.verdict.name(), judged.replay_refused)
}

// spec 3.2, 4.1
#[tokio::test]
async fn fifty_requests_that_are_turned_away_cost_one_refresh() {
    for dialect in [SeedDialect::Json, SeedDialect::ApiToken, SeedDialect::OAuth, SeedDialect::OAuth400] {
        let (server, tokens) = expired(dialect);
        let session = session(&server, dialect, &tokens);
        let client = around(&session);
        let calls = (0..50).map(|_| tokio::spawn(client.get(url(&server)).send()));
        for call in calls.collect::<Vec<_>>() {
            let response = call.await.unwrap().unwrap();
            assert_eq!(response.url().as_str(), url(&server));
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
    let response = around(&session).post(url(&server)).body("twelve bytes").send().await.unwrap();
    assert_eq!(json_of(response).await["body_bytes"], 12);
    assert_eq!((server.counters().side_effects, counted(&server)), (1, (1, 0, 1)));
}

// spec 3.4: never sent empty; the token is refreshed for the next request.
#[tokio::test]
async fn a_streamed_body_is_sent_once_and_the_next_request_has_a_new_token() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let client = around(&session);
    let stream = || Body::wrap(Full::new(Bytes::from("twelve bytes")));
    let refused = client.post(url(&server)).body(stream()).send().await.unwrap();
    assert_eq!(judged(&refused), ("expired", Some(ReplayRefused::BodyNotReplayable)));
    assert_eq!(json_of(refused).await, json!({"error": "token_expired"}));
    assert_eq!(server.counters().side_effects, 0);

    refreshed(&session).await;
    let response = client.post(url(&server)).body(stream()).send().await.unwrap();
    assert_eq!(json_of(response).await["body_bytes"], 12);
    assert_eq!((server.counters().side_effects, counted(&server)), (1, (1, 0, 1)));
    let posts = server.log().into_iter().filter(|request| request.path == "/data");
    assert!(posts.map(|post| post.body).eq(["twelve bytes"; 2]));
}

// spec 2.2: neither replaced nor judged.
#[tokio::test]
async fn a_credential_of_the_callers_own_is_left_alone() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).get(url(&server)).bearer_auth("mine").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<Judged>()), (401, None));
    assert_eq!(server.log()[0].authorization.as_deref(), Some("Bearer mine"));
    assert_eq!(counted(&server), (0, 0, 0));
}

// spec 9.1
#[tokio::test]
async fn a_foreign_origin_gets_no_token_and_is_not_judged() {
    let (server, tokens) = expired(SeedDialect::Json);
    let (foreign, _) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).get(url(&foreign)).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<Judged>()), (401, None));
    assert_eq!(foreign.log()[0].authorization, None);
    assert_eq!((counted(&server), counted(&foreign)), ((0, 0, 0), (0, 0, 0)));
}

// spec 2.2: reqwest follows the redirect without our token; the 401 over there says nothing about it.
#[tokio::test]
async fn the_401_of_an_origin_that_a_redirect_led_to_is_not_judged() {
    let (server, tokens) = expired(SeedDialect::Json);
    let (foreign, _) = expired(SeedDialect::Json);
    let away = Step::on("GET", "/data").text(302, "").header("location", &url(&foreign));
    server.play(Script::new().step(away));
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).get(url(&server)).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<Judged>()), (401, None));
    assert_eq!(foreign.log()[0].authorization, None);
    server.assert_consumed();
    assert_eq!((counted(&server), counted(&foreign)), ((0, 0, 0), (0, 0, 0)));
}

// spec 3.3
#[tokio::test]
async fn a_fresh_token_that_is_turned_away_is_no_loop() {
    let (server, tokens) = expired(SeedDialect::Json);
    let never = Step::on("GET", "/data").json(401, json!({"error": "token_expired"})).always();
    server.play(Script::new().step(never));
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = around(&session).get(url(&server)).send().await.unwrap();
    assert_eq!(judged(&response), ("denied", Some(ReplayRefused::FreshTokenRejected)));
    let gets = server.log().iter().filter(|request| request.method == "GET").count();
    assert_eq!((gets, counted(&server)), (2, (1, 0, 1)));
}

// spec 3.5
#[tokio::test]
async fn the_error_of_a_refused_refresh_carries_the_response() {
    let (server, tokens) = expired(SeedDialect::OAuth);
    server.revoke_all();
    let session = session(&server, SeedDialect::OAuth, &tokens);
    let error = around(&session).get(url(&server)).send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error}") };
    let error = error.downcast::<rekindle::Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::LoginRequired);
    assert_eq!(error.into_response().unwrap().status(), 401);
    assert_eq!(counted(&server), (0, 0, 1));
}

fn graphql(session: &Session, server: &AuthServer, query: &str) -> reqwest_middleware::RequestBuilder {
    let body = json!({ "query": query }).to_string();
    around(session).post(server.base_url()).header("content-type", "application/json").body(body)
}

// spec 2.5: what the request does is read from its body.
#[tokio::test]
async fn a_graphql_query_is_replayed() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let session = session(&server, SeedDialect::GraphQl, &tokens);
    let response = graphql(&session, &server, "{ students { id } }").send().await.unwrap();
    assert_eq!(judged(&response), ("accepted", None));
    assert_eq!(json_of(response).await["data"]["ok"], true);
    assert_eq!(counted(&server), (1, 0, 1));
}

/// Answers to whatever holds `pay`: it has happened, and then the token was over.
fn happened(status: u16) -> (Script, Value) {
    let error = json!({"message": "over", "extensions": {"code": "UNAUTHENTICATED"}});
    let answer = json!({"data": {"pay": 1, "me": null}, "errors": [error]});
    let pay = Step::on("POST", "/").body_contains("pay").json(status, answer.clone());
    (Script::new().step(pay), answer)
}

#[tokio::test]
async fn a_mutation_that_has_happened_is_not_replayed() {
    for status in [200, 401] {
        let (server, tokens) = expired(SeedDialect::GraphQl);
        let (script, answer) = happened(status);
        server.play(script);
        let session = session(&server, SeedDialect::GraphQl, &tokens);
        let response = graphql(&session, &server, "mutation { pay me }").send().await.unwrap();
        assert_eq!(judged(&response), ("expired", Some(ReplayRefused::MaybeApplied)), "{status}");
        assert_eq!(json_of(response).await, answer);
        server.assert_consumed();
        refreshed(&session).await;
        assert_eq!(counted(&server), (1, 0, 1));
    }
}

// The caller knows better than the parser.
#[tokio::test]
async fn what_the_request_does_may_be_told() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let (script, _) = happened(200);
    server.play(script);
    let session = session(&server, SeedDialect::GraphQl, &tokens);
    let request = graphql(&session, &server, "query { pay me }").with_extension(Operation::GraphqlMutation);
    let response = request.send().await.unwrap();
    assert_eq!(judged(&response), ("expired", Some(ReplayRefused::MaybeApplied)));
    refreshed(&session).await;
    assert_eq!(counted(&server), (1, 0, 1));
}
