//! How tokens are renewed: client credentials against a scripted server, and what a refresh function's end means.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rekindle::ClientAuth;
use rekindle::Dialect;
use rekindle::clock::ManualClock;
use rekindle::store::FileStore;
use rekindle::transport::{
    ReqwestTransport, Transport, TransportError, TransportOptions, TransportRequest, TransportResponse,
};
use rekindle::{
    Client, ClientCredentials, Credential, Error, ErrorKind, Refresh, RefreshError, RefreshInput, Session,
    SessionBuilder, SigningKey, TokenResponse,
};
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::json;

fn granting(times: u32) -> TestServer {
    let grant = |number| json!({ "access_token": format!("at-{number}"), "expires_in": 900 });
    let step = |number| Step::on("POST", "/token").json(200, grant(number));
    TestServer::start((1..=times).fold(Script::new(), |script, number| script.step(step(number)))).unwrap()
}

/// A client that asks on its own behalf: no token, no user.
fn service(server: &TestServer, auth: ClientAuth) -> SessionBuilder {
    Session::builder(Dialect::preset("oauth2").unwrap().with_client_auth(auth))
        .token_url(format!("{}/token", server.base_url()))
        .client_id("service")
}

fn form(server: &TestServer, request: usize) -> BTreeMap<String, String> {
    let body = &server.log()[request].body;
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

// spec 5.18
#[tokio::test]
async fn a_client_with_a_secret_asks_for_its_first_token_when_it_is_needed() {
    let server = granting(1);
    let request = ClientCredentials::new().scope("read").audience("api").parameter("soid", "7");
    let session = service(&server, ClientAuth::ClientSecretPost).client_secret("s3cret");
    let session = session.client_credentials(request.resource("https://api.example/")).build().unwrap();
    assert!(server.log().is_empty());
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    let sent = form(&server, 0);
    let pairs = [
        ("grant_type", "client_credentials"),
        ("scope", "read"),
        ("audience", "api"),
        ("resource", "https://api.example/"),
        ("client_id", "service"),
        ("client_secret", "s3cret"),
        ("soid", "7"),
    ];
    assert_eq!(sent, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    server.assert_consumed();
}

// spec 5.5, 5.18
#[tokio::test]
async fn a_client_by_basic_or_with_a_key_asks_the_same() {
    let server = granting(2);
    let basic = service(&server, ClientAuth::ClientSecretBasic).client_secret("s3cret");
    basic.client_credentials(ClientCredentials::new()).build().unwrap().token().await.unwrap();
    assert_eq!(form(&server, 0).keys().collect::<Vec<_>>(), ["grant_type"]);
    let key = SigningKey::generate().unwrap().0;
    let signing = service(&server, ClientAuth::ClientSecretPost).client_key(key);
    signing.client_credentials(ClientCredentials::new()).build().unwrap().token().await.unwrap();
    let sent = form(&server, 1);
    assert!(sent["client_assertion"].split('.').count() == 3 && !sent.contains_key("client_secret"));
    server.assert_consumed();
}

// spec 3.2, 5.18
#[tokio::test]
async fn a_request_that_is_turned_away_is_replayed_with_a_new_token() {
    let script = Script::new()
        .step(Step::on("POST", "/token").json(200, json!({ "access_token": "at-1", "expires_in": 900 })))
        .step(Step::on("GET", "/data").text(401, ""))
        .step(Step::on("POST", "/token").json(200, json!({ "access_token": "at-2", "expires_in": 900 })))
        .step(Step::on("GET", "/data").text(200, "ok"));
    let server = TestServer::start(script).unwrap();
    let session = service(&server, ClientAuth::ClientSecretPost).client_secret("s3cret");
    let session = session.client_credentials(ClientCredentials::new()).build().unwrap();
    let client = Client::new(session, server.base_url()).unwrap();
    assert_eq!(client.get("/data").send().await.unwrap().text().await.unwrap(), "ok");
    server.assert_consumed();
}

// spec 4.1, 5.18
#[tokio::test]
async fn twenty_tasks_of_two_processes_ask_once() {
    let (server, folder) = (granting(1), tempfile::tempdir().unwrap());
    let process = || {
        let store = FileStore::new(folder.path().join("service.json"));
        let session = service(&server, ClientAuth::ClientSecretPost).client_secret("s3cret").store(store);
        session.client_credentials(ClientCredentials::new()).alone().build().unwrap()
    };
    let sessions = [process(), process()];
    let calls = (0..20).map(|number| {
        let session = sessions[number % 2].clone();
        tokio::spawn(async move { session.token().await.unwrap().value().to_owned() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), "at-1");
    }
    server.assert_consumed();
}

// spec 4.6, 5.18
#[tokio::test]
async fn a_sign_in_with_nothing_ends_a_sign_out() {
    let server = granting(2);
    let session = service(&server, ClientAuth::ClientSecretPost).client_secret("s3cret");
    let session = session.client_credentials(ClientCredentials::new()).build().unwrap();
    session.token().await.unwrap();
    session.sign_out().await.unwrap();
    assert!(session.token().await.unwrap_err().is_signed_out());
    session.sign_in(Credential::default()).await.unwrap();
    assert_eq!(session.token().await.unwrap().value(), "at-2");
}

// spec 5.18
#[test]
fn what_cannot_work_is_told_when_the_session_is_made() {
    let server = granting(0);
    let mistakes = [
        (service(&server, ClientAuth::ClientSecretPost), "client_secret"),
        (
            service(&server, ClientAuth::ClientSecretPost).client_secret("s").tokens("at", "rt"),
            "refresh_token",
        ),
        (
            service(&server, ClientAuth::ClientSecretPost).client_secret("s").refresh_with(raising()),
            "refresh_with",
        ),
        (Session::builder("graphql").token_url(server.base_url()).client_secret("s"), "document"),
    ];
    for (session, named) in mistakes {
        let mistake = session.client_credentials(ClientCredentials::new()).build().unwrap_err();
        assert_eq!(mistake.kind(), ErrorKind::InvalidConfig);
        assert!(mistake.message().contains(named), "{mistake}");
    }
}

/// Ends the same way each time.
struct Function<F>(Arc<AtomicU32>, F);

#[async_trait]
impl<F> Refresh for Function<F>
where
    F: Fn(RefreshInput) -> Result<TokenResponse, RefreshError> + Send + Sync + 'static,
{
    async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1(input)
    }
}

fn raising() -> impl Refresh {
    Function(Arc::default(), |_| Ok("rt-1 is no number".parse::<u8>().map(|_| TokenResponse::new("at-2"))?))
}

/// How the refresh of `at-1` and `rt-1` ends, how often the function was asked, and what is stored.
async fn ended(
    function: impl Fn(RefreshInput) -> Result<TokenResponse, RefreshError> + Send + Sync + 'static,
) -> (Error, u32, String) {
    let (asked, clock, folder) =
        (Arc::new(AtomicU32::new(0)), ManualClock::new(), tempfile::tempdir().unwrap());
    let session = Session::builder("oauth2")
        .tokens("at-1", "rt-1")
        .expires_in(Duration::from_secs(60))
        .store(FileStore::new(folder.path().join("session.json")))
        .refresh_with(Function(asked.clone(), function))
        .clock(clock.clone())
        .build()
        .unwrap();
    session.token().await.unwrap();
    clock.advance(Duration::from_secs(60));
    let waits = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    // A pause of the flight, not the cap of a store call: that is 5 s.
    while !waits.is_finished() {
        let left = clock.next_due().map(|due| due.saturating_sub(rekindle::clock::Clock::now(&clock).mono));
        if let Some(left) = left.filter(|left| *left < Duration::from_secs(4)) {
            clock.advance(left);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = waits.await.unwrap().unwrap_err();
    assert!(session.shutdown(Duration::from_secs(10)).await);
    let stored = std::fs::read_to_string(folder.path().join("session.json")).unwrap();
    (error, asked.load(Ordering::Relaxed), stored)
}

// spec 5.19, 6.2
#[tokio::test]
async fn an_error_that_nobody_knows_may_have_spent_the_refresh_token_and_is_chained() {
    let (error, asked, _) = ended(|_| Ok("rt-1".parse::<u8>().map(|_| TokenResponse::new("at-2"))?)).await;
    assert_eq!((error.kind(), asked), (ErrorKind::RefreshFailed, 2));
    assert!(error.message().starts_with("the refresh function failed with ParseIntError: "), "{error}");
    assert!(!error.message().contains("server says"), "{error}");
    assert!(error.source().unwrap().is::<std::num::ParseIntError>());
    assert_eq!(error.causes(), ["ParseIntError"]);
}

// spec 5.19
#[tokio::test]
async fn an_error_that_says_that_nothing_was_sent_is_tried_again_in_the_same_refresh() {
    let (error, asked, stored) = ended(|_| Err(RefreshError::not_sent("no service is known; rt-1"))).await;
    assert_eq!((error.kind(), asked), (ErrorKind::RefreshFailed, 3));
    assert!(
        error.message().starts_with("no service is known; ") && !error.message().contains("rt-1"),
        "{error}"
    );
    assert!(!stored.contains("\"intent\""), "{stored}");
}

// spec 5.4, 5.19
#[tokio::test]
async fn a_refresh_token_that_comes_without_an_access_token_is_kept() {
    let returned = |_: RefreshInput| {
        let mut response = TokenResponse::new("");
        response.refresh_token = Some("rt-2".into());
        Ok(response)
    };
    let (error, asked, stored) = ended(returned).await;
    assert_eq!((error.kind(), asked), (ErrorKind::ClientRejected, 1));
    assert!(error.message().contains("the refresh function returned a refresh token"), "{error}");
    assert!(stored.contains("rt-2") && !stored.contains("rt-1"), "{stored}");
}

// spec 5.19
#[tokio::test]
async fn nothing_at_all_and_a_panic_may_have_spent_it_too() {
    let (error, asked, _) = ended(|_| Ok(TokenResponse::new(""))).await;
    assert_eq!((error.kind(), asked), (ErrorKind::RefreshFailed, 2));
    assert!(error.message().contains("returned no access_token"), "{error}");
    let (error, asked, _) = ended(|_| panic!("as a test does")).await;
    assert_eq!((error.kind(), asked), (ErrorKind::RefreshFailed, 2));
    assert!(error.message().contains("the refresh function panicked"), "{error}");
}

fn by_cookie(server: &TestServer) -> SessionBuilder {
    let dialect = json!({ "refresh_token": { "credential": "cookie" } });
    Session::builder(Dialect::from_json(&dialect).unwrap())
        .token_url(format!("{}/token", server.base_url()))
        .client_id("page")
}

/// A browser's HTTP stack, as far as cookies go.
struct Browser(Arc<dyn Transport>);

#[async_trait]
impl Transport for Browser {
    async fn send(&self, mut request: TransportRequest) -> Result<TransportResponse, TransportError> {
        if request.with_cookies {
            request.headers.insert("cookie", "rt=secret".parse().unwrap());
        }
        self.0.send(request).await
    }
}

// spec 5.21
#[tokio::test]
async fn where_a_cookie_is_the_credential_the_hosts_own_goes_along_and_no_token_does() {
    let script = Script::new()
        .step(Step::on("POST", "/token").json(200, json!({ "access_token": "at-1" })))
        .step(Step::on("GET", "/data").json(200, json!({})));
    let server = TestServer::start(script).unwrap();
    let stack: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(TransportOptions::default()).unwrap());
    let session =
        by_cookie(&server).origin(server.base_url()).transport(Browser(stack.clone())).build().unwrap();
    let client =
        Client::builder(session).base_url(server.base_url()).transport(Browser(stack)).build().unwrap();
    assert_eq!(client.get("/data").send().await.unwrap().status(), 200);
    assert_eq!(form(&server, 0).into_keys().collect::<Vec<_>>(), ["client_id", "grant_type"]);
    // The API gets the token, and no cookie.
    let cookies = |request: usize| {
        let log = server.log();
        let cookies = log[request].headers.iter().filter(|(name, _)| name == "cookie");
        cookies.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!((cookies(0), cookies(1)), (vec!["rt=secret".to_owned()], vec![]));
    server.assert_consumed();
}

// spec 5.21
#[tokio::test]
async fn a_stack_without_cookies_is_named_where_a_cookie_was_wanted() {
    let refusal = Step::on("POST", "/token").json(401, json!({ "error": "invalid_grant" }));
    let server = TestServer::start(Script::new().step(refusal)).unwrap();
    let error = by_cookie(&server).build().unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginRequired);
    assert!(error.to_string().contains("keeps no cookies"), "{error}");
}
