//! What the core gives, as data.

use rekindle::client::GraphqlError;
use rekindle::proto::Verdict;
use rekindle::proto::event::{Event, EventKind};
use rekindle::{Error, ErrorResponse, Session, Status, Token};
use serde_json::{Map, Value, json};

pub(crate) fn done(call: u64, done: Result<Value, &Error>) -> Value {
    match done {
        Ok(value) => json!({ "effect": "done", "call": call, "ok": value }),
        Err(failed) => json!({ "effect": "done", "call": call, "error": error(failed) }),
    }
}

pub(crate) fn session(session: &Session) -> Value {
    let mut names: Vec<String> =
        session.dialect().credential_headers().iter().map(|name| name.as_str().to_owned()).collect();
    names.push("authorization".to_owned());
    json!({ "dialect": session.dialect().name(), "credential_headers": names })
}

pub(crate) fn token(token: &Token) -> Value {
    json!({
        "token": token.value(),
        "authorization": token.authorization().to_str().unwrap_or_default(),
        "header": token.header_name().as_str(),
        "generation": token.generation(),
        "expires_at_ms": token.expires_at().map(|at| at.0),
    })
}

pub(crate) fn status(status: &Status) -> Value {
    json!({
        "standing": status.standing.name(),
        "generation": status.generation,
        "valid": status.valid,
        "refreshable": status.refreshable,
        "persisted": status.persisted,
        "refreshing": status.refreshing,
        "failures": status.failures,
        "backoff_ms": status.backoff.map(|left| left.as_millis() as u64),
        "leased": status.lease.is_some(),
        "scope": status.scope,
        "expires_at_ms": status.expires_at.map(|at| at.0),
    })
}

pub(crate) fn stats(session: &Session) -> Value {
    let entries = session.stats().entries();
    entries.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect::<Map<_, _>>().into()
}

pub(crate) fn event(session: u32, event: &Event) -> Value {
    let mut shown = json!({
        "effect": "event",
        "session": session,
        "name": event.kind.name(),
        "lineage": event.lineage,
        "generation": event.generation,
    });
    match &event.kind {
        EventKind::RefreshStarted { cause } => shown["cause"] = cause.name().into(),
        EventKind::RefreshSucceeded { waiters, persisted, duration } => {
            shown["waiters"] = (*waiters).into();
            shown["persisted"] = (*persisted).into();
            shown["duration_ms"] = (duration.as_millis() as u64).into();
        }
        EventKind::RefreshFailed { kind, retry_after } => {
            shown["kind"] = format!("{kind:?}").into();
            shown["retry_after_ms"] = json!(retry_after.map(|after| after.as_millis() as u64));
        }
        EventKind::LoginRequired { reason } => {
            shown["reason"] = serde_json::to_value(reason).unwrap_or_default();
        }
        EventKind::Warned(warning) => shown["warning"] = warning.name().into(),
        _ => {}
    }
    shown
}

pub(crate) fn verdict(verdict: &Verdict) -> Value {
    let name = verdict.name();
    match verdict {
        Verdict::Expired { reason, .. } => {
            json!({ "name": name, "reason": format!("{reason:?}").to_lowercase() })
        }
        Verdict::InsufficientScope { scope } => json!({ "name": name, "scope": scope }),
        Verdict::StepUp(wanted) => json!({
            "name": name,
            "acr_values": wanted.acr_values,
            "max_age": wanted.max_age,
            "claims": wanted.claims,
        }),
        Verdict::RateLimited { after } | Verdict::Unavailable { after } => {
            json!({ "name": name, "after_ms": after.map(|after| after.as_millis() as u64) })
        }
        _ => json!({ "name": name }),
    }
}

pub(crate) fn error(error: &Error) -> Value {
    json!({
        "kind": format!("{:?}", error.kind()),
        "message": error.message(),
        "argument": error.argument(),
        "graphql": error.graphql_errors().iter().map(graphql).collect::<Vec<_>>(),
        "retryable": error.is_retryable(),
        "oauth_error": error.oauth_error(),
        "status": error.status(),
        "retry_after_ms": error.retry_after().map(|after| after.as_millis() as u64),
        "response": error.response().map(response),
    })
}

fn graphql(error: &GraphqlError) -> Value {
    json!({ "message": error.message, "code": error.code, "path": error.path })
}

fn response(response: &ErrorResponse) -> Value {
    let headers = response.headers.iter();
    let headers = headers
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect::<Vec<_>>();
    json!({
        "status": response.status.as_u16(),
        "url": response.url.as_str(),
        "headers": headers,
        "body": response.text(),
        "verdict": response.verdict.as_ref().map(verdict),
        "replay_refused": response.replay_refused.map(|refused| refused.name()),
    })
}
