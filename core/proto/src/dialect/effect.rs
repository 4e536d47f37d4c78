//! The effects of a dialect's rules: verdicts and outcomes.

use serde::Deserialize;

use super::path::Path;
use super::rule::{Condition, RawTest, Statuses, Test, When};
use super::scalar::{Scalar, Several};
use crate::verdict::{Applied, DeadReason, ExpiredReason};

/// A condition on an API response, and its verdict.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawApiRule")]
pub(super) struct ApiRule {
    pub(super) when: When,
    pub(super) verdict: VerdictName,
    pub(super) reason: ExpiredReason,
    pub(super) applied: Option<Applied>,
    pub(super) scope: Option<Path>,
}

#[derive(Default)]
struct RawApiRule {
    status: Several<Statuses>,
    empty_body: bool,
    past_end: bool,
    path: Option<Path>,
    header: Option<String>,
    location: Option<bool>,
    text: Option<bool>,
    equals: Option<Several<Scalar>>,
    starts_with: Option<Several<String>>,
    contains: Option<Several<String>>,
    any: Option<bool>,
    also: Vec<Test>,
    verdict: Option<VerdictName>,
    reason: Option<ReasonName>,
    applied: Option<AppliedName>,
    scope: Option<Path>,
}

crate::members!(RawApiRule {
    status,
    empty_body,
    past_end,
    path,
    header,
    location,
    text,
    equals,
    starts_with,
    contains,
    any,
    also,
    verdict,
    reason,
    applied,
    scope,
});

impl TryFrom<RawApiRule> for ApiRule {
    type Error = String;

    fn try_from(raw: RawApiRule) -> Result<Self, String> {
        let verdict = raw.verdict.ok_or("missing field `verdict`")?;
        if verdict != VerdictName::Expired && (raw.reason.is_some() || raw.applied.is_some()) {
            return Err("`reason` and `applied` go with `verdict = \"expired\"`".into());
        }
        let test = RawTest {
            path: raw.path,
            header: raw.header,
            location: raw.location,
            text: raw.text,
            equals: raw.equals,
            starts_with: raw.starts_with,
            contains: raw.contains,
            any: raw.any,
        };
        Ok(Self {
            when: Condition {
                status: raw.status,
                empty_body: raw.empty_body,
                past_end: raw.past_end,
                test,
                also: raw.also,
            }
            .try_into()?,
            verdict,
            reason: raw.reason.map_or(ExpiredReason::Unknown, Into::into),
            applied: raw.applied.map(Into::into),
            scope: raw.scope,
        })
    }
}

/// A condition on a token endpoint's response, and its outcome.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawTokenRule")]
pub(super) struct TokenRule {
    pub(super) when: When,
    pub(super) outcome: OutcomeName,
    pub(super) reason: DeadReason,
    /// The delay if the server does not name one.
    pub(super) after_seconds: Option<u32>,
    /// The outcome counts only when the server repeats it.
    pub(super) confirm: bool,
}

#[derive(Default)]
struct RawTokenRule {
    status: Several<Statuses>,
    empty_body: bool,
    path: Option<Path>,
    header: Option<String>,
    location: Option<bool>,
    text: Option<bool>,
    equals: Option<Several<Scalar>>,
    starts_with: Option<Several<String>>,
    contains: Option<Several<String>>,
    any: Option<bool>,
    also: Vec<Test>,
    outcome: Option<OutcomeName>,
    reason: Option<DeadName>,
    after_seconds: Option<u32>,
    confirm: bool,
}

crate::members!(RawTokenRule {
    status,
    empty_body,
    path,
    header,
    location,
    text,
    equals,
    starts_with,
    contains,
    any,
    also,
    outcome,
    reason,
    after_seconds,
    confirm,
});

impl TryFrom<RawTokenRule> for TokenRule {
    type Error = String;

    fn try_from(raw: RawTokenRule) -> Result<Self, String> {
        let outcome = raw.outcome.ok_or("missing field `outcome`")?;
        if outcome != OutcomeName::Dead && (raw.reason.is_some() || raw.confirm) {
            return Err("`reason` and `confirm` go with `outcome = \"dead\"`".into());
        }
        let test = RawTest {
            path: raw.path,
            header: raw.header,
            location: raw.location,
            text: raw.text,
            equals: raw.equals,
            starts_with: raw.starts_with,
            contains: raw.contains,
            any: raw.any,
        };
        Ok(Self {
            when: Condition {
                status: raw.status,
                empty_body: raw.empty_body,
                past_end: false,
                test,
                also: raw.also,
            }
            .try_into()?,
            outcome,
            reason: raw.reason.map_or(DeadReason::Rejected, Into::into),
            after_seconds: raw.after_seconds,
            confirm: raw.confirm,
        })
    }
}

/// The verdicts a rule can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum VerdictName {
    Accepted,
    Expired,
    InsufficientScope,
    StepUp,
    RateLimited,
    Unavailable,
    Denied,
}

/// The outcomes a rule can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeName {
    Dead,
    LostRace,
    RetrySame,
    RateLimited,
    ClockSkew,
    StepUp,
    ClientConfig,
    Lost,
    Unknown,
    /// Nothing was executed: the request is repeated with `fallback_document`.
    Fallback,
}

macro_rules! spelled {
    ($(#[$meta:meta])* $name:ident -> $target:ident { $($variant:ident),+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum $name { $($variant),+ }
        impl From<$name> for $target {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}
spelled! { /// [`ExpiredReason`] as it is written.
ReasonName -> ExpiredReason { Expired, Invalid, Revoked, Unknown } }
spelled! { /// [`Applied`] as it is written.
AppliedName -> Applied { No, Maybe } }
spelled! { /// The reasons that a server can give.
DeadName -> DeadReason { Rejected, Expired, Revoked, ReuseDetected } }
