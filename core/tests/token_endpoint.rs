//! What is asked of a token endpoint, and what its answers lead to, over a transport with a script.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::header::DATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use rekindle::clock::{Clock, ManualClock};
use rekindle::store::{MemoryStore, Store};
use rekindle::transport::{Outgoing, Transport, TransportError, TransportRequest, TransportResponse};
use rekindle::{Client, ErrorKind, Session, SessionBuilder};
use rekindle::{ClientAuth, Dialect};
use serde_json::{Value, json};

/// Answers in order, and keeps what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<(u16, String, HeaderMap)>>,
    asked: Mutex<Vec<(HeaderMap, String)>>,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        let answers = answers.into_iter().map(|(status, body)| {
            let text = if body.is_null() { String::new() } else { body.to_string() };
            (status, text, HeaderMap::new())
        });
        Arc::new(Self { answers: Mutex::new(answers.collect()), ..Self::default() })
    }

    fn bodies(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let body = match request.body {
            Outgoing::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => String::new(),
        };
        self.asked.lock().unwrap().push((request.headers, body));
        let (status, body, headers) = self.answers.lock().unwrap().pop_front().expect("an answer");
        Ok(TransportResponse::whole(StatusCode::from_u16(status).unwrap(), headers, body))
    }
}

fn builder(dialect: &str, script: &Arc<Script>) -> SessionBuilder {
    let transport: Arc<dyn Transport> = script.clone();
    Session::builder(dialect)
        .token_url("https://auth.test/token")
        .client_id("app")
        .tokens("at-1", "rt-1")
        .origin("https://api.test")
        .transport(transport)
}

fn unknown_field() -> Value {
    let message = "Cannot query field \"refreshToken\" on type \"Tokens\".";
    json!({"errors": [{"message": message, "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]})
}

fn graphql_grant(access: &str) -> Value {
    json!({"data": {"refreshToken": {"accessToken": access, "expiresIn": 900}}})
}

// spec 5.20
#[tokio::test]
async fn an_error_that_comes_of_an_answer_names_a_clock_that_is_off() {
    let refusals = [
        (401, json!({"error": "invalid_client"}), ErrorKind::ClientRejected),
        (400, json!({"error": "invalid_dpop_proof"}), ErrorKind::RefreshFailed),
        (400, json!({"error": "invalid_grant"}), ErrorKind::LoginRequired),
    ];
    for (status, refusal, kind) in refusals {
        for (hours, named) in [(-3, Some("3 h 0 min ahead of")), (0, None), (26, Some("1 d 2 h behind"))] {
            let script = Script::of([(status, refusal.clone())]);
            let (clock, transport): (_, Arc<dyn Transport>) = (ManualClock::new(), script.clone());
            let server = clock.now().wall.0 / 1000 + hours * 3600;
            let server = SystemTime::UNIX_EPOCH + Duration::from_secs(server.try_into().unwrap());
            let date = HeaderValue::from_str(&httpdate::fmt_http_date(server)).unwrap();
            script.answers.lock().unwrap()[0].2.insert(DATE, date);
            let session = builder("oauth2", &script).transport(transport).clock(clock).build().unwrap();
            let error = session.refresh().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            match named {
                Some(named) => assert!(
                    error.message().contains(&format!("this machine's clock is {named} the server's")),
                    "{error}"
                ),
                None => assert!(!error.message().contains("clock"), "{error}"),
            }
        }
    }
}

// spec 5.15
#[tokio::test]
async fn a_server_without_the_field_is_asked_once_without_it_and_that_is_remembered() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let script =
        Script::of([(400, unknown_field()), (200, graphql_grant("at-2")), (200, graphql_grant("at-3"))]);
    let session = builder("graphql", &script).store(store.clone()).alone().build().unwrap();
    assert_eq!(session.refresh().await.unwrap().value(), "at-2");
    assert_eq!(session.force_refresh().await.unwrap().value(), "at-3");
    let has_field: Vec<_> =
        script.bodies().iter().map(|body| body.contains("accessToken refreshToken")).collect();
    assert_eq!(has_field, [true, false, false]);
    // And by the next process, which has the record.
    let script = Script::of([(200, graphql_grant("at-4"))]);
    let session = builder("graphql", &script).store(store).alone().build().unwrap();
    assert_eq!(session.force_refresh().await.unwrap().value(), "at-4");
    assert!(!script.bodies()[0].contains("accessToken refreshToken"));
}

// spec 5.15
#[tokio::test]
async fn a_server_that_rotates_gives_its_next_refresh_token() {
    let grant = |access: &str, refresh: &str| json!({"data": {"refreshToken": {"accessToken": access, "refreshToken": refresh, "expiresIn": 900}}});
    let script = Script::of([(200, grant("at-2", "rt-2")), (200, grant("at-3", "rt-3"))]);
    let session = builder("graphql", &script).build().unwrap();
    session.refresh().await.unwrap();
    session.force_refresh().await.unwrap();
    assert!(script.bodies()[1].contains("rt-2"));
}

// spec 5.15
#[tokio::test]
async fn a_server_that_has_no_such_mutation_is_a_mistake_of_the_client_and_is_not_remembered() {
    let script = Script::of([(400, unknown_field()), (400, unknown_field())]);
    let session = builder("graphql", &script).build().unwrap();
    let error = session.refresh().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.oauth_error()),
        (ErrorKind::ClientRejected, Some("GRAPHQL_VALIDATION_FAILED"))
    );
    assert_eq!(script.bodies().len(), 2);
    assert!(session.status().refreshable);
}

const EMPTY_400: &str = "
[[answer.rules]]
status = 400
empty_body = true
outcome = \"dead\"
confirm = true
";

async fn with_empty_400(answers: Vec<(u16, Value)>) -> (Result<String, ErrorKind>, usize) {
    let script = Script::of(answers);
    let (clock, transport): (_, Arc<dyn Transport>) = (ManualClock::new(), script.clone());
    let session = Session::builder(Dialect::from_toml(EMPTY_400, "home.toml").unwrap())
        .token_url("https://auth.test/token")
        .tokens("at-1", "rt-1")
        .transport(transport)
        .clock(clock.clone())
        .build()
        .unwrap();
    let refreshing = tokio::spawn(async move { session.refresh().await });
    let pause = Duration::from_secs(1);
    let start = clock.mono();
    while !refreshing.is_finished() {
        if clock.mono() == start && clock.next_due().is_some_and(|due| due <= start + pause) {
            clock.advance(pause);
        }
        tokio::task::yield_now().await;
    }
    let result = refreshing.await.unwrap();
    (result.map(|token| token.value().to_owned()).map_err(|error| error.kind()), script.bodies().len())
}

// spec 5.16
#[tokio::test]
async fn an_empty_400_signs_out_only_if_it_is_said_twice() {
    let granted = json!({"access_token": "at-2", "expires_in": 900});
    let passing = with_empty_400(vec![(400, Value::Null), (200, granted)]).await;
    assert_eq!(passing, (Ok("at-2".to_owned()), 2));
    let dead = with_empty_400(vec![(400, Value::Null), (400, Value::Null)]).await;
    assert_eq!(dead, (Err(ErrorKind::LoginRequired), 2));
}

// spec 5.13
#[tokio::test]
async fn a_scope_that_was_told_is_not_sent() {
    let grant = |access: &str| json!({"access_token": access, "expires_in": 900, "scope": "read,write"});
    let script = Script::of([(200, grant("at-2")), (200, grant("at-3"))]);
    let session = builder("oauth2", &script).build().unwrap();
    session.refresh().await.unwrap();
    session.force_refresh().await.unwrap();
    assert_eq!(session.status().scope.as_deref(), Some("read,write"));
    assert!(script.bodies().iter().all(|body| !body.contains("scope")));
}

// spec 5.12
#[tokio::test]
async fn an_error_text_in_place_of_a_token_replaces_nothing() {
    let text =
        json!({"access_token": "error: token is expired by 23m", "refresh_token": "", "expires_in": 0});
    let script = Script::of([(200, text)]);
    let session = builder("oauth2", &script).expires_in(Duration::from_secs(900)).build().unwrap();
    let error = session.force_refresh().await.unwrap_err();
    assert!(error.kind() == ErrorKind::RefreshFailed && error.to_string().contains("RFC 6750"), "{error}");
    assert_eq!(session.token().await.unwrap().value(), "at-1");
}

// spec 5.14
#[tokio::test]
async fn a_token_endpoint_that_moved_says_where_to() {
    let script = Script::of([]);
    let location = HeaderMap::from_iter([(
        http::header::LOCATION,
        HeaderValue::from_static("https://auth.test/token/"),
    )]);
    script.answers.lock().unwrap().push_back((308, String::new(), location));
    let session = builder("oauth2", &script).build().unwrap();
    let error = session.refresh().await.unwrap_err().to_string();
    assert!(error.contains("https://auth.test/token/") && error.contains("token_url"), "{error}");
}

// spec 5.17
#[test]
fn variables_are_checked_when_a_session_is_made() {
    let supabase = |variables: &[(&str, &str)]| {
        let builder = Session::builder("supabase").tokens("at-1", "rt-1");
        let builder =
            variables.iter().fold(builder, |builder, (name, value)| builder.variable(*name, *value));
        builder.build().map(drop).map_err(|error| error.to_string())
    };
    let base = ("base_url", "https://acme.supabase.co");
    assert!(supabase(&[base]).unwrap_err().contains("`apikey`"));
    assert!(
        supabase(&[base, ("apikey", "k"), ("region", "eu")]).unwrap_err().contains("no variable `region`")
    );
    assert_eq!(supabase(&[base, ("apikey", "k")]), Ok(()));
}

// spec 5.5
#[tokio::test]
async fn the_clients_registration_wins_over_the_dialect() {
    let grant = json!({"access_token": "at-2", "expires_in": 900});
    for (auth, in_header) in [(ClientAuth::ClientSecretBasic, true), (ClientAuth::ClientSecretPost, false)] {
        let script = Script::of([(200, grant.clone())]);
        let session = builder("oauth2", &script).client_secret("s3cret").client_auth(auth).build().unwrap();
        session.refresh().await.unwrap();
        let asked = script.asked.lock().unwrap();
        assert_eq!(
            (asked[0].0.contains_key("authorization"), asked[0].1.contains("s3cret")),
            (in_header, !in_header)
        );
    }
}

// spec 2.2
#[tokio::test]
async fn a_key_of_the_callers_goes_along_with_the_token() {
    let script = Script::of([(200, json!({}))]);
    let transport: Arc<dyn Transport> = script.clone();
    let session = Session::builder("supabase")
        .variable("base_url", "https://acme.supabase.co")
        .variable("apikey", "k")
        .tokens("at-1", "rt-1")
        .transport(transport)
        .build()
        .unwrap();
    let client = Client::new(session, "https://acme.supabase.co").unwrap();
    client.get("/rest/v1/pupils").header("apikey", "k").send().await.unwrap();
    let asked = script.asked.lock().unwrap();
    assert_eq!(
        (&asked[0].0["apikey"], &asked[0].0["authorization"]),
        (&HeaderValue::from_static("k"), &HeaderValue::from_static("Bearer at-1"))
    );
}

const GATEWAY: &str = "
[token_endpoint]
url = \"https://auth.test/token\"
[[api.rules]]
status = [404, 429]
past_end = true
verdict = \"expired\"
applied = \"no\"
";

// spec 2.9
#[tokio::test]
async fn a_404_expires_a_token_only_if_it_is_past_its_end() {
    let script = Script::of([]);
    let (clock, transport): (_, Arc<dyn Transport>) = (ManualClock::new(), script);
    let session = Session::builder(Dialect::from_toml(GATEWAY, "gateway.toml").unwrap())
        .tokens("at-1", "rt-1")
        .expires_in(Duration::from_secs(60))
        .origin("https://api.test")
        .transport(transport)
        .clock(clock.clone())
        .build()
        .unwrap();
    let url = "https://api.test/data".parse().unwrap();
    let mut call = session.call(http::Method::GET, url, &HeaderMap::new(), rekindle::call::Content::none());
    call.headers().await.unwrap();
    assert!(call.accepts(StatusCode::NOT_FOUND, &HeaderMap::new(), b""));
    clock.advance(Duration::from_secs(61));
    assert!(!call.accepts(StatusCode::NOT_FOUND, &HeaderMap::new(), b""));
    assert!(call.accepts(StatusCode::OK, &HeaderMap::new(), b""));
}

const SLOW_API: &str = "
[token_endpoint]
url = \"https://auth.test/token\"
[api]
settle_ms = 2000
";

/// The statuses that the API answers with, after the refresh; what the caller gets, and how much was asked in all.
async fn with_slow_api(after: &[u16]) -> (u16, usize) {
    let granted = json!({"access_token": "at-2", "expires_in": 900});
    let answers = [(401, json!({})), (200, granted)];
    let script = Script::of(answers.into_iter().chain(after.iter().map(|status| (*status, json!({})))));
    let (clock, transport): (_, Arc<dyn Transport>) = (ManualClock::new(), script.clone());
    let session = Session::builder(Dialect::from_toml(SLOW_API, "slow.toml").unwrap())
        .tokens("at-1", "rt-1")
        .transport(transport)
        .clock(clock.clone())
        .build()
        .unwrap();
    let client = Client::new(session, "https://api.test").unwrap();
    let asking = tokio::spawn(async move { client.get("/data").send().await.unwrap().status().as_u16() });
    while !asking.is_finished() {
        // Only what is due within the time that the API takes: no time-out.
        if let Some(due) = clock.next_due().filter(|due| *due <= clock.mono() + Duration::from_secs(2)) {
            clock.advance(due.saturating_sub(clock.mono()));
        }
        tokio::task::yield_now().await;
    }
    (asking.await.unwrap(), script.bodies().len())
}

// spec 2.10
#[tokio::test]
async fn a_fresh_token_that_the_api_does_not_know_yet_is_sent_again() {
    assert_eq!(with_slow_api(&[200]).await, (200, 3));
    assert_eq!(with_slow_api(&[401, 401, 200]).await, (200, 5));
    // After 0.25, 0.5, 1 s, and at the end of the two seconds; then it is denied, and no second refresh was made.
    assert_eq!(with_slow_api(&[401, 401, 401, 401, 401]).await, (401, 7));
}

/// What a website or a proxy puts in the place of a token answer is named.
#[tokio::test]
async fn what_came_in_the_place_of_tokens_is_named() {
    let none = "no access token in it";
    let came = [(200, "<html>Sign in</html>", "an HTML page"), (404, "<!DOCTYPE html>", "an HTML page")];
    let came =
        came.into_iter().chain([(200, "", "is empty"), (200, "{}", none), (200, "no", "neither JSON")]);
    for (status, body, what) in came {
        let answer = (status, body.to_owned(), HeaderMap::new());
        let script =
            Arc::new(Script { answers: Mutex::new([answer.clone(), answer].into()), ..Script::default() });
        let session = builder("oauth2", &script).build().unwrap();
        session.invalidate();
        let error = session.token().await.unwrap_err();
        assert!(error.kind() == ErrorKind::RefreshFailed && error.to_string().contains(what), "{error}");
        assert!(!error.to_string().contains("was lost"), "{error}");
    }
}
