//! What is signed, read back from what a scripted server was sent.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rekindle::Dialect;
use rekindle::{Client, ErrorKind, Session, SigningKey};
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::{Value, json};

/// An hour from now, in seconds, as a server says it whose clock is that much ahead.
fn ahead() -> (u64, String) {
    let then = SystemTime::now() + Duration::from_secs(3600);
    (then.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), httpdate::fmt_http_date(then))
}

fn claims(jwt: &str) -> Value {
    let body = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The claims of the assertions that were sent, in order.
fn assertions(server: &TestServer) -> Vec<Value> {
    let log = server.log();
    let bodies = log.iter().map(|request| url::form_urlencoded::parse(request.body.as_bytes()).into_owned());
    let found = bodies.filter_map(|mut fields| fields.find(|(name, _)| name == "client_assertion"));
    found.map(|(_, jwt)| claims(&jwt)).collect()
}

/// The claims of the proofs beside that path, in order.
fn proofs(server: &TestServer, path: &str) -> Vec<Value> {
    let log = server.log();
    let asked = log.iter().filter(|request| request.path == path);
    let proof = asked.filter_map(|request| request.headers.iter().find(|(name, _)| name == "dpop"));
    proof.map(|(_, jwt)| claims(jwt)).collect()
}

/// A client whose tokens are bound to a key.
fn bound(server: &TestServer) -> Client {
    let session = Session::builder("oauth2")
        .token_url(format!("{}/token", server.base_url()))
        .dpop_key(SigningKey::generate().unwrap().0)
        .tokens("at-1", "rt-1")
        .build()
        .unwrap();
    Client::new(session, server.base_url()).unwrap()
}

fn granted() -> Value {
    json!({ "access_token": "at-2", "refresh_token": "rt-2", "token_type": "DPoP", "expires_in": 900 })
}

// spec 5.1 (ClockSkew), 5.5
#[tokio::test]
async fn a_client_whose_clock_is_wrong_signs_anew_once_by_the_servers() {
    let (seconds, date) = ahead();
    let refused = json!({ "error": "invalid_client", "error_description": "iat is in the past" });
    let script = Script::new()
        .step(Step::on("POST", "/token").json(400, refused).header("Date", &date))
        .step(Step::on("POST", "/token").json(200, granted()));
    let server = TestServer::start(script).unwrap();
    let dialect = Dialect::from_json(&json!({
        "answer": { "rules": [{ "path": "error_description", "contains": "iat", "outcome": "clock_skew" }] }
    }));
    let session = Session::builder(dialect.unwrap())
        .token_url(format!("{}/token", server.base_url()))
        .client_id("app")
        .client_key(SigningKey::generate().unwrap().0)
        .tokens("at-1", "rt-1")
        .build()
        .unwrap();
    session.force_refresh().await.unwrap();

    let signed = assertions(&server);
    assert_eq!(signed.len(), 2);
    assert!(signed[0]["iat"].as_u64().unwrap() < seconds - 3000);
    assert!(signed[1]["iat"].as_u64().unwrap().abs_diff(seconds) <= 60);
    assert_ne!(signed[0]["jti"], signed[1]["jti"]);
    assert_eq!((&signed[1]["iss"], &signed[1]["sub"]), (&json!("app"), &json!("app")));
    assert_eq!(signed[1]["aud"], format!("{}/token", server.base_url()));
    server.assert_consumed();
}

// spec 9.4: one for each send, retry, replay and hop.
#[tokio::test]
async fn a_retry_a_replay_and_a_hop_have_proofs_of_their_own() {
    let script = Script::new()
        .step(
            Step::on("GET", "/data")
                .json(503, json!({}))
                .header("DPoP-Nonce", "n-1")
                .header("Retry-After", "0"),
        )
        .step(Step::on("GET", "/data").json(401, json!({})))
        .step(Step::on("POST", "/token").json(200, granted()))
        .step(Step::on("GET", "/data").json(307, json!({})).header("Location", "/there?q=1"))
        .step(Step::on("GET", "/there").json(200, json!({})));
    let server = TestServer::start(script).unwrap();
    let client = bound(&server);
    assert_eq!(client.get("/data?q=1").send().await.unwrap().status(), 200);

    let (data, there) = (proofs(&server, "/data"), proofs(&server, "/there"));
    assert_eq!((data.len(), there.len(), proofs(&server, "/token").len()), (3, 1, 1));
    let mut ids: Vec<_> = data.iter().chain(&there).map(|proof| proof["jti"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(data[0].get("nonce"), None);
    assert!(data[1..].iter().chain(&there).all(|proof| proof["nonce"] == "n-1"));
    assert_eq!(there[0]["htu"], format!("{}/there", server.base_url()));
    // RFC 9449 section 4.2: of the token that goes along.
    assert_eq!(data[0]["ath"], data[1]["ath"]);
    assert_ne!(data[1]["ath"], data[2]["ath"]);
    assert_eq!(proofs(&server, "/token")[0].get("ath"), None);
    server.assert_consumed();
}

// spec 9.1, 9.2: the proof is a credential, and leaves with the token.
#[tokio::test]
async fn no_proof_goes_to_another_origin() {
    let other = TestServer::start(Script::new().step(Step::on("GET", "/").json(200, json!({})))).unwrap();
    let away = Step::on("GET", "/data").json(302, json!({})).header("Location", &other.base_url());
    let server = TestServer::start(Script::new().step(away)).unwrap();
    let client = bound(&server);
    assert_eq!(client.get("/data").send().await.unwrap().status(), 200);
    assert_eq!((proofs(&server, "/data").len(), proofs(&other, "/").len()), (1, 0));
}

// spec 3.3: a server that is never content with a nonce is given up on.
#[tokio::test]
async fn a_nonce_is_answered_once() {
    let ask = |nonce: &str| {
        Step::on("GET", "/data")
            .json(401, json!({}))
            .header("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"")
            .header("DPoP-Nonce", nonce)
    };
    let server = TestServer::start(Script::new().step(ask("n-1")).step(ask("n-2"))).unwrap();
    let client = bound(&server);
    let response = client.get("/data").send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.replay_refused().map(|refused| refused.name()), Some("limit_reached"));
    assert_eq!(proofs(&server, "/data")[1]["nonce"], "n-1");
    server.assert_consumed();
}

// spec 5.5
#[test]
fn a_dialect_that_wants_a_key_names_what_is_missing() {
    let dialect =
        Dialect::from_json(&json!({ "token_endpoint": { "client_auth": "private_key_jwt" } })).unwrap();
    let mistake = Session::builder(dialect).token_url("https://a.test/token").build().unwrap_err();
    assert_eq!(mistake.kind(), ErrorKind::InvalidConfig);
    assert!(mistake.message().starts_with("client_key is missing"), "{mistake}");
}

/// RFC 9449 section 5. // spec 9.8
#[tokio::test]
async fn a_token_that_is_not_bound_to_the_key_is_refused_unless_that_is_allowed() {
    for allowed in [false, true] {
        let bearer = json!({ "access_token": "at-2", "refresh_token": "rt-2", "token_type": "Bearer" });
        let server =
            TestServer::start(Script::new().step(Step::on("POST", "/token").json(200, bearer))).unwrap();
        let session = Session::builder("oauth2")
            .token_url(format!("{}/token", server.base_url()))
            .dpop_key(SigningKey::generate().unwrap().0)
            .require_dpop(!allowed)
            .tokens("at-1", "rt-1")
            .build()
            .unwrap();
        session.invalidate();
        match session.token().await {
            Ok(token) => assert!(allowed && token.value() == "at-2"),
            Err(error) => {
                assert!(!allowed && error.kind() == ErrorKind::InvalidConfig, "{error}");
                assert!(error.message().contains("require_dpop"), "{error}");
            }
        }
    }
}
