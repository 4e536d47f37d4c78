//! What a token endpoint's answer means (spec 5.1): the dialect's rules, then the body, then the status.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::Answer;
use super::body;
use super::effect::{OutcomeName, TokenRule};
use super::expiry_fields::{self, End};
use super::file::{AnswerSpec, Spec};
use super::path::Path;
use super::rule::Seen;
use super::scalar::{Several, text_of};
use super::server_message;
use crate::credential::{Grant, Secret};
use crate::verdict::{DeadReason, Lost, Outcome, StepUp};

impl Spec {
    pub(super) fn outcome(&self, answer: &Answer<'_>) -> Outcome {
        let fields = body::fields(answer.headers, answer.body);
        let reading = Reading { spec: self, answer, fields: fields.as_ref() };
        let told = reading.by_rule().or_else(|| reading.granted()).or_else(|| reading.by_rfc());
        told.unwrap_or_else(|| reading.by_status())
    }
}

struct Reading<'a> {
    spec: &'a Spec,
    answer: &'a Answer<'a>,
    fields: Option<&'a Value>,
}

impl Reading<'_> {
    fn seen(&self) -> Seen<'_> {
        let Answer { status, headers, body, .. } = *self.answer;
        Seen { status, headers, body: self.fields, is_empty: body::is_empty(body) }
    }

    fn by_rule(&self) -> Option<Outcome> {
        let seen = self.seen();
        let rule = self.spec.answer.rules.iter().find(|rule| rule.when.is_met(&seen))?;
        Some(self.effect(rule, &seen))
    }

    fn effect(&self, rule: &TokenRule, seen: &Seen<'_>) -> Outcome {
        let after = self.after().or(rule.after_seconds.map(|seconds| Duration::from_secs(seconds.into())));
        match rule.outcome {
            OutcomeName::Dead => Outcome::Dead(rule.reason),
            OutcomeName::LostRace => Outcome::LostRace,
            OutcomeName::RetrySame => Outcome::RetrySame { after },
            OutcomeName::RateLimited => Outcome::RateLimited { after },
            OutcomeName::ClockSkew => Outcome::ClockSkew,
            OutcomeName::StepUp => Outcome::StepUp(self.step_up()),
            OutcomeName::ClientConfig => Outcome::ClientConfig { error: self.code(rule.when.found(seen)) },
            OutcomeName::Lost => Outcome::Lost(Lost::Broken),
            OutcomeName::Unknown => self.unknown(),
        }
    }

    /// A grant, if this is one: a 2xx with a token in it that fulfils what the dialect asks for.
    fn granted(&self) -> Option<Outcome> {
        let (spec, fields) = (&self.spec.answer, self.fields?);
        let fulfilled = spec.success.as_ref().is_none_or(|test| test.is_met(&self.seen()));
        if !self.answer.status.is_success() || !fulfilled {
            return None;
        }
        let refresh_token = text(&spec.refresh_token, fields).map(Secret::from);
        let Some(access_token) = text(&spec.access_token, fields) else {
            return refresh_token.map(|refresh_token| Outcome::GrantedWithoutAccess { refresh_token });
        };
        Some(Outcome::Granted(Box::new(self.grant(fields, access_token.into(), refresh_token))))
    }

    fn grant(&self, fields: &Value, access_token: Secret, refresh_token: Option<Secret>) -> Grant {
        let spec = &self.spec.answer;
        let end = self.end(spec, fields, access_token.expose());
        let default = spec
            .default_lifetime_seconds
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into()));
        Grant {
            token_type: text(&spec.token_type, fields),
            lifetime: match end {
                Some(End::In(lifetime)) => Some(lifetime),
                Some(End::Past) => None,
                None => default,
            },
            expired_on_arrival: end == Some(End::Past),
            refresh_token,
            refresh_token_lifetime: value(&spec.refresh_token_expires_in, fields, &expiry_fields::seconds),
            scope: value(&spec.scope, fields, &scope),
            extra: spec
                .keep
                .iter()
                .filter_map(|(name, path)| Some((name.clone(), text_of(path.first(fields)?)?)))
                .collect(),
            ..Grant::new(access_token)
        }
    }

    fn end(&self, spec: &AnswerSpec, fields: &Value, access_token: &str) -> Option<End> {
        let epoch = |value: &Value| expiry_fields::epoch(value, self.answer.headers, self.answer.sent_at);
        let told = value(&spec.expires_in, fields, &expiry_fields::seconds).map(End::In);
        let told = told.or_else(|| value(&spec.expires_at, fields, &epoch));
        told.or_else(|| spec.jwt_exp.then(|| expiry_fields::jwt_end(access_token))?.as_ref().and_then(epoch))
    }

    /// RFC 6749 section 5.2 and its neighbours, whatever the status.
    fn by_rfc(&self) -> Option<Outcome> {
        let error = self.fields?.get("error")?.as_str()?;
        match error {
            "invalid_grant" => Some(Outcome::Dead(DeadReason::Rejected)),
            "use_dpop_nonce" => Some(Outcome::NonceRequired(super::judge::nonce(self.answer.headers))),
            "slow_down" => Some(Outcome::RateLimited { after: self.after() }),
            "interaction_required"
            | "login_required"
            | "consent_required"
            | "insufficient_user_authentication" => Some(Outcome::StepUp(self.step_up())),
            // Not dead, and not worth sending again as it is: the matrix of what it can mean is long.
            "invalid_request"
            | "invalid_client"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "invalid_scope"
            | "invalid_target" => Some(Outcome::ClientConfig { error: error.to_owned() }),
            "server_error" | "temporarily_unavailable" => None,
            // A refusal in a 2xx is readable, if not understood: nothing was lost.
            _ => self.answer.status.is_success().then(|| self.unknown()),
        }
    }

    fn by_status(&self) -> Outcome {
        let after = self.after();
        match self.answer.status {
            StatusCode::TOO_MANY_REQUESTS => Outcome::RateLimited { after },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::SERVICE_UNAVAILABLE => {
                Outcome::RetrySame { after }
            }
            status if status.is_server_error() => Outcome::Lost(Lost::Broken),
            status if status.is_success() && !self.has_errors() => Outcome::Lost(Lost::Broken),
            _ => self.unknown(),
        }
    }

    /// A GraphQL refusal that no rule knows: readable too.
    fn has_errors(&self) -> bool {
        let errors = self.fields.and_then(|fields| fields.get("errors")).and_then(Value::as_array);
        errors.is_some_and(|errors| !errors.is_empty())
    }

    /// The code that a rule found, else the answer's own.
    fn code(&self, found: Option<String>) -> String {
        let own = || self.fields.and_then(server_message::code);
        found
            .filter(|text| server_message::is_code(text))
            .or_else(own)
            .unwrap_or_else(|| "client_config".into())
    }

    fn step_up(&self) -> StepUp {
        let of = |name: &str| self.fields.and_then(|fields| fields.get(name)).and_then(text_of);
        StepUp {
            acr_values: of("acr_values"),
            max_age: of("max_age").and_then(|text| text.parse().ok()),
            claims: of("claims"),
        }
    }

    fn after(&self) -> Option<Duration> {
        self.spec.retry_after.read(self.answer.headers, self.fields, Some(self.answer.received_at))
    }

    fn unknown(&self) -> Outcome {
        Outcome::Unknown { status: self.answer.status.as_u16() }
    }
}

/// The first of several places that holds something usable.
fn value<T>(paths: &Several<Path>, fields: &Value, read: &dyn Fn(&Value) -> Option<T>) -> Option<T> {
    paths.0.iter().find_map(|path| read(path.first(fields)?))
}

/// A text that is not empty.
fn text(paths: &Several<Path>, fields: &Value) -> Option<String> {
    value(paths, fields, &|value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
}

/// A scope is a text, or a list of texts.
fn scope(value: &Value) -> Option<String> {
    let list = |entries: &Vec<Value>| entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let text = value.as_str().map(str::to_owned).or_else(|| value.as_array().map(list));
    text.filter(|text| !text.is_empty())
}
