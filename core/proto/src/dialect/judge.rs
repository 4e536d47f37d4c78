//! The verdict on an API response (spec 2): by the dialect's rules, then `WWW-Authenticate`, then the status.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::body;
use super::effect::{ApiRule, VerdictName};
use super::file::Spec;
use super::path::Path;
use super::rule::{Names, Seen};
use super::scalar::text_of;
use crate::challenge::{self, Challenge};
use crate::redact;
use crate::verdict::{Applied, Exchange, ExpiredReason, Operation, StepUp, Verdict};

impl Spec {
    pub(super) fn judge(&self, exchange: &Exchange<'_>, is_past_end: bool) -> Verdict {
        let found = body::glance(exchange.body, &self.wanted(exchange));
        let judging = Judging { spec: self, exchange, body: found.value.as_ref(), is_past_end };
        judging.by_rule().or_else(|| judging.by_challenge()).unwrap_or_else(|| judging.by_status())
    }

    /// Whether a rule depends on the token having expired by the clock.
    pub(super) fn asks_for_the_clock(&self) -> bool {
        self.api.rules.iter().any(|rule| rule.when.asks_for_the_clock())
    }

    /// Whether a response with status 200 may still reject the token.
    pub(super) fn errors_with_success_status(&self) -> bool {
        let in_body = |rule: &ApiRule| rule.when.admits(StatusCode::OK) && rule.when.reads_body();
        self.api.rules.iter().any(in_body)
    }

    /// Whether a response with a status below 400 may reject the token, by its body or headers.
    pub(super) fn may_reject_success(&self) -> bool {
        let below_400 = || (200..400).filter_map(|status| StatusCode::from_u16(status).ok());
        let rejects = |rule: &ApiRule| rule.verdict != VerdictName::Accepted;
        let mut rules = self.api.rules.iter().filter(|rule| rejects(rule));
        rules.any(|rule| below_400().any(|status| rule.when.admits(status)))
    }

    /// The paths of the rules that may apply to this status and these bytes.
    fn wanted<'a>(&'a self, exchange: &Exchange<'a>) -> Vec<&'a Path> {
        let mut names = Names::of(exchange.body);
        let may = |rule: &&'a ApiRule| rule.when.admits(exchange.status) && rule.when.may_match(&mut names);
        let asked =
            self.api.rules.iter().filter(may).flat_map(|rule| rule.when.paths().chain(rule.scope.iter()));
        let later = self.retry_after.paths().filter(|_| !exchange.status.is_success());
        asked.chain(later).collect()
    }
}

/// The `DPoP-Nonce` of a response.
pub(super) fn nonce(headers: &HeaderMap) -> Option<String> {
    headers.get("dpop-nonce")?.to_str().ok().map(str::to_owned)
}

struct Judging<'a> {
    spec: &'a Spec,
    exchange: &'a Exchange<'a>,
    body: Option<&'a Value>,
    is_past_end: bool,
}

impl Judging<'_> {
    fn by_rule(&self) -> Option<Verdict> {
        let Exchange { status, headers, body, url, .. } = *self.exchange;
        let (is_empty, is_past_end) = (body::is_empty(body), self.is_past_end);
        let (text, url) = (body, Some(url));
        let seen = Seen { status, headers, body: self.body, is_empty, text, is_past_end, url };
        self.spec.api.rules.iter().find(|rule| rule.when.is_met(&seen)).map(|rule| self.effect(rule))
    }

    fn effect(&self, rule: &ApiRule) -> Verdict {
        match rule.verdict {
            VerdictName::Accepted => Verdict::Accepted,
            VerdictName::Expired => {
                Verdict::Expired { reason: rule.reason, applied: self.applied(rule.applied) }
            }
            VerdictName::InsufficientScope => {
                Verdict::InsufficientScope { scope: self.scope(rule.scope.as_ref()) }
            }
            VerdictName::StepUp => {
                Verdict::StepUp(self.challenges().iter().map(step_up).next().unwrap_or_default())
            }
            VerdictName::RateLimited => Verdict::RateLimited { after: self.after() },
            VerdictName::Unavailable => Verdict::Unavailable { after: self.after() },
            VerdictName::Denied => Verdict::Denied,
        }
    }

    fn by_challenge(&self) -> Option<Verdict> {
        // Any response may contain challenges (RFC 9110 section 11.6.1); they count only in a rejection.
        if !self.exchange.status.is_client_error() {
            return None;
        }
        let challenges = self.challenges();
        if challenges.iter().any(|one| one.param("error") == Some("use_dpop_nonce")) {
            return Some(Verdict::NonceRequired(nonce(self.exchange.headers)));
        }
        challenges.iter().find_map(|one| self.challenged(one))
    }

    fn challenged(&self, challenge: &Challenge) -> Option<Verdict> {
        match challenge.param("error")? {
            "invalid_token" => {
                let reason = described(challenge.param("error_description").unwrap_or_default());
                Some(Verdict::Expired { reason, applied: self.applied(None) })
            }
            "insufficient_scope" => {
                Some(Verdict::InsufficientScope { scope: challenge.param("scope").map(fit_to_show) })
            }
            "insufficient_user_authentication" | "insufficient_claims" => {
                Some(Verdict::StepUp(step_up(challenge)))
            }
            _ => None,
        }
    }

    fn by_status(&self) -> Verdict {
        match self.exchange.status {
            StatusCode::UNAUTHORIZED => {
                Verdict::Expired { reason: ExpiredReason::Unknown, applied: self.applied(None) }
            }
            StatusCode::FORBIDDEN => Verdict::Denied,
            StatusCode::TOO_MANY_REQUESTS => Verdict::RateLimited { after: self.after() },
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Verdict::Unavailable { after: self.after() },
            _ => Verdict::Accepted,
        }
    }

    /// Whether the request may have had an effect (spec 2.4, 2.5).
    fn applied(&self, told: Option<Applied>) -> Applied {
        let by_status =
            if self.exchange.status == StatusCode::UNAUTHORIZED { Applied::No } else { Applied::Maybe };
        match self.exchange.operation {
            Operation::GraphqlQuery => Applied::No,
            Operation::GraphqlMutation => self.mutation_applied().unwrap_or(told.unwrap_or(by_status)),
            Operation::Http => told.unwrap_or(by_status),
        }
    }

    /// A mutation may have run if the response has `data`, even null, or is truncated. `None` for a response that is
    /// not GraphQL.
    fn mutation_applied(&self) -> Option<Applied> {
        let outline = body::outline(self.exchange.body);
        let is_json = matches!(self.exchange.body.trim_ascii_start().first(), Some(b'{' | b'['));
        match (outline.has_data || (is_json && !outline.is_complete), outline.has_errors) {
            (true, _) => Some(Applied::Maybe),
            (false, true) => Some(Applied::No),
            (false, false) => None,
        }
    }

    fn scope(&self, path: Option<&Path>) -> Option<String> {
        let found = path.and_then(|path| text_of(path.first(self.body?)?));
        let challenged = || self.challenges().iter().find_map(|one| one.param("scope").map(str::to_owned));
        found.or_else(challenged).map(|scope| fit_to_show(&scope))
    }

    fn after(&self) -> Option<Duration> {
        self.spec.retry_after.read(self.exchange.headers, self.body, None)
    }

    fn challenges(&self) -> Vec<Challenge> {
        challenge::from_headers(self.exchange.headers)
    }
}

/// A scope is a list of names. The caller, which knows the token, redacts that, too.
fn fit_to_show(scope: &str) -> String {
    let names = scope.split_whitespace().map(|name| if redact::has_jwt(name) { redact::MASK } else { name });
    redact::known(&names.collect::<Vec<_>>().join(" "), &[])
}

fn step_up(challenge: &Challenge) -> StepUp {
    let own = |name: &str| challenge.param(name).map(str::to_owned);
    StepUp {
        acr_values: own("acr_values"),
        max_age: own("max_age").and_then(|text| text.parse().ok()),
        claims: own("claims"),
    }
}

/// `invalid_token` covers expired, revoked and malformed tokens (RFC 6750 section 3.1). A description that names just
/// one of these gives the reason; nothing else depends on it.
fn described(description: &str) -> ExpiredReason {
    let text = description.to_ascii_lowercase();
    let named = [
        ("expired", ExpiredReason::Expired),
        ("revoked", ExpiredReason::Revoked),
        ("invalid", ExpiredReason::Invalid),
        ("malformed", ExpiredReason::Invalid),
    ];
    let mut reasons = named.into_iter().filter(|(word, _)| text.contains(word)).map(|(_, reason)| reason);
    match (reasons.next(), reasons.next()) {
        (Some(reason), None) => reason,
        _ => ExpiredReason::Unknown,
    }
}
