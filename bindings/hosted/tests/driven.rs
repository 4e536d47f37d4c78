//! The core, driven by messages alone: time is an argument, and the host answers when it likes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use rekindle_hosted::Core;
use serde_json::{Value, json};
use support::{Driven, Turn};

fn granted(op: &Value, number: u32) -> Value {
    let body = format!(r#"{{"access_token":"AT-{number}","refresh_token":"RT-{number}","expires_in":900}}"#);
    json!({ "do": "answer", "op": op, "status": 200, "body": body })
}

#[test]
fn two_hundred_callers_make_one_refresh() {
    let mut driven = Driven::new(json!({}));
    driven.now_ms += 1_000_000.0;
    let calls: Vec<Value> =
        (10..210).map(|call| json!({ "do": "token", "call": call, "session": 1 })).collect();
    let said = driven.turn(calls.into());
    let send = said.one("send");
    assert_eq!(send["body"].as_str().unwrap(), "grant_type=refresh_token&refresh_token=RT-1");
    assert_eq!(said.of("done").count(), 0);
    let said = driven.turn(json!([granted(&send["op"], 2)]));
    assert_eq!(said.of("done").filter(|done| done["ok"]["token"] == "AT-2").count(), 200);
}

#[test]
fn a_valid_token_is_one_number_until_there_is_another() {
    let mut driven = Driven::new(json!({}));
    let tag = driven.tag();
    assert_ne!(tag, 0);
    assert_eq!(driven.tag(), tag);
    let said = driven.turn(json!([{ "do": "token_if_valid", "call": 3, "session": 1 }]));
    assert_eq!((said.done(3)["tag"].as_u64(), &said.done(3)["token"]), (Some(tag.into()), &json!("AT-1")));
    driven.now_ms += 1_000_000.0;
    assert_eq!(driven.tag(), 0);
    let said = driven.turn(json!([{ "do": "token", "call": 4, "session": 1 }]));
    driven.turn(json!([granted(&said.one("send")["op"], 2)]));
    assert_ne!(driven.tag(), tag);
}

#[test]
fn a_store_of_the_hosts_is_asked_and_answered() {
    let driven = Driven::new(json!({ "store": { "identity": "memory:1" }, "tokens": null }));
    // The first question of all: what is stored?
    let said = driven.turn(json!([{ "do": "answer", "op": 1, "record": null }]));
    assert_eq!(said.one("done")["error"]["kind"], "LoginRequired", "{:?}", said.effects);
    let tokens = json!({ "access_token": "AT-1", "refresh_token": "RT-1" });
    let said = driven.turn(json!([{ "do": "sign_in", "call": 3, "session": 1, "credential": tokens }]));
    let load = said.one("load")["op"].clone();
    let said = driven.turn(json!([{ "do": "answer", "op": load, "record": null }]));
    let save = said.one("save");
    assert!(save["record"].as_str().unwrap().contains("RT-1"));
    let said = driven.turn(json!([{ "do": "answer", "op": save["op"], "version": "1" }]));
    assert_eq!(said.done(3), &Value::Null);
    assert_eq!(said.one("event")["name"], "SignedIn");
}

#[test]
fn a_request_is_signed_judged_and_sent_again_with_the_new_token() {
    let driven = Driven::new(json!({}));
    let said = driven.turn(json!([{
        "do": "begin", "call": 2, "session": 1, "request": 1,
        "method": "GET", "url": "https://api.example.com/data",
    }]));
    assert_eq!(said.done(2)["headers"], json!([["authorization", "Bearer AT-1"]]));
    let said = driven.turn(json!([{ "do": "answered", "call": 3, "request": 1, "status": 401 }]));
    let said = driven.turn(json!([granted(&said.one("send")["op"], 2)]));
    assert_eq!(said.done(3)["next"], "send_again");
    assert_eq!(said.done(3)["headers"], json!([["authorization", "Bearer AT-2"]]));
    let said = driven.turn(json!([{ "do": "answered", "call": 4, "request": 1, "status": 200 }]));
    assert_eq!(
        (&said.done(4)["next"], &said.done(4)["verdict"]["name"]),
        (&json!("keep"), &json!("accepted"))
    );
    let said =
        driven.turn(json!([{ "do": "end", "request": 1 }, { "do": "stats", "call": 5, "session": 1 }]));
    assert_eq!((&said.done(5)["refreshes"], &said.done(5)["replays"]), (&json!(1), &json!(1)));
}

#[test]
fn an_answer_from_where_a_redirect_led_says_nothing_about_the_token() {
    let driven = Driven::new(json!({}));
    let begin = json!({
        "do": "begin", "call": 2, "session": 1, "request": 1,
        "method": "GET", "url": "https://api.example.com/data",
    });
    assert_eq!(driven.turn(json!([begin])).done(2)["stay_at_redirects"], true);
    let said = driven.turn(json!([
        { "do": "followed", "request": 1, "url": "https://elsewhere.example/data" },
        { "do": "answered", "call": 3, "request": 1, "status": 401 },
    ]));
    assert_eq!((&said.done(3)["next"], &said.done(3)["verdict"]), (&json!("keep"), &Value::Null));
    assert_eq!(said.of("send").count(), 0);
}

#[test]
fn a_wait_ends_when_the_host_says_that_it_is_late() {
    let mut driven = Driven::new(json!({ "wait_timeout_ms": 30_000 }));
    driven.now_ms += 1_000_000.0;
    let said = driven.turn(json!([{ "do": "token", "call": 2, "session": 1 }]));
    said.one("send");
    let due = said.due_ms.unwrap();
    assert!((driven.now_ms..=driven.now_ms + 30_010.0).contains(&due), "{due}");
    driven.now_ms += 30_020.0;
    assert_eq!(driven.turn(json!([])).one("done")["error"]["kind"], "Timeout");
}

#[test]
fn a_call_that_is_cancelled_is_never_done_and_its_refresh_goes_on() {
    let mut driven = Driven::new(json!({}));
    driven.now_ms += 1_000_000.0;
    let said = driven.turn(json!([{ "do": "token", "call": 2, "session": 1 }]));
    let op = said.one("send")["op"].clone();
    let said = driven.turn(json!([{ "do": "cancel", "call": 2 }, granted(&op, 2)]));
    assert_eq!(said.of("done").count(), 0);
    let said = driven.turn(json!([{ "do": "token", "call": 3, "session": 1 }]));
    assert_eq!(said.done(3)["token"], "AT-2");
}

#[test]
fn what_makes_no_sense_is_told_to_the_call_and_shows_no_token() {
    let core = Core::new([7; 32], None);
    let turn = |messages: &str| core.turn(0.0, 0.0, messages);
    assert!(turn("{").contains("fault"));
    assert!(turn(r#"[{"do":"token","call":1,"session":9}]"#).contains("there is no session 9"));
    let settings = r#"[{"do":"session","call":1,"session":1,"settings":{"tokens":"SECRET-1"}}]"#;
    assert!(!turn(settings).contains("SECRET-1"), "{}", turn(settings));
    assert!(
        turn(r#"[{"do":"session","call":1,"session":1,"settings":{"tokenurl":"x"}}]"#)
            .contains("unknown field")
    );
    assert!(turn(r#"[{"do":"answer","op":99,"status":200}]"#).contains(r#""effects":[]"#));
}

/// What a session with these settings is told.
fn refused(core: &Core, settings: &Value) -> (String, String, String) {
    let message = json!([{ "do": "session", "call": 1, "session": 1, "settings": settings }]);
    let said: Value = serde_json::from_str(&core.turn(0.0, 0.0, &message.to_string())).unwrap();
    let error = &said["effects"][0]["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (text("kind"), text("argument"), text("message"))
}

// spec 10.3
#[test]
fn a_setting_that_is_wrong_is_named_as_the_hosts_language_spells_it() {
    let plain_http = json!({ "token_url": "https://a.example.com/t", "origins": ["http://a.example.com"] });
    for (language, token_url, tokens, insecure) in [
        ("c", "token_url", "tokens.expires_in", "insecure_origins"),
        ("javascript", "tokenUrl", "tokens.expiresIn", "insecureOrigins"),
        ("php", "tokenUrl", "tokens.expiresIn", "insecureOrigins"),
        ("go", "TokenURL", "Tokens.ExpiresIn", "InsecureOrigins"),
    ] {
        let core = Core::new([7; 32], None);
        let _ = core.turn(0.0, 0.0, &json!([{ "do": "spelling", "of": language }]).to_string());
        let (kind, argument, message) = refused(&core, &json!({ "token_url": "nowhere" }));
        assert_eq!((kind.as_str(), argument.as_str()), ("InvalidConfig", token_url));
        assert!(message.starts_with(token_url), "{message}");
        let (kind, argument, message) = refused(&core, &json!({ "tokens": { "expires_in": "SECRET" } }));
        assert_eq!((kind.as_str(), argument.as_str()), ("InvalidConfig", tokens));
        assert!(message.starts_with(tokens) && !message.contains("SECRET"), "{message}");
        let (_, _, message) = refused(&core, &plain_http);
        assert!(message.contains(insecure), "{message}");
    }
}

#[test]
fn every_preset_comes_along() {
    let names = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../core/proto/presets")).unwrap();
    let names = names.flatten().filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()));
    let core = Core::new([7; 32], None);
    for (number, name) in names.enumerate() {
        let settings = json!({ "dialect": name, "client_id": "app", "refresh": true });
        let message = json!([{ "do": "session", "call": 1, "session": number, "settings": settings }]);
        let said = core.turn(0.0, 0.0, &message.to_string());
        assert!(said.contains(&format!(r#""dialect":"{name}""#)), "{name}: {said}");
    }
}

/// A client of session 1, with a base URL.
fn client(driven: &Driven, settings: Value) -> Turn {
    let mut all = json!({ "base_url": "https://api.example.com/v1", "headers": [["accept-language", "de"]] });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    driven.turn(json!([{ "do": "client", "call": 5, "client": 2, "session": 1, "settings": all }]))
}

// spec 8.2
#[test]
fn a_clients_request_is_sent_again_after_a_pause() {
    let mut driven = Driven::new(json!({}));
    assert_eq!(client(&driven, json!({})).done(5)["graphql_path"], "/graphql");
    let begin =
        json!({ "do": "begin", "call": 6, "client": 2, "request": 1, "method": "GET", "url": "/users" });
    let said = driven.turn(json!([begin]));
    assert_eq!(said.done(6)["url"], "https://api.example.com/v1/users");
    assert_eq!(said.done(6)["own"], json!([["accept-language", "de"]]));
    assert_eq!(said.done(6)["headers"], json!([["authorization", "Bearer AT-1"]]));
    let failed =
        json!({ "do": "failed", "call": 7, "request": 1, "error": "connection reset", "sent": true });
    let mut said = driven.turn(json!([failed]));
    while said.of("done").count() == 0 {
        driven.now_ms = said.due_ms.unwrap();
        said = driven.turn(json!([]));
    }
    assert_eq!(said.done(7)["headers"], json!([["authorization", "Bearer AT-1"]]));
    let answered = json!({
        "do": "answered", "call": 8, "request": 1, "status": 503, "headers": [["retry-after", "7"]],
    });
    assert_eq!(driven.turn(json!([answered])).of("done").count(), 0);
    driven.now_ms += 6_999.0;
    assert_eq!(driven.turn(json!([])).of("done").count(), 0);
    driven.now_ms += 1.0;
    assert_eq!(driven.turn(json!([])).done(8)["next"], "send_again");
}

// spec 3.3
#[test]
fn a_clients_deadline_is_told_once_and_not_after_the_end() {
    let mut driven = Driven::new(json!({}));
    client(&driven, json!({ "timeout_ms": 5_000 }));
    let begin = |call, request| json!({ "do": "begin", "call": call, "client": 2, "request": request, "method": "GET", "url": "/" });
    driven.turn(json!([begin(6, 1), begin(7, 2)]));
    driven.turn(json!([{ "do": "end", "request": 2 }]));
    driven.now_ms += 5_000.0;
    let said = driven.turn(json!([]));
    assert_eq!(said.one("expired")["request"], 1);
    assert_eq!(said.one("expired")["error"]["kind"], "Timeout");
    assert_eq!(driven.turn(json!([])).of("expired").count(), 0);
}

// spec 11.6
#[test]
fn a_path_that_climbs_out_of_the_base_is_refused() {
    let driven = Driven::new(json!({}));
    client(&driven, json!({}));
    let begin =
        json!({ "do": "begin", "call": 6, "client": 2, "request": 1, "method": "GET", "url": "/../admin" });
    let said = driven.turn(json!([begin]));
    let error = &said.one("done")["error"];
    assert_eq!(
        (error["kind"].as_str(), error["argument"].as_str()),
        (Some("InvalidConfig"), Some("path_or_url"))
    );
}

// spec 3.1
#[test]
fn what_was_sent_without_a_message_is_judged_by_the_token_that_went_along() {
    let driven = Driven::new(json!({}));
    let old = driven.tag();
    let send = driven.turn(json!([{ "do": "refresh", "call": 6, "session": 1, "force": true }]));
    driven.turn(json!([granted(&send.one("send")["op"], 2)]));
    let new = driven.tag();
    assert_ne!(old, new);
    let begin = |call, request, tag| {
        json!({
            "do": "begin", "call": call, "session": 1, "request": request, "method": "GET",
            "url": "https://api.example.com/users", "sent_with": tag,
        })
    };
    let answered =
        |call, request| json!({ "do": "answered", "call": call, "request": request, "status": 401 });
    // The old one was replaced: the request is sent again with the new one, and nothing is refreshed.
    let said = driven.turn(json!([begin(7, 1, old), answered(8, 1)]));
    assert_eq!(said.done(7)["headers"], json!([["authorization", "Bearer AT-1"]]));
    assert_eq!(said.done(8)["next"], "send_again");
    assert_eq!(said.done(8)["headers"], json!([["authorization", "Bearer AT-2"]]));
    assert_eq!(said.of("send").count(), 0);
}

// spec 7.7
#[test]
fn a_file_is_the_cores_own_to_read_and_write() {
    let folder = std::env::temp_dir().join(format!("rekindle-hosted-{}", std::process::id()));
    let file = folder.join("session.json");
    let settings = json!({ "store": { "file": file } });
    let driven = Driven::new(settings.clone());
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("rekindle-store 1 "));
    let other = Driven::new(settings);
    let said = other.turn(json!([{ "do": "token", "call": 2, "session": 1 }]));
    assert_eq!((&said.done(2)["token"], said.effects.len()), (&json!("AT-1"), 1));
    drop((driven, other));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Spec 5.19.
#[test]
fn what_a_refresh_function_threw_is_named_by_the_errors_that_follow_from_it() {
    let mut driven = Driven::new(json!({ "refresh": true }));
    driven.now_ms += 1_000_000.0;
    let said = driven.turn(json!([{ "do": "token", "call": 10, "session": 1 }]));
    let threw = |said: &Turn, number: u32| {
        let op = &said.one("refresh")["op"];
        json!([{ "do": "answer", "op": op, "error": "maybe_sent", "message": "it threw KeyError", "thrown": number }])
    };
    let said = driven.turn(threw(&said, 6));
    // Once more, as the rotation allows.
    let said = driven.turn(threw(&said, 7));
    let error = &said.one("done")["error"];
    assert_eq!((&error["kind"], &error["cause"]), (&json!("RefreshFailed"), &json!(7)), "{error}");
    let said = driven.turn(json!([{ "do": "token", "call": 11, "session": 1 }]));
    let error = &said.one("done")["error"];
    assert_eq!(error["cause"], 7, "in the pause too: {error}");
}

/// Spec 9.2.
#[test]
fn a_host_is_told_which_headers_may_leave_the_origin() {
    let driven = Driven::new(json!({}));
    let names = ["accept", "X-Request-Id", "x-otp", "dpop", "authorization", "api_key", "no header"];
    let said = driven.turn(json!([{ "do": "may_travel", "call": 3, "names": names }]));
    assert_eq!(said.done(3), &json!(["accept", "X-Request-Id"]), "{:?}", said.effects);
}
