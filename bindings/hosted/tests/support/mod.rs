//! A core and its host, by hand.
#![allow(dead_code, reason = "each file of tests uses some of it")]

use rekindle_hosted::Core;
use serde_json::{Value, json};

const WALL_MS: f64 = 1_893_456_000_000.0;

pub(crate) struct Driven {
    core: Core,
    pub(crate) now_ms: f64,
}

/// What the host has to do, and when the next timer is due.
pub(crate) struct Turn {
    pub(crate) effects: Vec<Value>,
    pub(crate) due_ms: Option<f64>,
}

impl Driven {
    /// A session whose access token ends after 900 seconds.
    pub(crate) fn new(settings: Value) -> Self {
        let tokens = json!({ "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 900 });
        let mut all = json!({ "tokens": tokens });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let driven = Self::unsigned(all);
        // Its tokens count from their first use.
        driven.turn(json!([{ "do": "token", "call": 1, "session": 1 }]));
        driven
    }

    /// A session that nobody has signed in to.
    pub(crate) fn unsigned(settings: Value) -> Self {
        let driven = Self { core: Core::new([7; 32], None), now_ms: 1_000.0 };
        let mut all = json!({
            "token_url": "https://auth.example.com/token",
            "origins": ["https://api.example.com"],
            "background": false,
        });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let said = driven.turn(json!([{ "do": "session", "call": 1, "session": 1, "settings": all }]));
        assert_eq!(said.done(1)["dialect"], "oauth2", "{:?}", said.effects);
        driven
    }

    pub(crate) fn turn(&self, messages: Value) -> Turn {
        let said = self.core.turn(self.now_ms, WALL_MS + self.now_ms, &messages.to_string());
        let said: Value = serde_json::from_str(&said).unwrap();
        Turn { effects: said["effects"].as_array().unwrap().clone(), due_ms: said["due_ms"].as_f64() }
    }

    pub(crate) fn tag(&self) -> u32 {
        self.core.tag(1, self.now_ms, WALL_MS + self.now_ms) & !(1 << 31)
    }
}

impl Turn {
    pub(crate) fn of<'a>(&'a self, effect: &'a str) -> impl Iterator<Item = &'a Value> {
        self.effects.iter().filter(move |one| one["effect"] == effect)
    }

    pub(crate) fn one(&self, effect: &str) -> &Value {
        assert_eq!(self.of(effect).count(), 1, "{effect}: {:?}", self.effects);
        self.effects.iter().find(|one| one["effect"] == effect).unwrap()
    }

    pub(crate) fn done(&self, call: u64) -> &Value {
        let done = self.of("done").find(|done| done["call"] == call);
        &done.unwrap_or_else(|| panic!("call {call} is not done: {:?}", self.effects))["ok"]
    }
}
