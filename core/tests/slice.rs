//! The whole way of a request over real sockets.
#![allow(missing_docs, clippy::unwrap_used)]

use rekindle::{Client, Session};
use rekindle_test_server::{AuthServer, Rotation, SeedDialect};

// spec 3.2, 4.1
#[tokio::test]
async fn twenty_requests_that_meet_an_expired_token_make_one_refresh() {
    let server =
        AuthServer::builder().dialect(SeedDialect::Json).rotation(Rotation::StrictFamily).start().unwrap();
    let tokens = server.sign_in();
    server.expire_all_access_tokens();
    let session = Session::builder("json")
        .token_url(format!("{}/refresh", server.base_url()))
        .tokens(tokens.access_token.as_str(), tokens.refresh_token.as_str())
        .build()
        .unwrap();
    let client = Client::new(session.clone(), server.base_url()).unwrap();
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/data").send().await.unwrap().status().as_u16() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
    let counted = server.counters();
    assert_eq!((counted.refreshes, counted.reuses_detected, session.stats().refreshes), (1, 0, 1));
}
