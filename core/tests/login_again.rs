//! A handler signs the user in again while callers wait (spec 12.13).
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rekindle::{Client, Credential, Error, ErrorKind, OnLoginRequired, Session, SessionBuilder};
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::json;
use tokio::sync::Semaphore;

/// Signs in when it is let, and counts how often it is asked.
struct Handler {
    asked: Arc<AtomicU32>,
    let_on: Arc<Semaphore>,
    fails: bool,
}

#[async_trait]
impl OnLoginRequired for Handler {
    async fn sign_in(&self, session: Session) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Whoever asks for a token in here does not wait for itself.
        assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Misuse);
        self.let_on.acquire().await.unwrap().forget();
        if self.fails {
            return Err(Error::new(ErrorKind::LoginRequired, "the user closed the window"));
        }
        let credential = Credential {
            access_token: Some("at-2".into()),
            refresh_token: Some("rt-2".into()),
            ..Credential::default()
        };
        session.sign_in(credential).await
    }
}

struct World {
    asked: Arc<AtomicU32>,
    let_on: Arc<Semaphore>,
    server: TestServer,
}

impl World {
    /// A server that takes the refresh token of nobody, and the access token `at-2`.
    fn new(script: Script) -> Self {
        let server = TestServer::start(script).unwrap();
        Self { asked: Arc::default(), let_on: Arc::new(Semaphore::new(0)), server }
    }

    fn session(&self, fails: bool) -> SessionBuilder {
        let handler = Handler { asked: self.asked.clone(), let_on: self.let_on.clone(), fails };
        let url = self.server.base_url();
        Session::builder("oauth2")
            .token_url(format!("{url}/token"))
            .client_id("app")
            .origin(url)
            .on_login_required(handler)
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn dead() -> Step {
    Step::on("POST", "/token").json(400, json!({ "error": "invalid_grant" }))
}

// spec 12.13
#[tokio::test(flavor = "multi_thread")]
async fn twenty_callers_wait_for_one_sign_in_and_go_on() {
    let world = World::new(Script::new());
    let session = world.session(false).build().unwrap();
    let calls = (0..20).map(|_| {
        let session = session.clone();
        tokio::spawn(async move { session.token().await.unwrap().value().to_owned() })
    });
    let calls: Vec<_> = calls.collect();
    world.let_on.add_permits(1);
    for call in calls {
        assert_eq!(call.await.unwrap(), "at-2");
    }
    assert_eq!(world.asked(), 1);
}

// spec 3.1, 12.13
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_turned_away_goes_on_after_the_sign_in() {
    let script = Script::new()
        .step(Step::on("GET", "/data").text(401, ""))
        .step(dead())
        .step(Step::on("GET", "/data").text(200, "ok"));
    let world = World::new(script);
    let session = world.session(false).tokens("at-1", "rt-1").build().unwrap();
    world.let_on.add_permits(1);
    let client = Client::new(session, world.server.base_url()).unwrap();
    assert_eq!(client.get("/data").send().await.unwrap().text().await.unwrap(), "ok");
    assert_eq!(world.server.log()[2].authorization.as_deref(), Some("Bearer at-2"));
    assert_eq!(world.asked(), 1);
    world.server.assert_consumed();
}

// spec 12.13
#[tokio::test]
async fn where_nobody_may_wait_callers_fail_at_once_and_the_sign_in_goes_on() {
    let world = World::new(Script::new());
    let session = world.session(false).login_timeout(Duration::ZERO).build().unwrap();
    for _ in 0..3 {
        assert!(session.token().await.unwrap_err().is_login_required());
    }
    let events = session.events();
    world.let_on.add_permits(1);
    while events.next().await.kind.name() != "SignedIn" {}
    assert_eq!(session.token().await.unwrap().value(), "at-2");
    assert_eq!(world.asked(), 1);
}

// spec 12.13: whose own time is over gets Timeout; in virtual time
#[tokio::test]
async fn a_wait_is_bounded() {
    use rekindle::clock::ManualClock;
    let (world, clock) = (World::new(Script::new()), ManualClock::new());
    let session = world.session(false).clock(clock.clone()).build().unwrap();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.token().await.map(drop).map_err(|error| error.kind()) }
    });
    while world.asked() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It may not have begun to wait yet: then it waits from now on.
    while !waiting.is_finished() {
        clock.advance(Duration::from_secs(300));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(waiting.await.unwrap(), Err(ErrorKind::Timeout));
}

// spec 12.13
#[tokio::test]
async fn who_said_no_is_not_asked_again_at_once() {
    use rekindle::clock::ManualClock;
    let (world, clock) = (World::new(Script::new()), ManualClock::new());
    let session = world.session(true).clock(clock.clone()).build().unwrap();
    world.let_on.add_permits(2);
    for _ in 0..3 {
        let error = session.token().await.unwrap_err();
        assert!(error.is_login_required() && error.message().contains("closed the window"), "{error}");
    }
    assert_eq!(world.asked(), 1);
    clock.advance(Duration::from_secs(30));
    assert!(session.token().await.is_err());
    assert_eq!(world.asked(), 2);
}

/// Breaks off.
struct Panics;

#[async_trait]
impl OnLoginRequired for Panics {
    async fn sign_in(&self, _: Session) -> Result<(), Error> {
        std::panic::resume_unwind(Box::new("on purpose"))
    }
}

// spec 12.13
#[tokio::test]
async fn a_handler_that_panics_lets_nobody_hang() {
    let builder = Session::builder("oauth2").token_url("https://auth.example/token");
    let session = builder.on_login_required(Panics).build().unwrap();
    for _ in 0..2 {
        assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Misuse);
    }
}
