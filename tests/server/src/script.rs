//! A script: what to answer to whom, in which order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Fault;
use crate::answer::Answer;
use crate::http::Request;

/// A list of steps. A request takes the first step that matches it and isn't used up; one that finds none goes
/// to the model behind the script, or else is answered 599 and recorded as not scripted.
///
/// ```
/// use rekindle_test_server::{Script, Step};
/// use serde_json::json;
///
/// let script = Script::new()
///     .step(Step::on("GET", "/data").token("old").json(401, json!({"error": "token_expired"})).times(2))
///     .step(Step::on("POST", "/refresh").json(200, json!({"accessToken": "new"})))
///     .step(Step::on("GET", "/data").token("new").json(200, json!({"ok": true})).times(2));
/// assert_eq!(script.steps.len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// In order.
    pub steps: Vec<Step>,
}

/// One expected request, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Which requests it is for.
    #[serde(rename = "match")]
    pub matching: Match,
    /// What is answered. None: what the model behind the script says, or an empty 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond: Option<Respond>,
    /// How long the answer is kept back.
    pub delay_ms: u64,
    /// How the answer is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Requests of this step are held until this many of them have arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barrier: Option<u32>,
    /// A request of this step is held until that name is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// Releases that name, for good, when a request of this step arrives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// How often it is used. None: once, or as often as its barrier holds requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
}

/// Which requests a step is for: what is not named is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path; with a `?` in it, path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What follows the scheme in `Authorization`; empty: there is no such header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A text that the body holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
}

/// An answer as it is written in a script. Of `json`, `text` and `bytes` (Base64) one at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Respond {
    /// The status; 0 is 200.
    pub status: u16,
    /// Further headers; a list sends the header several times.
    pub headers: BTreeMap<String, Values>,
    /// A JSON body, with its content type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// A body of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A body of bytes, in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

/// One value of a header, or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// One.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

/// How often a step is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Repeat {
    /// Exactly so often.
    Times(u32),
    /// At least once.
    Always(Always),
}

/// The word `always`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Always {
    /// At least once.
    Always,
}

impl Script {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step at the end.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Step {
    /// A step for this method and path. Without more it passes the request on to the model.
    pub fn on(method: &str, path: &str) -> Self {
        let matching =
            Match { method: Some(method.to_owned()), path: Some(path.to_owned()), ..Match::default() };
        Self { matching, ..Self::default() }
    }

    /// Only for requests with this token; `""`: with none.
    pub fn token(mut self, token: &str) -> Self {
        self.matching.token = Some(token.to_owned());
        self
    }

    /// Only for requests whose body holds this text.
    pub fn body_contains(mut self, text: &str) -> Self {
        self.matching.body_contains = Some(text.to_owned());
        self
    }

    /// Answers with this JSON.
    pub fn json(self, status: u16, body: Value) -> Self {
        self.respond(Respond { status, json: Some(body), ..Respond::default() })
    }

    /// Answers with this text.
    pub fn text(self, status: u16, body: &str) -> Self {
        self.respond(Respond { status, text: Some(body.to_owned()), ..Respond::default() })
    }

    /// Answers so.
    pub fn respond(mut self, respond: Respond) -> Self {
        self.respond = Some(respond);
        self
    }

    /// Adds a header to the answer that was given before; a second one of the same name replaces the first.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let respond = self.respond.get_or_insert_default();
        respond.headers.insert(name.to_owned(), Values::One(value.to_owned()));
        self
    }

    /// Keeps the answer back for so long.
    pub fn delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = delay_ms;
        self
    }

    /// Breaks the answer.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Holds its requests until so many of them have arrived.
    pub fn barrier(mut self, requests: u32) -> Self {
        self.barrier = Some(requests);
        self
    }

    /// Holds its requests until that name is released.
    pub fn hold(mut self, name: &str) -> Self {
        self.hold = Some(name.to_owned());
        self
    }

    /// Releases that name when a request of this step arrives.
    pub fn release(mut self, name: &str) -> Self {
        self.release = Some(name.to_owned());
        self
    }

    /// To be used exactly so often.
    pub fn times(mut self, times: u32) -> Self {
        self.repeat = Some(Repeat::Times(times));
        self
    }

    /// To be used at least once.
    pub fn always(mut self) -> Self {
        self.repeat = Some(Repeat::Always(Always::Always));
        self
    }

    /// How often it has to be used, and how often it may.
    pub(crate) fn uses(&self) -> (u32, u32) {
        match self.repeat {
            Some(Repeat::Times(times)) => (times, times),
            Some(Repeat::Always(_)) => (1, u32::MAX),
            None => (self.barrier.unwrap_or(1), self.barrier.unwrap_or(1)),
        }
    }
}

impl Match {
    pub(crate) fn fits(&self, request: &Request) -> bool {
        let named = |name: &Option<String>, value: &str| name.as_deref().is_none_or(|name| name == value);
        let path = match &self.path {
            Some(path) if path.contains('?') => *path == request.target,
            path => named(path, request.path()),
        };
        path && named(&self.method, &request.method)
            && named(&self.token, request.token().unwrap_or_default())
            && self.body_contains.as_ref().is_none_or(|text| holds(&request.body, text))
    }
}

fn holds(body: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(body).contains(text)
}

impl Respond {
    pub(crate) fn answer(&self) -> Result<Answer, String> {
        let status = if self.status == 0 { 200 } else { self.status };
        let mut answer = match (&self.json, &self.text, &self.bytes) {
            (Some(json), None, None) => Answer::json(status, json),
            (None, Some(text), None) => Answer { body: text.clone().into_bytes(), ..Answer::empty(status) },
            (None, None, Some(bytes)) => Answer { body: decode(bytes)?, ..Answer::empty(status) },
            (None, None, None) => Answer::empty(status),
            _ => return Err("give one of json, text and bytes".to_owned()),
        };
        for (name, values) in &self.headers {
            // A content type of the script's own wins over that of `json`.
            answer.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            answer.headers.extend(values.iter().map(|value| (name.clone(), value.clone())));
        }
        Ok(answer)
    }
}

fn decode(bytes: &str) -> Result<Vec<u8>, String> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(bytes).map_err(|error| format!("bytes: {error}"))
}
