//! What operations give, as the data that cases speak of; and that no token is told where none may be.

use http::{HeaderMap, StatusCode};
use rekindle::session::Status;
use rekindle::{Error, ReplayRefused, Response, Session, Token};
use rekindle::{Event, EventKind};
use rekindle::{Verdict, Wall};
use serde_json::{Map, Value, json};
use url::Url;

use crate::stage::Stage;

/// What every token of the cases begins with.
const SENTINELS: [&str; 3] = ["AT-", "RT-", "SECRET-"];

/// The sentinels in a text that must hold none (spec 9.3).
pub(crate) fn leaks(what: &str, text: &str) -> Option<String> {
    let sentinel = SENTINELS.iter().find(|sentinel| text.contains(**sentinel))?;
    Some(format!("{what} shows a token ({sentinel}..): {text}"))
}

pub(crate) fn token(stage: &Stage, token: Option<Token>) -> Value {
    let Some(token) = token else { return json!({ "token": null }) };
    stage.must_not_leak("a token's Debug", &format!("{token:?}"));
    json!({
        "token": token.value(),
        "authorization": token.authorization().to_str().unwrap_or_default(),
        "header": token.header_name().as_str(),
        "generation": token.generation(),
        "expires_at_ms": token.expires_at().map(|at| Wall::from(at).0),
    })
}

/// The response, read to its end.
pub(crate) async fn response(stage: &Stage, mut response: Response) -> Value {
    let mut body = Vec::new();
    let broke = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    stage.must_not_leak("a response's Debug", &format!("{response:?}"));
    let mut told = Map::new();
    told.insert("status".into(), response.status().as_u16().into());
    told.insert("url".into(), response.url().as_str().into());
    told.insert("redirects".into(), response.history().len().into());
    told.insert("headers".into(), headers(response.headers()));
    told.insert("text".into(), String::from_utf8_lossy(&body).into_owned().into());
    if let Ok(json) = serde_json::from_slice(&body) {
        told.insert("json".into(), json);
    }
    if let Some(verdict) = response.verdict() {
        told.insert("verdict".into(), self::verdict(verdict));
    }
    if let Some(refused) = response.replay_refused() {
        told.insert("replay_refused".into(), refused.name().into());
    }
    if let Some(error) = broke {
        told.insert("error".into(), bare_error(stage, &error));
    }
    told.into()
}

/// The answer that another HTTP client got.
pub(crate) fn answer(
    stage: &Stage,
    (status, url, headers): (StatusCode, Option<&Url>, &HeaderMap),
    body: &[u8],
    judged: Option<(&Verdict, Option<ReplayRefused>)>,
) -> Value {
    let mut told = Map::new();
    told.insert("status".into(), status.as_u16().into());
    told.insert("headers".into(), self::headers(headers));
    told.insert("text".into(), String::from_utf8_lossy(body).into_owned().into());
    if let Some(url) = url {
        told.insert("url".into(), url.as_str().into());
    }
    if let Ok(json) = serde_json::from_slice(body) {
        told.insert("json".into(), json);
    }
    if let Some((verdict, refused)) = judged {
        stage.must_not_leak("a verdict's Debug", &format!("{verdict:?}"));
        told.insert("verdict".into(), self::verdict(verdict));
        if let Some(refused) = refused {
            told.insert("replay_refused".into(), refused.name().into());
        }
    }
    told.into()
}

fn headers(headers: &HeaderMap) -> Value {
    let pairs = headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
    });
    pairs.collect::<Map<_, _>>().into()
}

fn verdict(verdict: &Verdict) -> Value {
    let name = verdict.name();
    match verdict {
        Verdict::Expired { reason, .. } => {
            json!({"name": name, "reason": format!("{reason:?}").to_lowercase()})
        }
        Verdict::InsufficientScope { scope } => json!({"name": name, "scope": scope}),
        Verdict::StepUp(wanted) => {
            json!({"name": name, "acr_values": wanted.acr_values, "max_age": wanted.max_age, "claims": wanted.claims})
        }
        Verdict::RateLimited { after } | Verdict::Unavailable { after } => {
            json!({"name": name, "after_ms": after.map(|after| after.as_millis())})
        }
        _ => json!({ "name": name }),
    }
}

pub(crate) async fn error(stage: &Stage, error: Error) -> Value {
    let mut told = bare_error(stage, &error);
    if let Some(carried) = error.into_response() {
        told["response"] = Box::pin(response(stage, carried.into())).await;
    }
    json!({ "error": told })
}

fn bare_error(stage: &Stage, error: &Error) -> Value {
    stage.must_not_leak("an error", &format!("{error} {error:?}"));
    let graphql = error.graphql_errors().iter();
    let graphql = graphql.map(|one| json!({"message": one.message, "code": one.code, "path": one.path}));
    let mut told = json!({
        "kind": format!("{:?}", error.kind()),
        "message": error.message(),
        "retryable": error.is_retryable(),
        "graphql": graphql.collect::<Vec<_>>(),
    });
    if let Some(code) = error.oauth_error() {
        told["oauth_error"] = code.into();
    }
    if let Some(status) = error.status() {
        told["status"] = status.into();
    }
    if let Some(after) = error.retry_after() {
        told["retry_after_ms"] = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).into();
    }
    told
}

pub(crate) fn status(stage: &Stage, status: &Status) -> Value {
    stage.must_not_leak("a status", &format!("{status:?}"));
    json!({
        "standing": status.standing.name(),
        "generation": status.generation,
        "valid": status.valid,
        "refreshable": status.refreshable,
        "persisted": status.persisted,
        "refreshing": status.refreshing,
        "failures": status.failures,
        "backoff_ms": status.backoff.map(|left| left.as_millis()),
        "leased": status.lease.is_some(),
        "scope": status.scope,
        "expires_at_ms": status.expires_at.map(|at| Wall::from(at).0),
    })
}

pub(crate) fn counters(session: &Session) -> Value {
    let entries = session.stats().entries();
    entries.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect::<Map<_, _>>().into()
}

pub(crate) fn event(stage: &Stage, event: &Event) -> Value {
    stage.must_not_leak("an event", &format!("{event:?}"));
    let mut told = json!({"name": event.kind.name(), "generation": event.generation});
    match &event.kind {
        EventKind::RefreshStarted { cause } => told["cause"] = cause.name().into(),
        EventKind::RefreshSucceeded { waiters, persisted, .. } => {
            told["waiters"] = (*waiters).into();
            told["persisted"] = (*persisted).into();
        }
        EventKind::RefreshFailed { kind, retry_after } => {
            told["kind"] = format!("{kind:?}").into();
            told["retry_after_ms"] = json!(retry_after.map(|after| after.as_millis()));
        }
        EventKind::LoginRequired { reason } => {
            told["reason"] = serde_json::to_value(reason).unwrap_or_default();
        }
        EventKind::ExtraChanged { names } => told["names"] = names.clone().into(),
        EventKind::Warned(warning) => told["warning"] = warning.name().into(),
        _ => {}
    }
    told
}
