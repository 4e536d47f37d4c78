//! Times without an end, which users write for "as long as it takes", are no panic anywhere.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use async_trait::async_trait;
use rekindle::TokenResponse;
use rekindle::{Client, Credential, Expiry, Refresh, RefreshError, RefreshInput, Rotation, Session};
use rekindle_test_server::{Script, Step, TestServer};

struct Grants;

#[async_trait]
impl Refresh for Grants {
    async fn refresh(&self, _: RefreshInput) -> Result<TokenResponse, RefreshError> {
        let mut grant = TokenResponse::new("at-2");
        grant.lifetime = Some(Duration::MAX);
        Ok(grant)
    }
}

fn endless(session: rekindle::SessionBuilder) -> Session {
    let seed = Credential {
        access_token: Some("at-1".into()),
        refresh_token: Some("rt-1".into()),
        expiry: Some(Expiry::In(Duration::MAX)),
        ..Credential::default()
    };
    let session = session.credential(seed).rotation(Rotation::Grace(Duration::MAX));
    let session = session.wait_timeout(Duration::MAX).send_timeout(Duration::MAX).lease(Duration::MAX);
    session.build().unwrap()
}

#[tokio::test]
async fn times_without_an_end_are_no_panic() {
    let script = Script::new()
        .step(Step::on("POST", "/token").text(503, ""))
        .step(Step::on("POST", "/token").text(200, r#"{"access_token": "at-2", "refresh_token": "rt-2"}"#))
        .step(Step::on("GET", "/data").text(200, "ok"));
    let server = TestServer::start(script).unwrap();
    let url = server.base_url();
    let session = Session::builder("oauth2").token_url(format!("{url}/token")).client_id("app");
    let session = endless(session);
    session.token_living(Duration::MAX).await.unwrap();
    session.refresh().await.unwrap();
    assert!(session.shutdown(Duration::MAX).await);
    let client = Client::builder(session).base_url(url).timeout(Duration::MAX).build().unwrap();
    assert_eq!(client.get("/data").timeout(Duration::MAX).send().await.unwrap().status(), 200);
    server.assert_consumed();
}

#[tokio::test]
async fn a_token_that_lives_without_an_end_is_no_panic() {
    let session = Session::builder("oauth2").token_url("https://a.test/token").refresh_with(Grants);
    let session = endless(session);
    assert_eq!(session.refresh().await.unwrap().value(), "at-2");
    assert_eq!(session.token_living(Duration::MAX).await.unwrap().value(), "at-2");
}
