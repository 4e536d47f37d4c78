//! Token answers that a proxy compressed (spec 11.5).
#![allow(missing_docs, clippy::unwrap_used)]

use rekindle::Session;
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::json;

// spec 11.5
#[tokio::test]
async fn token_requests_ask_for_no_compression_and_api_requests_do() {
    let grant = json!({"access_token": "at-2", "refresh_token": "rt-2"});
    let script =
        Script::new().step(Step::on("POST", "/token").json(200, grant)).step(Step::on("GET", "/data"));
    let server = TestServer::start(script).unwrap();
    let session =
        Session::builder("oauth2").token_url(format!("{}/token", server.base_url())).client_id("app");
    let session = session.tokens("at-1", "rt-1").build().unwrap();
    let client = rekindle::Client::new(session.clone(), server.base_url()).unwrap();
    session.invalidate();
    client.get("/data").send().await.unwrap();
    let asked = |at: usize| {
        let log = server.log();
        let found = log[at].headers.iter().find(|(name, _)| name == "accept-encoding").cloned();
        found.map(|(_, value)| value)
    };
    assert_eq!((asked(0).as_deref(), asked(1).as_deref()), (Some("identity"), Some("gzip")));
}

/// A proxy that unpacked an answer may have left its label.
#[tokio::test]
async fn a_token_answer_that_is_labelled_as_gzip_and_is_none_is_read_all_the_same() {
    let grant = json!({"access_token": "at-2", "refresh_token": "rt-2"});
    let labelled = Step::on("POST", "/token").json(200, grant).header("content-encoding", "gzip");
    let server = TestServer::start(Script::new().step(labelled)).unwrap();
    let session =
        Session::builder("oauth2").token_url(format!("{}/token", server.base_url())).client_id("app");
    let session = session.tokens("at-1", "rt-1").origin(server.base_url()).build().unwrap();
    session.invalidate();
    assert_eq!(session.token().await.unwrap().value(), "at-2");
    assert_eq!(server.log().len(), 1);
}
