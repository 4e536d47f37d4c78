//! How many requests of clients are under way at once (spec 11.10).
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use rekindle::transport::{ReqwestTransport, TransportOptions};
use rekindle::{Client, ErrorKind, Session};
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::json;

fn server() -> TestServer {
    let grant = json!({"access_token": "at-2", "refresh_token": "rt-2"});
    let script = Script::new()
        .step(Step::on("POST", "/token").json(200, grant))
        .step(Step::on("GET", "/data").text(200, &"a line\n".repeat(100_000)).always());
    TestServer::start(script).unwrap()
}

fn client(server: &TestServer, max_concurrent_requests: usize) -> (Session, Client) {
    let options = TransportOptions { max_concurrent_requests, ..TransportOptions::default() };
    let transport = Arc::new(ReqwestTransport::new(options).unwrap());
    let session = Session::builder("oauth2").token_url(format!("{}/token", server.base_url()));
    let session = session.client_id("app").tokens("at-1", "rt-1").transport(transport).build().unwrap();
    (session.clone(), Client::new(session, server.base_url()).unwrap())
}

fn api_requests(server: &TestServer) -> usize {
    server.log().iter().filter(|entry| entry.path == "/data").count()
}

#[tokio::test]
async fn a_request_beyond_the_limit_waits_for_a_body_to_end_and_a_refresh_does_not() {
    let server = server();
    let (session, client) = client(&server, 2);
    let first = client.get("/data").send().await.unwrap();
    let second = client.get("/data").send().await.unwrap();

    let mut third = Box::pin(client.get("/data").send());
    tokio::select! {
        biased;
        _ = &mut third => panic!("a third request while two bodies are unread"),
        refreshed = session.force_refresh() => drop(refreshed.unwrap()),
    }
    assert_eq!(api_requests(&server), 2);

    first.text().await.unwrap();
    assert_eq!(third.await.unwrap().status(), 200);
    // What is dropped unread ends its turn, too.
    drop(second);
    client.get("/data").send().await.unwrap().text().await.unwrap();
}

#[tokio::test]
async fn waiting_for_a_turn_ends_with_the_requests_timeout() {
    let server = server();
    let (_, client) = client(&server, 1);
    let first = client.get("/data").send().await.unwrap();
    let timeout = std::time::Duration::from_millis(50);
    let error = client.get("/data").timeout(timeout).send().await.unwrap_err();
    assert_eq!((error.kind(), api_requests(&server)), (ErrorKind::Timeout, 1));
    drop(first);
}

#[test]
fn a_limit_of_none_at_all_is_refused() {
    let options = TransportOptions { max_concurrent_requests: 0, ..TransportOptions::default() };
    let error = ReqwestTransport::new(options).unwrap_err();
    assert_eq!((error.kind(), error.argument()), (ErrorKind::InvalidConfig, Some("max_concurrent_requests")));
}
