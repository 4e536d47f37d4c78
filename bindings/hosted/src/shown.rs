//! What the core gives, as data.

use rekindle::{Client, Error, Event, Session, Status, Token, Verdict};
use rekindle_bindings::{ProblemDetails, ResponseData, Spelling, TokenDetails};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) fn done(call: u64, done: Result<Value, &Error>, spelling: Spelling) -> Value {
    match done {
        Ok(value) => json!({ "effect": "done", "call": call, "ok": value }),
        Err(failed) => json!({ "effect": "done", "call": call, "error": error(failed, spelling) }),
    }
}

pub(crate) fn session(session: &Session) -> Value {
    let mut names: Vec<String> =
        session.dialect().credential_headers().iter().map(|name| name.as_str().to_owned()).collect();
    names.push("authorization".to_owned());
    json!({ "dialect": session.dialect().name(), "credential_headers": names })
}

pub(crate) fn client(client: &Client) -> Value {
    json!({ "graphql_path": client.graphql_path(), "max_body_bytes": client.max_body_bytes() })
}

/// Plain data. What cannot be written as JSON is nothing; there is no such.
pub(crate) fn plain(data: impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}

pub(crate) fn token(token: &Token) -> Value {
    plain(TokenDetails::from(token))
}

pub(crate) fn status(status: Status) -> Value {
    let needs_sign_in = status.needs_sign_in();
    let mut shown = plain(rekindle_bindings::Status::from(status));
    shown["needs_sign_in"] = needs_sign_in.into();
    shown
}

pub(crate) fn stats(session: &Session) -> Value {
    let entries = session.stats().entries();
    entries.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect::<Map<_, _>>().into()
}

pub(crate) fn event(session: u32, event: &Event) -> Value {
    let mut shown = plain(rekindle_bindings::Event::from(event));
    shown["effect"] = "event".into();
    shown["session"] = session.into();
    shown
}

pub(crate) fn verdict(verdict: &Verdict) -> Value {
    plain(rekindle_bindings::Verdict::from(verdict))
}

pub(crate) fn error(error: &Error, spelling: Spelling) -> Value {
    let mut shown = plain(ProblemDetails::from(error).spelled(spelling));
    shown["response"] = plain(error.response().map(ResponseData::from));
    shown
}
