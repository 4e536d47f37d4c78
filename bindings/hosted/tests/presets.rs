//! What holds for every preset, through the whole core, as a host sees it. What each one makes of answers is in the
//! fixtures of `core/proto/tests/presets.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use rekindle_hosted::Core;
use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../core/proto/tests/fixtures");
const WALL_MS: f64 = 1_893_456_000_000.0;
const API: &str = "https://api.example.com";

/// A preset, and what its fixture knows of it.
struct Preset {
    name: String,
    fixture: Value,
}

/// One session of it.
struct Driven {
    core: Core,
    effects: Vec<Value>,
}

fn presets() -> Vec<Preset> {
    let mut names: Vec<String> = std::fs::read_dir(FIXTURES)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 26);
    let read = |name: String| {
        let text = std::fs::read_to_string(format!("{FIXTURES}/{name}.json")).unwrap();
        Preset { fixture: serde_json::from_str(&text).unwrap(), name }
    };
    names.into_iter().map(read).collect()
}

impl Preset {
    /// With all that it must be told, and a token that holds for an hour.
    fn settings(&self) -> Value {
        let identity = &self.fixture["identity"];
        let mut settings = json!({
            "dialect": self.name,
            "origins": [API],
            "background": false,
            "tokens": { "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 3600 },
        });
        for name in ["token_url", "client_id", "client_secret", "variables"] {
            if !identity[name].is_null() {
                settings[name] = identity[name].clone();
            }
        }
        settings
    }

    /// The fixture's first grant, with these tokens in it.
    fn grant(&self, access_token: &str, refresh_token: &str) -> Value {
        let grants = self.fixture["answers"].as_array().unwrap();
        let grant =
            grants.iter().find(|answer| answer["means"].as_str().unwrap().starts_with("granted")).unwrap();
        let body = grant["body"].as_str().map_or_else(|| grant["body"].to_string(), str::to_owned);
        let quoted = |text: &str| serde_json::to_string(text).unwrap().trim_matches('"').to_owned();
        let body = body.replace("SENTINEL-A", &quoted(access_token));
        let body =
            body.replace("SENTINEL-N", &quoted(refresh_token)).replace("SENTINEL-R", &quoted(refresh_token));
        json!({ "status": grant["status"], "headers": [["content-type", "application/json"]], "body": body })
    }
}

impl Driven {
    fn new(settings: Value) -> Self {
        let mut driven = Self { core: Core::new([7; 32], None), effects: Vec::new() };
        driven.turn(json!([{ "do": "session", "call": 1, "session": 1, "settings": settings }]));
        driven
    }

    /// What it gives at last, after the effects `answer` has answered.
    fn call(&mut self, mut message: Value, answer: &dyn Fn(&Value) -> Value) -> Value {
        message["call"] = 2.into();
        let mut messages = json!([message]);
        loop {
            self.turn(messages);
            if let Some(done) = self.effects.iter().find(|one| one["effect"] == "done" && one["call"] == 2) {
                return done.clone();
            }
            let sends: Vec<Value> =
                self.effects.iter().filter(|one| one["effect"] == "send").cloned().collect();
            assert!(!sends.is_empty(), "it waits: {:?}", self.effects);
            let answered = sends.iter().map(|send| {
                let mut told = answer(send);
                (told["do"], told["op"]) = ("answer".into(), send["op"].clone());
                told
            });
            messages = answered.collect();
        }
    }

    fn turn(&mut self, messages: Value) {
        let said = self.core.turn(1_000.0, WALL_MS, &messages.to_string());
        let said: Value = serde_json::from_str(&said).unwrap();
        self.effects = said["effects"].as_array().unwrap().clone();
    }

    /// What became of the session itself.
    fn error(&self) -> &Value {
        &self.effects.iter().find(|one| one["effect"] == "done").unwrap()["error"]
    }
}

fn refresh() -> Value {
    json!({ "do": "force_refresh", "session": 1 })
}

fn none(send: &Value) -> Value {
    panic!("nothing is to be asked: {send}")
}

// spec 2.2
#[test]
fn a_key_of_the_callers_takes_the_token_away_with_no_preset() {
    for preset in presets() {
        let mut driven = Driven::new(preset.settings());
        let own = json!([
            ["apikey", "anon"],
            ["X-Api-Key", "key"],
            ["x-goog-api-key", "key"],
            ["X-Client-Secret", "x"]
        ]);
        let begin = json!({
            "do": "begin", "session": 1, "request": 1, "method": "GET", "url": format!("{API}/data"), "headers": own,
        });
        let done = driven.call(begin, &none);
        let headers = done["ok"]["headers"].to_string();
        assert!(headers.contains("AT-1"), "{}: {done}", preset.name);
    }
}

// spec 2.2
#[test]
fn a_credential_of_the_callers_is_left_alone_with_every_preset() {
    for preset in presets() {
        let mut driven = Driven::new(preset.settings());
        let begin = json!({
            "do": "begin", "session": 1, "request": 1, "method": "GET", "url": format!("{API}/data"),
            "headers": [["Authorization", "Bearer mine"]],
        });
        let done = driven.call(begin, &none);
        assert!(!done["ok"]["headers"].to_string().contains("AT-1"), "{}: {done}", preset.name);
    }
}

// spec 5.13
#[test]
fn a_scope_that_was_told_is_sent_by_no_preset() {
    for preset in presets() {
        let mut driven = Driven::new(preset.settings());
        for number in 2..4 {
            let told = |send: &Value| {
                assert!(!send["body"].to_string().contains("told-scope"), "{}: {send}", preset.name);
                assert!(!send["url"].to_string().contains("told-scope"), "{}: {send}", preset.name);
                let mut answer = preset.grant(&format!("AT-{number}"), &format!("RT-{number}"));
                let mut body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
                body["scope"] = "told-scope,write".into();
                answer["body"] = body.to_string().into();
                answer
            };
            let done = driven.call(refresh(), &told);
            assert!(
                done["ok"]["token"].as_str().unwrap().contains(&format!("AT-{number}")),
                "{}: {done}",
                preset.name
            );
        }
    }
}

// spec 5.4: where the answer brings a refresh token, the next request carries that one.
#[test]
fn the_next_refresh_token_is_used_by_every_preset() {
    for preset in presets() {
        let mut driven = Driven::new(preset.settings());
        let brings = preset.grant("AT-2", "RT-2")["body"].as_str().unwrap().contains("RT-2");
        driven.call(refresh(), &|_| preset.grant("AT-2", "RT-2"));
        let next = if brings { "RT-2" } else { "RT-1" };
        driven.call(refresh(), &|send| {
            assert!(send["body"].as_str().unwrap().contains(next), "{}: {send}", preset.name);
            preset.grant("AT-3", "RT-3")
        });
    }
}

// spec 5.12
#[test]
fn a_text_is_no_token_for_any_preset_and_ends_are_trimmed() {
    for preset in presets() {
        let mut driven = Driven::new(preset.settings());
        for text in ["error: token is expired by 23m", "Bearer AT2", "A\"T", "AT 2", "\u{e4}"] {
            let done = driven.call(refresh(), &|_| preset.grant(text, "RT-2"));
            assert!(
                done["ok"].is_null() && !done["error"].is_null(),
                "{} took {text:?}: {done}",
                preset.name
            );
            let token = driven.call(json!({ "do": "token", "session": 1 }), &none);
            assert_eq!(token["ok"]["token"], "AT-1", "{} after {text:?}", preset.name);
        }
    }
    for preset in presets() {
        let mut driven = Driven::new(preset.settings());
        let done = driven.call(refresh(), &|_| preset.grant(" AT-2\n", "RT-2"));
        // Some tokens have parts before and after.
        assert!(
            done["ok"]["token"].as_str().is_some_and(|token| token.contains("AT-2")),
            "{}: {done}",
            preset.name
        );
    }
}

// spec 5.17
#[test]
fn a_blank_without_a_value_is_told_when_the_session_is_made() {
    for preset in presets() {
        let needed = preset.settings()["variables"].as_object().cloned().unwrap_or_default();
        for name in needed.keys() {
            let mut settings = preset.settings();
            settings["variables"].as_object_mut().unwrap().remove(name);
            let driven = Driven::new(settings);
            let has_default = driven.error().is_null();
            assert!(
                has_default || driven.error()["kind"] == "InvalidConfig",
                "{}: {}",
                preset.name,
                driven.error()
            );
            assert!(has_default || driven.error()["message"].as_str().unwrap().contains(name.as_str()));
            for unusable in ["", " ", "value\n"] {
                let mut settings = preset.settings();
                settings["variables"][name] = unusable.into();
                let driven = Driven::new(settings);
                assert_eq!(driven.error()["kind"], "InvalidConfig", "{}: {name} {unusable:?}", preset.name);
                assert!(driven.error()["message"].as_str().unwrap().contains(name.as_str()));
            }
        }
        let mut settings = preset.settings();
        settings["variables"]["nobody_knows"] = "x".into();
        let driven = Driven::new(settings);
        assert_eq!(driven.error()["kind"], "InvalidConfig", "{}", preset.name);
        assert!(driven.error()["message"].as_str().unwrap().contains("nobody_knows"), "{}", preset.name);
    }
}

// spec 5.5
#[test]
fn the_way_a_client_says_who_it_is_can_be_chosen_with_every_preset() {
    for preset in presets() {
        for (way, in_header) in [("client_secret_basic", true), ("client_secret_post", false)] {
            let mut settings = preset.settings();
            settings["client_auth"] = way.into();
            (settings["client_id"], settings["client_secret"]) = ("app".into(), "SENTINEL-S".into());
            let mut driven = Driven::new(settings);
            assert!(driven.error().is_null(), "{} {way}: {}", preset.name, driven.error());
            let done = driven.call(refresh(), &|send| {
                let basic = send["headers"].to_string().contains("Basic ");
                assert_eq!(basic, in_header, "{} {way}: {send}", preset.name);
                preset.grant("AT-2", "RT-2")
            });
            assert!(done["error"].is_null(), "{} {way}: {done}", preset.name);
        }
    }
}

// spec 5.2, RFC 6749 section 5.2: the secret is wrong, nobody is signed out.
#[test]
fn invalid_client_signs_nobody_out_with_any_preset() {
    for preset in presets() {
        for status in [400, 401, 403] {
            let mut driven = Driven::new(preset.settings());
            let body =
                json!({ "error": "invalid_client", "error_description": "Client authentication failed" });
            let done = driven.call(refresh(), &|_| json!({ "status": status, "body": body.to_string() }));
            // A home-grown server's `error` is whatever it makes up.
            let means_dead = preset.name == "json" && status == 401;
            let kind = if means_dead { "LoginRequired" } else { "ClientRejected" };
            assert_eq!(done["error"]["kind"], kind, "{} {status}: {done}", preset.name);
        }
    }
}
