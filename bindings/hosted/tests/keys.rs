//! A key that never leaves its host.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::json;
use support::Driven;

const STAND_IN: &str = "q3vJ4cO0nqk2yq5mOXr0Hw";

fn key() -> serde_json::Value {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    json!({ "jwk": jwk, "stand_in": STAND_IN })
}

// spec 9.4, 5.5
#[test]
fn what_the_host_signs_says_where_the_signature_belongs() {
    let mut driven = Driven::new(json!({
        "client_id": "app", "client_key": key(), "client_auth": "private_key_jwt", "dpop_key": key(), "require_dpop": false,
    }));
    driven.now_ms += 1_000_000.0;
    let said = driven.turn(json!([{ "do": "token", "call": 7, "session": 1 }]));
    let send = said.one("send");
    let proof = send["headers"].as_array().unwrap().iter().find(|header| header[0] == "dpop").unwrap();
    assert!(proof[1].as_str().unwrap().ends_with(&format!(".{STAND_IN}")));
    let body = send["body"].as_str().unwrap();
    assert!(body.contains("client_assertion=") && body.contains(&format!(".{STAND_IN}")), "{body}");
    let body = r#"{"access_token":"AT-2","refresh_token":"RT-2","expires_in":900,"token_type":"DPoP"}"#;
    driven.turn(json!([{ "do": "answer", "op": send["op"], "status": 200, "body": body }]));
    let request = json!({ "do": "begin", "call": 8, "session": 1, "request": 1, "method": "GET",
        "url": "https://api.example.com/data" });
    let said = driven.turn(json!([request]));
    let headers = said.done(8)["headers"].to_string();
    assert!(headers.contains("DPoP AT-2") && headers.contains(STAND_IN), "{headers}");
}

#[test]
fn a_private_half_is_refused() {
    let mut key = key();
    key["jwk"]["d"] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let driven = Driven::unsigned(json!({}));
    let settings = json!({ "token_url": "https://auth.example.com/token", "dpop_key": key });
    let said = driven.turn(json!([{ "do": "session", "call": 7, "session": 2, "settings": settings }]));
    let error = &said.one("done")["error"];
    assert_eq!(error["kind"], "InvalidConfig");
    assert!(!error.to_string().contains("nWGxne"), "{error}");
}
