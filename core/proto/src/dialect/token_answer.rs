//! The meaning of a token endpoint's response (spec 5.1): by the dialect's rules, then the body, then the status.

use std::time::Duration;

use http::StatusCode;
use http::header::LOCATION;
use serde_json::Value;

use super::body;
use super::clock_hint::clock_hint;
use super::effect::{OutcomeName, TokenRule};
use super::expiry_fields::{self, End};
use super::file::{Spec, TokenField};
use super::path::Path;
use super::rule::{Seen, Test};
use super::scalar::{Several, text_of};
use super::server_message;
use super::token_text;
use super::{Answer, AskAgain};
use crate::credential::{Secret, TokenResponse};
use crate::redact;
use crate::verdict::{DeadReason, Lost, Outcome, StepUp};

impl Spec {
    pub(super) fn outcome(&self, answer: &Answer<'_>) -> Outcome {
        self.reading(answer, |reading| reading.outcome())
    }

    /// Explains a response that grants nothing if its code and message do not, and a wrong clock.
    pub(super) fn complaint(&self, answer: &Answer<'_>) -> Option<String> {
        let hints = [
            self.reading(answer, |reading| reading.complaint()),
            clock_hint(answer.headers, answer.received_at),
        ];
        hints.into_iter().flatten().reduce(|first, second| format!("{first}; {second}"))
    }

    /// Whether the request must be repeated before its outcome counts.
    pub(super) fn asks_again(&self, answer: &Answer<'_>) -> Option<AskAgain> {
        self.reading(answer, |reading| {
            let rule = reading.is_whole.then(|| reading.rule(&reading.seen()))??;
            match rule.outcome {
                OutcomeName::Fallback => Some(AskAgain::WithFallback),
                OutcomeName::Dead if rule.confirm => Some(AskAgain::ToConfirm),
                _ => None,
            }
        })
    }

    fn reading<T>(&self, answer: &Answer<'_>, then: impl FnOnce(&Reading<'_>) -> T) -> T {
        let own = own_paths();
        let rules = self.answer.rules.iter().flat_map(|rule| rule.when.paths());
        let success = self.answer.success.iter().filter_map(Test::path);
        let asked =
            own.iter().chain(self.answer.paths()).chain(rules).chain(success).chain(self.retry_after.paths());
        let (fields, is_whole) = body::fields(answer.headers, answer.body, asked);
        then(&Reading { spec: self, answer, fields: fields.as_ref(), is_whole })
    }
}

/// The fields of RFC 6749 and related standards, in addition to those that the dialect names.
fn own_paths() -> Vec<Path> {
    let names = ["error", "errors[*].message", "acr_values", "max_age", "claims", "id_token"];
    let own = names.iter().filter_map(|name| name.parse().ok());
    own.chain(server_message::code_paths()).collect()
}

struct Reading<'a> {
    spec: &'a Spec,
    answer: &'a Answer<'a>,
    fields: Option<&'a Value>,
    /// The body is complete. In a truncated one only tokens count: the missing part may change a refusal.
    is_whole: bool,
}

impl Reading<'_> {
    fn outcome(&self) -> Outcome {
        if !self.is_whole {
            return self.granted().filter(is_whole_pair).unwrap_or_else(|| self.by_status());
        }
        let told = self.by_rule().or_else(|| self.granted()).or_else(|| self.by_rfc());
        told.unwrap_or_else(|| self.by_status())
    }

    fn complaint(&self) -> Option<String> {
        let Answer { status, headers, .. } = *self.answer;
        if status.is_redirection() {
            let location = headers.get(LOCATION)?.as_bytes();
            let location = redact::body(without_query(location), &[]);
            return Some(format!(
                "it redirects to {location}, and redirects of a token endpoint are not followed; set token_url to its new place"
            ));
        }
        let given =
            status.is_success() && self.is_whole && self.text(&self.spec.answer.access_token).is_some();
        if given && self.access_token().is_none() {
            return Some("the access token in its answer is not a token by RFC 6750 section 2.1; if its tokens do look like that, list the characters in the dialect's `token.extra_characters`".to_owned());
        }
        self.other_than_tokens().map(str::to_owned)
    }

    /// Describes a response that is not a token response.
    fn other_than_tokens(&self) -> Option<&'static str> {
        let Answer { status, headers, body, .. } = *self.answer;
        let granted = || self.access_token().is_some() || self.refresh_token().is_some();
        match () {
            () if body::is_html(headers, body) => Some(
                "its response is an HTML page, as from a website or a proxy: check token_url, and any proxy in front of it",
            ),
            () if !status.is_success() || granted() => None,
            () if body::is_empty(body) => Some("its answer is empty: check token_url"),
            () if self.fields.is_none() => {
                Some("its answer is neither JSON nor a form: check token_url and dialect")
            }
            () if !self.is_whole => Some("its answer broke off"),
            () if self.has_error() || self.has_errors() => None,
            () => Some("its answer has no access token in it: check token_url and dialect"),
        }
    }

    fn seen(&self) -> Seen<'_> {
        let Answer { status, headers, body, .. } = *self.answer;
        Seen {
            status,
            headers,
            body: self.fields,
            is_empty: body::is_empty(body),
            text: body,
            is_past_end: false,
            url: None,
        }
    }

    fn by_rule(&self) -> Option<Outcome> {
        let seen = self.seen();
        self.rule(&seen).map(|rule| self.effect(rule, &seen))
    }

    fn rule(&self, seen: &Seen<'_>) -> Option<&TokenRule> {
        self.spec.answer.rules.iter().find(|rule| rule.when.is_met(seen))
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
            // A request that is repeated with the other document does not get here; without one the document is
            // wrong.
            OutcomeName::ClientConfig | OutcomeName::Fallback => {
                Outcome::ClientConfig { error: self.code(rule.when.found(seen)) }
            }
            OutcomeName::Lost => Outcome::Lost(Lost::Broken),
            OutcomeName::Unknown => self.unknown(),
        }
    }

    /// The grant, if the response is a 2xx with a token that meets the dialect's conditions.
    fn granted(&self) -> Option<Outcome> {
        let fulfilled = self.spec.answer.success.as_ref().is_none_or(|test| test.is_met(&self.seen()));
        if !self.answer.status.is_success() || !fulfilled {
            return None;
        }
        let refresh_token = self.refresh_token();
        match (self.access_token(), refresh_token) {
            (Some(access_token), refresh_token) => {
                Some(Outcome::Granted(Box::new(self.grant(access_token, refresh_token))))
            }
            (None, Some(refresh_token)) => Some(Outcome::GrantedWithoutAccess { refresh_token }),
            // The response is readable but contains nothing to serve: the old token stays, and so does the refresh
            // token.
            (None, None) => {
                let given = self.text(&self.spec.answer.access_token).is_some();
                (given && !self.has_error()).then(|| self.unknown())
            }
        }
    }

    /// A token must be a valid header value (RFC 6750 section 2.1); a text for people is not one.
    fn access_token(&self) -> Option<Secret> {
        let elsewhere = || self.outside_the_body(TokenField::AccessToken);
        let text = self.text(&self.spec.answer.access_token).or_else(elsewhere)?;
        token_text::is_access_token(&text, &self.spec.token.extra_characters).then(|| text.into())
    }

    fn refresh_token(&self) -> Option<Secret> {
        let elsewhere = || self.outside_the_body(TokenField::RefreshToken);
        let text = self.text(&self.spec.answer.refresh_token).or_else(elsewhere)?;
        token_text::is_refresh_token(&text).then(|| text.into())
    }

    fn outside_the_body(&self, field: TokenField) -> Option<String> {
        let (spec, headers) = (&self.spec.answer, self.answer.headers);
        let header = spec.headers.get(&field).and_then(|name| headers.get(name.name()?)?.to_str().ok());
        let cookie = || spec.cookies.get(&field).and_then(|name| token_text::set_cookie(headers, name));
        let text = header.or_else(cookie)?.trim_ascii();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn grant(&self, access_token: Secret, refresh_token: Option<Secret>) -> TokenResponse {
        let spec = &self.spec.answer;
        let end = self.end(access_token.expose());
        let tokens: Vec<&Secret> = std::iter::once(&access_token).chain(&refresh_token).collect();
        let scope = self.value(&spec.scope, &scope).map(|scope| redact::known(&scope, &tokens));
        TokenResponse {
            token_type: self.text(&spec.token_type),
            lifetime: match end {
                Some(End::In(lifetime)) => Some(lifetime),
                Some(End::Past) => None,
                None => self.spec.default_lifetime(),
            },
            expired_on_arrival: end == Some(End::Past),
            refresh_token,
            refresh_token_lifetime: self.refresh_token_lifetime(),
            scope,
            id_token: self.id_token(),
            extra: spec
                .keep
                .iter()
                .filter_map(|(name, path)| {
                    Some((name.clone(), readable(&text_of(path.first(self.fields?)?)?)?))
                })
                .collect(),
            ..TokenResponse::new(access_token)
        }
    }

    /// The name in OpenID Connect Core section 3.1.3.3.
    fn id_token(&self) -> Option<Secret> {
        let text = self.fields?.get("id_token")?.as_str()?;
        (!text.is_empty()).then(|| text.into())
    }

    fn refresh_token_lifetime(&self) -> Option<Duration> {
        let spec = &self.spec.answer;
        let told = self.value(&spec.refresh_token_expires_in, &expiry_fields::seconds);
        told.or_else(|| match self.value(&spec.refresh_token_expires_at, &|value| self.epoch(value))? {
            End::In(lifetime) => Some(lifetime),
            // A new token has not expired already: the server means something else by this value.
            End::Past => None,
        })
    }

    fn epoch(&self, value: &Value) -> Option<End> {
        expiry_fields::epoch(value, self.answer.headers, self.answer.sent_at)
    }

    fn end(&self, access_token: &str) -> Option<End> {
        let spec = &self.spec.answer;
        let epoch = |value: &Value| self.epoch(value);
        let told = self.value(&spec.expires_in, &expiry_fields::seconds);
        let told =
            told.or_else(|| self.value(&spec.expires_in_ms, &expiry_fields::milliseconds)).map(End::In);
        let told = told.or_else(|| self.value(&spec.expires_at, &epoch));
        told.or_else(|| spec.jwt_exp.then(|| expiry_fields::jwt_end(access_token))?.as_ref().and_then(epoch))
    }

    /// The first usable value among several places.
    fn value<T>(&self, paths: &Several<Path>, read: &dyn Fn(&Value) -> Option<T>) -> Option<T> {
        paths.0.iter().find_map(|path| read(path.first(self.fields?)?))
    }

    /// A non-empty text, without surrounding white space.
    fn text(&self, paths: &Several<Path>) -> Option<String> {
        self.value(paths, &|value| readable(value.as_str()?.trim_ascii()))
    }

    fn has_error(&self) -> bool {
        let error = self.fields.and_then(|fields| fields.get("error"));
        error.is_some_and(|error| error.as_str().is_some_and(|text| !text.is_empty()))
    }

    /// The error codes of RFC 6749 section 5.2 and related standards, regardless of the status.
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
            // The token is not dead, but sending the same again would not help: such an error can mean many things.
            "invalid_request"
            | "invalid_client"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "invalid_scope"
            | "invalid_target" => Some(Outcome::ClientConfig { error: error.to_owned() }),
            "server_error" | "temporarily_unavailable" => None,
            // A refusal in a 2xx was received, even if it is not understood: no response was lost.
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
            status if status.is_success() && !(self.is_whole && self.has_errors()) => {
                Outcome::Lost(Lost::Broken)
            }
            _ => self.unknown(),
        }
    }

    /// A GraphQL refusal that matches no rule: also received.
    fn has_errors(&self) -> bool {
        let errors = self.fields.and_then(|fields| fields.get("errors")).and_then(Value::as_array);
        errors.is_some_and(|errors| !errors.is_empty())
    }

    /// The code that a rule found, otherwise the response's own.
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

/// A non-empty text without unreadable characters.
fn readable(text: &str) -> Option<String> {
    (!text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER)).then(|| text.to_owned())
}

/// Of a truncated response only this is certain: two tokens, each complete up to its closing quote.
fn is_whole_pair(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Granted(grant) if grant.refresh_token.is_some())
}

/// A query may contain secrets.
fn without_query(location: &[u8]) -> &[u8] {
    location.split(|byte| b"?#".contains(byte)).next().unwrap_or_default()
}

/// A scope is a text, or a list of texts.
fn scope(value: &Value) -> Option<String> {
    let list = |entries: &Vec<Value>| entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let text = value.as_str().map(str::to_owned).or_else(|| value.as_array().map(list));
    text.filter(|text| !text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER))
}
