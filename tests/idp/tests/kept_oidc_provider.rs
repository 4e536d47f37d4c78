//! Sessions kept alive on oidc-provider, which revokes a whole family when a refresh token comes twice.
//! What the server counted is the truth.

// A test fails where its server does not answer; helpers of tests count as code to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::kept::{client, credential, fine, get, get_at_once, names, oauth, strict_family, told};
use common::proxy::Proxy;
use rekindle::DeadReason;
use rekindle::EventKind;
use rekindle::clock::ManualClock;
use rekindle::store::FileStore;
use rekindle::{
    Client, ClientCredentials, Credential, ErrorKind, Expiry, Rotation, Session, SessionBuilder, Token,
};
use rekindle::{ClientAuth, Dialect};
use rekindle_idp::{CONFIDENTIAL_CLIENT, CONFIDENTIAL_SECRET, OidcOptions, OidcProvider, Server, Tokens};

/// What the server counted: refreshes, replays of a used refresh token, requests to the token endpoint.
fn counted(idp: &Server) -> (u64, u64, u64) {
    let stats = idp.stats();
    (stats.refreshes, stats.reuse_detected, stats.token_requests)
}

// spec 3.1, 3.2, 4.1
#[tokio::test]
async fn two_hundred_requests_that_are_turned_away_cost_one_refresh() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let session = strict_family(&idp, &idp.mint_expired()).build().unwrap();
    assert_eq!(get_at_once(&client(&session, &idp), 200).await, fine(200));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!(idp.stats().api_accepted, 200);
    assert_eq!(idp.stats().api_rejected, session.stats().replays);
}

// spec 1.2, 4.1: where the end is known, nobody is turned away at all.
#[tokio::test]
async fn two_hundred_requests_that_know_the_end_cost_one_refresh_and_no_rejection() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let tokens = idp.mint_expired();
    let over = Credential { expiry: Some(Expiry::At(rekindle::Wall(0))), ..credential(&tokens) };
    let session = strict_family(&idp, &tokens).credential(over).build().unwrap();
    assert_eq!(get_at_once(&client(&session, &idp), 200).await, fine(200));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!((idp.stats().api_accepted, idp.stats().api_rejected), (200, 0));
}

fn with_clock(idp: &Server, clock: &ManualClock) -> (Session, Tokens) {
    let tokens = idp.mint();
    (with_life(idp, &tokens, clock).build().unwrap(), tokens)
}

/// A session that knows how long its token lives, by a clock that is turned by hand.
fn with_life(idp: &Server, tokens: &Tokens, clock: &ManualClock) -> SessionBuilder {
    let life = Duration::from_secs(tokens.expires_in.unsigned_abs());
    strict_family(idp, tokens).expires_in(life).clock(clock.clone())
}

fn is(token: Option<Token>, tokens: &Tokens) -> bool {
    token.is_some_and(|token| token.value() == tokens.access_token)
}

// spec 1.2: the advisory window of 300 s is their last 60, or up to 30 more by jitter.
#[tokio::test]
async fn in_the_advisory_window_a_refresh_goes_on_behind_a_token_that_is_served() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let clock = ManualClock::new();
    let (session, tokens) = with_clock(&idp, &clock);
    let client = client(&session, &idp);
    assert_eq!(get(&client).await, Ok(200));
    clock.advance(Duration::from_secs(205));
    assert_eq!(get(&client).await, Ok(200));
    assert_eq!(counted(&idp), (0, 0, 0));

    let events = session.events();
    clock.advance(Duration::from_secs(45));
    assert!(is(session.token_if_valid(), &tokens));
    told(&events, "RefreshSucceeded").await;
    assert_eq!(get_at_once(&client, 20).await, fine(20));
    assert!(!is(session.token_if_valid(), &tokens));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!(idp.stats().api_rejected, 0);
}

// spec 1.2: inside the last 15 s callers wait.
#[tokio::test]
async fn in_the_mandatory_window_callers_wait_for_the_one_refresh() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let clock = ManualClock::new();
    let (session, tokens) = with_clock(&idp, &clock);
    let client = client(&session, &idp);
    assert_eq!(get(&client).await, Ok(200));
    clock.advance(Duration::from_secs(290));
    assert_eq!(get_at_once(&client, 20).await, fine(20));
    assert!(!is(session.token_if_valid(), &tokens));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!(idp.stats().api_rejected, 0);
}

// spec 6.2 (strict-family): not sent again while the token is still valid, and that one is served on.
#[tokio::test]
async fn an_answer_that_is_lost_while_the_token_lives_is_not_asked_for_again() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let (proxy, clock) = (Proxy::start(&idp).await, ManualClock::new());
    let tokens = idp.mint();
    let session = with_life(&idp, &tokens, &clock).token_url(proxy.url("/token")).build().unwrap();
    let (client, events) = (client(&session, &idp), session.events());
    assert_eq!(get(&client).await, Ok(200));
    proxy.lose(1);
    clock.advance(Duration::from_secs(250));
    assert!(is(session.token_if_valid(), &tokens));
    told(&events, "RefreshFailed").await;
    assert_eq!(get_at_once(&client, 20).await, fine(20));
    assert!(is(session.token_if_valid(), &tokens));
    assert_eq!(counted(&idp), (1, 0, 1));
}

// spec 5.2, 6.2 (strict-family): once more, at once; then the server's word counts, and it says why.
#[tokio::test]
async fn an_answer_that_is_lost_when_the_token_is_over_is_asked_for_once_more() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let proxy = Proxy::start(&idp).await;
    let session = strict_family(&idp, &idp.mint_expired()).token_url(proxy.url("/token")).build().unwrap();
    let (client, events) = (client(&session, &idp), session.events());
    proxy.lose(1);
    assert_eq!(get_at_once(&client, 20).await, vec![Err(ErrorKind::LoginRequired); 20]);
    let reason = DeadReason::AnswerLost;
    assert_eq!(told(&events, "LoginRequired").await, EventKind::LoginRequired { reason });
    assert_eq!(counted(&idp), (1, 1, 2));
}

// spec 4.3: the answer is received, persisted and published all the same.
#[tokio::test]
async fn a_caller_cancelled_in_the_middle_of_a_refresh_loses_nothing() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let proxy = Proxy::start(&idp).await;
    let session = strict_family(&idp, &idp.mint_expired()).token_url(proxy.url("/token")).build().unwrap();
    let (client, events) = (client(&session, &idp), session.events());
    proxy.hold();
    let caller = tokio::spawn({
        let client = client.clone();
        async move { get(&client).await }
    });
    proxy.answered(1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    proxy.release();

    told(&events, "RefreshSucceeded").await;
    assert_eq!(get(&client).await, Ok(200));
    assert_eq!(counted(&idp), (1, 0, 1));
}

// spec 3.1: a rejection that comes late finds the newer token, and refreshes nothing.
#[tokio::test]
async fn a_late_401_is_replayed_with_the_token_that_others_got() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let proxy = Proxy::start(&idp).await;
    let session = strict_family(&idp, &idp.mint_expired()).origin(&proxy.base_url).build().unwrap();
    proxy.hold();
    let late = tokio::spawn({
        let client = Client::new(session.clone(), &proxy.base_url).unwrap();
        async move { get(&client).await }
    });
    proxy.answered(1).await;
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
    proxy.release();
    assert_eq!(late.await.unwrap(), Ok(200));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!((idp.stats().api_rejected, idp.stats().api_accepted), (2, 2));
    assert_eq!(session.stats().replays, 2);
}

// spec 4.1, 4.4: the one that comes second adopts what the first one got.
#[tokio::test]
async fn two_sessions_on_one_file_refresh_once_between_them() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tokens = idp.mint_expired();
    let session = || {
        let store = FileStore::new(folder.path().join("session.json"));
        strict_family(&idp, &tokens).store(store).alone().build().unwrap()
    };
    let (one, other) = (session(), session());
    let (of_one, of_other) = (client(&one, &idp), client(&other, &idp));
    let (first, second) = tokio::join!(get_at_once(&of_one, 20), get_at_once(&of_other, 20));
    assert_eq!((first, second), (fine(20), fine(20)));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!(one.stats().refreshes + other.stats().refreshes, 1);
}

const STORE: &str = "KEPT_STORE";
const SERVER: &str = "KEPT_SERVER";

/// One of the processes of the test below; by itself it has nothing to do.
#[tokio::test]
async fn a_process_of_its_own() {
    let (Some(store), Ok(server)) = (std::env::var_os(STORE), std::env::var(SERVER)) else { return };
    let session = Session::builder("oauth2")
        .rotation(Rotation::StrictFamily)
        .token_url(format!("{server}/token"))
        .client_id(rekindle_idp::PUBLIC_CLIENT)
        .origin(&server)
        .store(FileStore::new(store))
        .build()
        .unwrap();
    let client = Client::new(session, &server).unwrap();
    // Straight to the pipe: what is printed is kept by the test harness.
    std::io::stdout().write_all(b"\nready\n").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    assert_eq!(get_at_once(&client, 5).await, fine(5));
}

struct Process(Child);

impl Process {
    fn start(store: &Path, idp: &Server) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_of_its_own", "--nocapture"])
            .envs([(STORE, store.as_os_str()), (SERVER, idp.base_url.as_ref())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn wait_until_ready(&mut self) {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
    }

    fn go(&mut self) {
        drop(self.0.stdin.take());
    }

    fn succeeds(self) -> bool {
        self.0.wait_with_output().unwrap().status.success()
    }
}

// spec 4.1: across all processes that share the store.
#[tokio::test]
async fn twenty_processes_on_one_file_refresh_once_and_nobody_is_signed_out() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.json");
    let tokens = idp.mint_expired();
    let session = strict_family(&idp, &tokens).store(FileStore::new(&path)).build().unwrap();
    session.sign_in(credential(&tokens)).await.unwrap();

    let mut processes: Vec<_> = (0..20).map(|_| Process::start(&path, &idp)).collect();
    processes.iter_mut().for_each(Process::wait_until_ready);
    processes.iter_mut().for_each(Process::go);
    assert!(processes.into_iter().all(Process::succeeds));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!(idp.stats().api_accepted, 100);

    // The session that was there before them takes what they got.
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
    assert_eq!(counted(&idp), (1, 0, 1));
}

async fn revoke(idp: &Server, tokens: &Tokens) {
    let fields = [("client_id", rekindle_idp::PUBLIC_CLIENT), ("token", &tokens.refresh_token)];
    let answer = common::client().post(idp.url("/token/revocation")).form(&fields).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

// spec 5.2, 10.1: told once; no token request goes out until somebody signs in.
#[tokio::test]
async fn a_revoked_refresh_token_asks_for_a_login_once_and_a_sign_in_mends_it() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let tokens = idp.mint_expired();
    let session = strict_family(&idp, &tokens).build().unwrap();
    let (client, events) = (client(&session, &idp), session.events());
    revoke(&idp, &tokens).await;
    for _ in 0..3 {
        let results = get_at_once(&client, 10).await;
        assert_eq!(results, vec![Err(ErrorKind::LoginRequired); 10]);
    }
    assert_eq!(counted(&idp), (0, 0, 1));
    let told = names(&events);
    assert_eq!(told.iter().filter(|name| **name == "LoginRequired").count(), 1, "{told:?}");

    session.sign_in(credential(&idp.mint_expired())).await.unwrap();
    assert_eq!(get_at_once(&client, 10).await, fine(10));
    assert_eq!(counted(&idp), (1, 0, 2));
}

// spec 3.5: the error carries the response that led to it.
#[tokio::test]
async fn the_error_of_a_refused_refresh_carries_the_401() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let tokens = idp.mint_expired();
    let session = strict_family(&idp, &tokens).build().unwrap();
    revoke(&idp, &tokens).await;
    let error = client(&session, &idp).get("/api/data").send().await.unwrap_err();
    assert_eq!((error.kind(), error.oauth_error()), (ErrorKind::LoginRequired, Some("invalid_grant")));
    let response = error.into_response().unwrap();
    assert_eq!((response.status.as_u16(), response.text().as_str()), (401, r#"{"error":"invalid_token"}"#));
}

// spec 4.6, 7.3: sign-out wins over a flight, and what arrives afterwards is served to nobody.
#[tokio::test]
async fn a_sign_out_during_a_refresh_wins() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let proxy = Proxy::start(&idp).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.json");
    let tokens = idp.mint_expired();
    let session = || {
        let session = strict_family(&idp, &tokens).token_url(proxy.url("/token"));
        session.store(FileStore::new(&path)).alone().build().unwrap()
    };
    let kept = session();
    let api = client(&kept, &idp);
    proxy.hold();
    let callers = tokio::spawn({
        let api = api.clone();
        async move { get_at_once(&api, 10).await }
    });
    proxy.answered(1).await;
    kept.sign_out().await.unwrap();
    proxy.release();

    assert_eq!(callers.await.unwrap(), vec![Err(ErrorKind::SignedOut); 10]);
    assert!(kept.shutdown(Duration::from_secs(10)).await);
    assert_eq!(get(&api).await, Err(ErrorKind::SignedOut));
    // A restart with the same seed does not revive it.
    assert_eq!(get(&client(&session(), &idp)).await, Err(ErrorKind::SignedOut));
    assert_eq!(counted(&idp), (1, 0, 1));
    assert_eq!(idp.stats().api_accepted, 0);
}

fn confidential(idp: &Server, tokens: &Tokens, secret: &str, path: &Path) -> Session {
    let dialect = Dialect::preset("oauth2").unwrap().with_client_auth(ClientAuth::ClientSecretBasic);
    Session::builder(dialect)
        .rotation(Rotation::StrictFamily)
        .token_url(idp.token_url())
        .client_id(CONFIDENTIAL_CLIENT)
        .client_secret(secret)
        .origin(&idp.base_url)
        .credential(credential(tokens))
        .store(FileStore::new(path))
        .alone()
        .build()
        .unwrap()
}

// spec 5.5
#[tokio::test]
async fn a_confidential_client_refreshes_by_basic() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tokens = idp.mint_for(CONFIDENTIAL_CLIENT, Duration::ZERO);
    let session = confidential(&idp, &tokens, CONFIDENTIAL_SECRET, &folder.path().join("session.json"));
    assert_eq!(get_at_once(&client(&session, &idp), 50).await, fine(50));
    assert_eq!(counted(&idp), (1, 0, 1));
}

// spec 5.1 (ClientConfig): the session stays signed in, and the right secret goes on with the same refresh token.
#[tokio::test]
async fn a_wrong_client_secret_signs_nobody_out() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.json");
    let tokens = idp.mint_for(CONFIDENTIAL_CLIENT, Duration::ZERO);
    let wrong = confidential(&idp, &tokens, "wrong", &path);
    for _ in 0..3 {
        assert_eq!(get(&client(&wrong, &idp)).await, Err(ErrorKind::ClientRejected));
    }
    assert_eq!(counted(&idp), (0, 0, 1));
    assert!(wrong.shutdown(Duration::from_secs(10)).await);

    let right = confidential(&idp, &tokens, CONFIDENTIAL_SECRET, &path);
    assert_eq!(right.force_refresh().await.map(|token| token.generation()).map_err(|e| e.kind()), Ok(2));
    assert_eq!(get(&client(&right, &idp)).await, Ok(200));
    assert_eq!(counted(&idp), (1, 0, 2));
}

// spec 5.4, 6.1: no rotation, the same refresh token again and again.
#[tokio::test]
async fn without_rotation_every_refresh_sends_the_same_token() {
    let Some(idp) = OidcProvider::start(OidcOptions { rotate: false, ..Default::default() }) else { return };
    let session = oauth(&idp, "oauth2", &idp.mint_expired()).rotation(Rotation::None).build().unwrap();
    let client = client(&session, &idp);
    for refreshes in 1..=3 {
        session.force_refresh().await.unwrap();
        assert_eq!(get(&client).await, Ok(200));
        assert_eq!(counted(&idp), (refreshes, 0, refreshes));
    }
}

// spec 4.1, 5.18: no sign-in and no refresh token; two processes with one store ask once.
#[tokio::test]
async fn a_client_asks_on_its_own_behalf() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let service = |secret: &str, file: &str| {
        let dialect = Dialect::preset("oauth2").unwrap().with_client_auth(ClientAuth::ClientSecretBasic);
        let session = Session::builder(dialect).token_url(idp.token_url()).origin(&idp.base_url);
        let session = session.client_id(CONFIDENTIAL_CLIENT).client_secret(secret).alone();
        let session = session.store(FileStore::new(folder.path().join(file)));
        session.client_credentials(ClientCredentials::new()).build().unwrap()
    };
    let processes = [CONFIDENTIAL_SECRET, CONFIDENTIAL_SECRET].map(|secret| service(secret, "service.json"));
    for session in &processes {
        assert_eq!(get_at_once(&client(session, &idp), 20).await, fine(20));
        assert_eq!(session.token().await.unwrap().generation(), 1);
    }
    assert_eq!(idp.stats().token_requests, 1);
    processes[0].force_refresh().await.unwrap();
    assert_eq!(get(&client(&processes[0], &idp)).await, Ok(200));
    assert_eq!(idp.stats().token_requests, 2);

    let wrong = service("wrong", "other.json");
    assert_eq!(get(&client(&wrong, &idp)).await, Err(ErrorKind::ClientRejected));
}
