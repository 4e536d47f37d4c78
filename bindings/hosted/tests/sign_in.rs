//! Signing in, driven by messages alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use support::{Driven, Turn};
use url::Url;

fn unsigned() -> Driven {
    Driven::unsigned(json!({
        "client_id": "app",
        "authorization_url": "https://auth.example.com/authorize",
    }))
}

/// Begins with a redirect URI on loopback: what the browser is sent to, and what is kept.
fn begun(driven: &Driven) -> (Url, String) {
    let asked = json!({ "redirect_uri": "http://127.0.0.1:8400/callback", "return_to": "/settings" });
    let said = driven.turn(json!([{ "do": "begin_sign_in", "call": 7, "session": 1, "asked": asked }]));
    let begun = said.done(7);
    (begun["url"].as_str().unwrap().parse().unwrap(), begun["pending"].as_str().unwrap().to_owned())
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(other, _)| other == name).unwrap().1.into_owned()
}

fn finish(pending: &str, callback: &str) -> Value {
    json!([{ "do": "finish_sign_in", "call": 8, "session": 1, "pending": pending, "callback": callback }])
}

fn granted(said: &Turn) -> Value {
    let body = r#"{"access_token":"AT-1","refresh_token":"RT-1","expires_in":900}"#;
    json!({ "do": "answer", "op": said.one("send")["op"], "status": 200, "body": body })
}

// spec 12.1, 12.5
#[test]
fn a_browser_signs_in_and_its_code_is_sent_once() {
    let driven = unsigned();
    let (url, pending) = begun(&driven);
    assert_eq!(parameter(&url, "code_challenge_method"), "S256");
    let callback = format!("http://127.0.0.1:8400/callback?code=c0de&state={}", parameter(&url, "state"));
    let said = driven.turn(finish(&pending, &callback));
    let body = said.one("send")["body"].as_str().unwrap();
    assert!(body.starts_with("grant_type=authorization_code&"), "{body}");
    let said = driven.turn(json!([granted(&said)]));
    assert_eq!(said.done(8)["return_to"], "/settings");
    let said = driven.turn(json!([{ "do": "token", "call": 9, "session": 1 }]));
    assert_eq!(said.done(9)["token"], "AT-1");
    let said = driven.turn(finish(&pending, &callback));
    assert_eq!(said.one("done")["error"]["kind"], "Misuse");
    assert_eq!(said.of("send").count(), 0);
}

// spec 12.3
#[test]
fn a_callback_of_another_sign_in_sends_nothing() {
    let driven = unsigned();
    let (_, pending) = begun(&driven);
    let said = driven.turn(finish(&pending, "http://127.0.0.1:8400/callback?code=theirs&state=guessed"));
    assert_eq!(said.one("done")["error"]["kind"], "InvalidResponse");
    assert_eq!(said.of("send").count(), 0);
}

// spec 12.8
#[test]
fn a_browser_of_this_machine_is_told_that_it_may_be_closed_and_a_forged_callback_is_turned_away() {
    let driven = unsigned();
    let said = driven.turn(json!([{ "do": "loopback", "call": 6, "session": 1 }]));
    assert_eq!((&said.done(6)["host"], &said.done(6)["path"]), (&json!("127.0.0.1"), &json!("/callback")));
    let (url, pending) = begun(&driven);
    for (state, status, found) in
        [(parameter(&url, "state"), "HTTP/1.1 200 ", true), ("guessed".to_owned(), "HTTP/1.1 400 ", false)]
    {
        let head = format!("GET /callback?code=c&state={state} HTTP/1.1\r\nHost: 127.0.0.1:8400\r\n\r\n");
        let said = driven.turn(json!([{
            "do": "callback_received", "call": 7, "pending": pending,
            "redirect_uri": "http://127.0.0.1:8400/callback", "head": head,
        }]));
        assert!(said.done(7)["response"].as_str().unwrap().starts_with(status));
        assert_eq!(said.done(7)["callback"].is_string(), found);
    }
}

// spec 12.10
#[test]
fn another_device_is_asked_for_until_the_user_is_done() {
    let mut driven = Driven::unsigned(json!({
        "client_id": "app",
        "server": {
            "issuer": "https://auth.example.com",
            "token_endpoint": "https://auth.example.com/token",
            "device_authorization_endpoint": "https://auth.example.com/device",
        },
    }));
    let said = driven.turn(json!([{ "do": "sign_in_with_device", "call": 7, "session": 1 }]));
    assert_eq!(said.one("send")["url"], "https://auth.example.com/device");
    let body = r#"{"device_code":"d3v","user_code":"WDJB-MJHT","verification_uri":"https://auth.example.com/d","interval":5}"#;
    let answer = json!({ "do": "answer", "op": said.one("send")["op"], "status": 200, "body": body });
    let said = driven.turn(json!([answer]));
    assert_eq!(
        (&said.one("device")["call"], &said.one("device")["user_code"]),
        (&json!(7), &json!("WDJB-MJHT"))
    );
    driven.now_ms = said.due_ms.unwrap();
    let said = driven.turn(json!([]));
    let pending = json!({ "do": "answer", "op": said.one("send")["op"], "status": 400, "body": r#"{"error":"authorization_pending"}"# });
    let said = driven.turn(json!([pending]));
    driven.now_ms = said.due_ms.unwrap();
    let said = driven.turn(json!([]));
    let said = driven.turn(json!([granted(&said)]));
    assert_eq!(said.done(7), &Value::Null);
}

// spec 12.11
#[test]
fn a_token_of_another_server_is_exchanged() {
    let driven = unsigned();
    let grant = json!({ "grant_type": "token_exchange", "subject_token": "theirs",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token" });
    let said = driven.turn(json!([{ "do": "sign_in_by_grant", "call": 7, "session": 1, "grant": grant }]));
    assert!(said.one("send")["body"].as_str().unwrap().contains("subject_token=theirs"));
    let said = driven.turn(json!([granted(&said)]));
    assert_eq!(said.done(7), &Value::Null);
    let wrong = json!({ "grant_type": "password", "username": "ada" });
    let said = driven.turn(json!([{ "do": "sign_in_by_grant", "call": 8, "session": 1, "grant": wrong }]));
    assert_eq!(said.one("done")["error"]["kind"], "Misuse");
}

// spec 12.9
#[test]
fn a_server_tells_its_endpoints() {
    let driven = unsigned();
    let asked = json!([{ "do": "discover", "call": 7, "session": 99, "issuer": "https://auth.example.com" }]);
    let said = driven.turn(asked);
    assert_eq!(said.one("send")["session"], 99);
    let body = r#"{"issuer":"https://auth.example.com","token_endpoint":"https://auth.example.com/t"}"#;
    let answer = json!({ "do": "answer", "op": said.one("send")["op"], "status": 200, "body": body });
    let said = driven.turn(json!([answer]));
    assert_eq!(said.done(7)["token_endpoint"], "https://auth.example.com/t");
}

// spec 12.16
#[test]
fn an_api_says_who_signs_users_in_and_the_program_registers_itself_there() {
    let driven = unsigned();
    let asked = json!([{ "do": "discover_resource", "call": 7, "session": 99, "resource": "https://mcp.example.com/mcp" }]);
    let said = driven.turn(asked);
    let challenge = "Bearer resource_metadata=\"https://mcp.example.com/about\"";
    let headers = json!([["www-authenticate", challenge]]);
    let refused = json!({ "do": "answer", "op": said.one("send")["op"], "status": 401, "headers": headers, "body": "" });
    let said = driven.turn(json!([refused]));
    assert_eq!(said.one("send")["url"], "https://mcp.example.com/about");
    let body =
        r#"{"resource":"https://mcp.example.com/mcp","authorization_servers":["https://auth.example.com"]}"#;
    let answer = json!({ "do": "answer", "op": said.one("send")["op"], "status": 200, "body": body });
    let said = driven.turn(json!([answer]));
    let found = said.done(7);
    assert_eq!(
        (&found["issuer"], &found["resource"]),
        (&json!("https://auth.example.com"), &json!("https://mcp.example.com/mcp"))
    );
    let server = json!({ "issuer": "https://auth.example.com", "registration_endpoint": "https://auth.example.com/register" });
    let client = json!({ "name": "notes", "redirect_uri": "http://127.0.0.1/callback" });
    let said = driven
        .turn(json!([{ "do": "register", "call": 8, "session": 99, "server": server, "client": client }]));
    let sent: Value = serde_json::from_str(said.one("send")["body"].as_str().unwrap()).unwrap();
    assert_eq!((&sent["client_name"], &sent["application_type"]), (&json!("notes"), &json!("native")));
    let body = r#"{"client_id":"c-1","token_endpoint_auth_method":"none"}"#;
    let answer = json!({ "do": "answer", "op": said.one("send")["op"], "status": 201, "body": body });
    let said = driven.turn(json!([answer]));
    assert_eq!(said.done(8), &json!({ "client_id": "c-1", "client_secret": null, "client_auth": "none" }));
}

// spec 12.18
#[test]
fn a_kept_registration_is_loaded_from_the_hosts_store_and_nothing_is_sent() {
    let driven = unsigned();
    let asked = json!({ "resource": "https://mcp.example.com/mcp", "name": "notes" });
    let find =
        json!([{ "do": "find_api", "call": 7, "session": 99, "asked": asked, "store": { "shared": true } }]);
    let said = driven.turn(find.clone());
    assert_eq!(
        (&said.one("load")["session"], &said.one("load")["key"]),
        (&json!(99), &json!("rekindle.client:https://mcp.example.com/mcp"))
    );
    let mut said = driven.turn(json!([{ "do": "answer", "op": said.one("load")["op"], "record": null }]));
    let bodies = [
        (401, ""),
        (
            200,
            r#"{"resource":"https://mcp.example.com/mcp","authorization_servers":["https://auth.example.com"],"scopes_supported":["a","b"]}"#,
        ),
        (
            200,
            r#"{"issuer":"https://auth.example.com","registration_endpoint":"https://auth.example.com/register"}"#,
        ),
        (201, r#"{"client_id":"c-1","client_secret":"s"}"#),
    ];
    for (status, body) in bodies {
        let answer = json!({ "do": "answer", "op": said.one("send")["op"], "status": status, "body": body });
        said = driven.turn(json!([answer]));
    }
    let save = said.one("save").clone();
    assert_eq!(save["expected"], json!({ "absent": true }));
    let said = driven.turn(json!([{ "do": "answer", "op": save["op"], "version": "1" }]));
    let found = said.done(7).clone();
    let expected = json!({
        "resource": "https://mcp.example.com/mcp", "scope": "a b", "origin": "https://mcp.example.com",
        "client_id": "c-1", "client_secret": "s", "client_auth": "client_secret_basic", "server": found["server"],
    });
    assert_eq!(found, expected);
    assert_eq!(found["server"]["issuer"], "https://auth.example.com");
    let said = driven.turn(find);
    let kept =
        json!({ "do": "answer", "op": said.one("load")["op"], "record": save["record"], "version": "1" });
    let said = driven.turn(json!([kept]));
    assert_eq!((said.done(7), said.of("send").count()), (&found, 0));
    // A session with that key is signed out: the registration is no account.
    let settings = json!({
        "token_url": "https://auth.example.com/token", "key": "rekindle.client:https://mcp.example.com/mcp", "store": { "shared": true },
    });
    driven.turn(json!([{ "do": "session", "call": 8, "session": 2, "settings": settings }]));
    let said = driven.turn(json!([{ "do": "status", "call": 9, "session": 2, "fresh": true }]));
    let said = driven.turn(
        json!([{ "do": "answer", "op": said.one("load")["op"], "record": save["record"], "version": "1" }]),
    );
    assert_eq!(
        (&said.done(9)["standing"], &said.done(9)["needs_sign_in"]),
        (&json!("signed_out"), &json!(true))
    );
}
