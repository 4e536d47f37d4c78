//! What a dialect made of a sample, as data.

use std::time::Duration;

use rekindle::{StepUp, TokenResponse, Verdict};
use rekindle_proto::Outcome;
use rekindle_proto::dialect::TokenRequest;
use serde_json::{Map, Value, json};

pub(super) fn of_verdict(verdict: &Verdict) -> Value {
    let mut found = json!({ "verdict": verdict.name() });
    let more = match verdict {
        Verdict::Expired { reason, applied } => {
            json!({ "reason": spelled(reason), "applied": spelled(applied) })
        }
        Verdict::InsufficientScope { scope } => json!({ "scope": scope }),
        Verdict::StepUp(step_up) => of_step_up(step_up),
        Verdict::RateLimited { after } | Verdict::Unavailable { after } => {
            json!({ "after_seconds": seconds(*after) })
        }
        Verdict::Accepted | Verdict::Denied | Verdict::NonceRequired(_) => Value::Null,
    };
    extend(&mut found, more);
    found
}

pub(super) fn of_outcome(outcome: &Outcome) -> Value {
    let mut found = json!({ "outcome": outcome.name() });
    let more = match outcome {
        Outcome::Granted(grant) => of_grant(grant),
        Outcome::GrantedWithoutAccess { refresh_token } => json!({ "refresh_token": refresh_token.expose() }),
        Outcome::Dead(reason) => json!({ "reason": reason.name() }),
        Outcome::RetrySame { after } | Outcome::RateLimited { after } => {
            json!({ "after_seconds": seconds(*after) })
        }
        Outcome::StepUp(step_up) => of_step_up(step_up),
        Outcome::ClientConfig { error } => json!({ "error": error }),
        _ => Value::Null,
    };
    extend(&mut found, more);
    found
}

pub(super) fn of_request(request: &TokenRequest) -> Value {
    let headers = request.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    let body = request.body.expose();
    let mut found = json!({
        "method": request.method.as_str(),
        "url": request.url.as_str(),
        "headers": Map::from_iter(headers),
        "body": body,
    });
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        extend(&mut found, json!({ "json": json }));
    }
    found
}

fn of_grant(grant: &TokenResponse) -> Value {
    json!({
        "access_token": grant.access_token.expose(),
        "refresh_token": grant.refresh_token.as_ref().map(|token| token.expose()),
        "token_type": grant.token_type,
        "lifetime_seconds": seconds(grant.lifetime),
        "expired_on_arrival": grant.expired_on_arrival,
        "refresh_token_lifetime_seconds": seconds(grant.refresh_token_lifetime),
        "scope": grant.scope,
        "extra": grant.extra,
    })
}

fn of_step_up(step_up: &StepUp) -> Value {
    json!({ "acr_values": step_up.acr_values, "max_age": step_up.max_age, "claims": step_up.claims })
}

/// Whole seconds as a whole number, as people write them.
fn seconds(time: Option<Duration>) -> Value {
    match time {
        None => Value::Null,
        Some(time) if time.subsec_nanos() == 0 => time.as_secs().into(),
        Some(time) => time.as_secs_f64().into(),
    }
}

/// As a dialect file spells it.
fn spelled(name: &impl std::fmt::Debug) -> String {
    format!("{name:?}").to_lowercase()
}

fn extend(found: &mut Value, more: Value) {
    if let (Value::Object(found), Value::Object(more)) = (found, more) {
        found.extend(more);
    }
}
