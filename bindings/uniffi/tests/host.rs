//! What no language's own tests show: cancelling where the future is not dropped, and values at the border's edges.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rekindle_test_server::{AuthServer, Script, SeedDialect, Step};
use rekindle_uniffi::{
    CancelToken, Client, ClientConfig, Content, Credential, Dialect, Header, ManualClock, Next, Reads,
    Request, RequestBody, Session, SessionConfig, StoreChoice, error_kinds,
};

fn config(server: &AuthServer) -> SessionConfig {
    let tokens = server.sign_in();
    SessionConfig {
        dialect: Dialect::Preset { name: "json".into() },
        authorization_url: None,
        server: None,
        pushed_requests: true,
        login_timeout: None,
        token_url: Some(format!("{}/refresh", server.base_url())),
        client_id: None,
        client_secret: None,
        client_auth: None,
        credential: Some(Credential {
            access_token: Some(tokens.access_token),
            refresh_token: Some(tokens.refresh_token),
            expires_in: None,
            expires_at: None,
            refresh_token_expires_at: None,
            scope: None,
            token_type: None,
            extra: HashMap::new(),
        }),
        variables: HashMap::new(),
        origins: vec![server.base_url()],
        insecure_origins: Vec::new(),
        rotation: None,
        background: true,
        wait_timeout: None,
        send_timeout: None,
        lease: None,
        client_key: None,
        dpop_key: None,
        require_dpop: true,
        client_credentials: None,
        http: None,
        alone: false,
    }
}

fn session(server: &AuthServer) -> Arc<Session> {
    Arc::new(Session::new(config(server), StoreChoice::Memory, None, None, None, None, None).unwrap())
}

fn server() -> AuthServer {
    AuthServer::builder().dialect(SeedDialect::Json).start().unwrap()
}

#[tokio::test]
async fn a_cancelled_call_ends_at_once_and_its_refresh_goes_on() {
    let server = server();
    let session = session(&server);
    session.token(None, None).await.unwrap();
    server.play(Script::new().step(Step::on("POST", "/refresh").hold("token")));
    let cancel = Arc::new(CancelToken::new());
    let waiting = tokio::spawn({
        let (session, cancel) = (session.clone(), cancel.clone());
        async move { session.refresh(Some(cancel)).await }
    });
    while server.log().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cancel.cancel();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), "Cancelled");
    assert!(!error_kinds().contains(&error.kind()));
    server.release("token");
    assert!(session.shutdown(Duration::from_secs(10), None).await.unwrap());
    assert_eq!(session.token_if_valid().unwrap().details().generation, 2);
}

#[tokio::test]
async fn a_call_that_is_made_with_a_cancelled_token_sends_nothing() {
    let server = server();
    let session = session(&server);
    let cancel = Arc::new(CancelToken::new());
    cancel.cancel();
    assert!(cancel.is_cancelled());
    assert_eq!(session.refresh(Some(cancel.clone())).await.unwrap_err().kind(), "Cancelled");
    let client = Client::new(session, client_config(&server), None).unwrap();
    assert_eq!(client.request(get("/data"), Some(cancel)).await.unwrap_err().kind(), "Cancelled");
    assert!(server.log().is_empty());
}

#[tokio::test]
async fn the_tag_tells_a_token_from_its_successor() {
    let server = server();
    let session = session(&server);
    assert_eq!(session.token_tag(), 0);
    let first = session.token(None, None).await.unwrap();
    assert_eq!((session.token_tag(), session.token_if_valid().unwrap().tag()), (first.tag(), first.tag()));
    let second = session.refresh(None).await.unwrap();
    assert_ne!(first.tag(), second.tag());
    assert_eq!(session.token_tag(), second.tag());
    session.invalidate();
    assert_eq!(session.token_tag(), 0);
}

// spec 2.2, 3.1
#[tokio::test]
async fn a_rejected_call_is_sent_again_with_new_headers_and_then_accepted() {
    let server = server();
    let session = session(&server);
    let url = format!("{}/data", server.base_url());
    let call = session.call("GET".into(), url, Vec::new(), None).unwrap();
    let first = call.headers(None).await.unwrap();
    assert!(first.stay_at_redirects);
    assert_eq!(call.reads(401, Vec::new()).unwrap(), Reads::UpTo { limit: 8 * 1024 * 1024 });
    assert!(!call.accepts(401, Vec::new(), Vec::new()).unwrap());
    let Next::SendAgain { added } = call.answered(Content::Replayable, None, None).await.unwrap() else {
        panic!("a GET may be sent again");
    };
    assert_ne!(first.headers[0].value, added.headers[0].value);
    assert!(call.accepts(200, Vec::new(), Vec::new()).unwrap());
    assert_eq!(call.unsigned().unwrap(), None);
    let elsewhere = call.redirected("GET".into(), "http://[no url".into()).unwrap();
    assert!(elsewhere.headers.is_empty());
    assert_eq!(call.unsigned().unwrap().as_deref(), Some("left_origin"));
    assert_eq!(session.stats()["replays"], 1);
}

// spec 3.6: the first response that an origin accepts is reported, so that one bad URL does not take it down
#[tokio::test]
async fn a_target_serves_by_one_number_and_reports_the_first_accepted_response() {
    let server = server();
    let session = session(&server);
    let url = format!("{}/data", server.base_url());
    let target = session.target(url.clone()).unwrap().unwrap();
    assert_eq!(target.token_tag(), 0);
    session.token(None, None).await.unwrap();
    let token = target.token().unwrap();
    assert_eq!(target.token_tag(), token.tag() | 1, "nobody knows yet whether this origin accepts it");
    let answered = |status| {
        let url = url.clone();
        target.answered(&token, "GET".into(), url, Vec::new(), status, Vec::new(), Vec::new()).unwrap()
    };
    assert!(answered(200).is_none());
    assert_eq!(target.token_tag(), token.tag());
    assert!(!target.judges_success());
    let call = answered(401).unwrap();
    assert!(matches!(
        call.answered(Content::Once, None, None).await.unwrap(),
        Next::Keep { judged: Some(judged) } if judged.replay_refused.as_deref() == Some("body_not_replayable")
    ));
    assert!(session.target("https://elsewhere.example/".into()).unwrap().is_none());
}

// spec 3.5
#[tokio::test]
async fn the_error_of_a_call_carries_its_response() {
    let server = server();
    let session = session(&server);
    let call = session.call("GET".into(), format!("{}/data", server.base_url()), Vec::new(), None).unwrap();
    call.headers(None).await.unwrap();
    server.revoke_all();
    assert!(!call.accepts(401, Vec::new(), b"why".to_vec()).unwrap());
    let error = call.answered(Content::Replayable, None, None).await.unwrap_err();
    assert_eq!(error.kind(), "LoginRequired");
    let response = error.response().unwrap();
    assert_eq!((response.head().status, response.body().unwrap()), (401, b"why".to_vec()));
}

#[test]
fn a_clock_crosses_in_both_directions() {
    let clock = ManualClock::new();
    let before = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
    for time in [before, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_millis(1)] {
        clock.jump_wall(time);
        assert_eq!(clock.wall(), time);
    }
    assert!(clock.until_next().is_none() && !clock.advance_to_timer(Duration::MAX));
}

#[test]
fn no_debug_text_shows_a_secret() {
    let server = server();
    let config = config(&server);
    let secrets = config.credential.clone().unwrap();
    let header = Header { name: "authorization".into(), value: "SECRET".into() };
    let request = Request { headers: vec![header], ..get("/data?token=SECRET") };
    let text = format!("{config:?} {request:?}");
    for secret in ["SECRET", &secrets.access_token.unwrap(), &secrets.refresh_token.unwrap()] {
        assert!(!text.contains(secret), "{text}");
    }
}

fn client_config(server: &AuthServer) -> ClientConfig {
    ClientConfig {
        base_url: Some(server.base_url()),
        headers: Vec::new(),
        timeout: None,
        max_redirects: None,
        max_sends: None,
        retry_statuses: None,
        graphql_path: None,
        http: None,
        max_body_bytes: None,
    }
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".into(),
        url: url.into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: RequestBody::Empty,
        timeout: None,
        idempotency_key: None,
        follow_redirects: true,
        streamed: false,
    }
}
