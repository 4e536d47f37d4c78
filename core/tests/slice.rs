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

// spec 1.1, 1.3: a caller that read its clock, and then waited while another opened the store, must not find
// that the token which ended in the meantime is still valid.
#[test]
fn a_token_whose_end_is_known_is_never_sent_however_many_threads_begin_at_once() {
    for _ in 0..20 {
        let session = Session::builder("oauth2")
            .token_url("http://127.0.0.1:9/token")
            .client_id("app")
            .credential(rekindle::Credential {
                access_token: Some("over".into()),
                expiry: Some(rekindle::Expiry::At(rekindle::Wall(0))),
                ..Default::default()
            })
            .build()
            .unwrap();
        let start = std::sync::Barrier::new(16);
        std::thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| {
                    start.wait();
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    assert!(runtime.block_on(session.token()).unwrap_err().is_login_required());
                });
            }
        });
    }
}

// spec 4.10
#[tokio::test]
async fn shutdown_returns_once_every_event_was_delivered() {
    use std::sync::{Arc, Mutex, mpsc};
    use std::time::Duration;

    let (let_go, held) = mpsc::channel::<()>();
    let (delivered, held) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(held));
    let seen = delivered.clone();
    let session = Session::builder("oauth2")
        .token_url("http://127.0.0.1:9/token")
        .tokens("at-1", "rt-1")
        .on_event(move |event| {
            held.lock().unwrap().recv().unwrap();
            seen.lock().unwrap().push(event.kind.name());
        })
        .build()
        .unwrap();
    session.sign_out().await.unwrap();
    assert!(!session.is_settled());
    assert!(!session.shutdown(Duration::from_millis(1)).await);
    let_go.send(()).unwrap();
    assert!(session.shutdown(Duration::from_secs(30)).await);
    assert_eq!(*delivered.lock().unwrap(), ["SignedOut"]);
}
