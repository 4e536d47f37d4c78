//! Reports events to `tracing` and `metrics` (spec 10.5): names, kinds, origins and times, but no token, session key,
//! path or query. Nothing is reported under the state's lock, because a subscriber may block.

#[cfg(feature = "tracing")]
use std::future::Future;

#[cfg(feature = "tracing")]
use rekindle_proto::Outcome;
use rekindle_proto::event::{Event, EventKind};

use super::setup::Setup;

/// Something that happened to a session.
pub(crate) fn happened(setup: &Setup, event: &Event) {
    #[cfg(feature = "tracing")]
    traced(setup, event);
    #[cfg(feature = "metrics")]
    measured(setup, event);
}

#[cfg(feature = "tracing")]
fn traced(setup: &Setup, event: &Event) {
    let (name, detail) = (event.kind.name(), detail(&event.kind));
    let (app, dialect) = (setup.app(), setup.dialect.name());
    let Event { lineage, generation, .. } = event;
    macro_rules! at {
        ($level:ident) => {
            tracing::event!(target: "rekindle", tracing::Level::$level, app, dialect, lineage, generation, detail, "{name}")
        };
    }
    match &event.kind {
        EventKind::LoginRequired { .. }
        | EventKind::RefreshFailed { .. }
        | EventKind::RefreshLimited
        | EventKind::Unpersisted
        | EventKind::Warned(_) => at!(WARN),
        EventKind::SignedIn | EventKind::SignedOut | EventKind::RefreshSucceeded { .. } => at!(INFO),
        _ => at!(DEBUG),
    }
}

/// The name of the reason.
#[cfg(feature = "tracing")]
fn detail(kind: &EventKind) -> &str {
    match kind {
        EventKind::RefreshStarted { cause } => cause.name(),
        EventKind::RefreshFailed { kind, .. } => kind.name(),
        EventKind::LoginRequired { reason } => reason.name(),
        EventKind::Warned(warning) => warning.name(),
        _ => "",
    }
}

#[cfg(feature = "metrics")]
fn measured(setup: &Setup, event: &Event) {
    let (app, dialect) = (setup.app().to_owned(), setup.dialect.name().to_owned());
    let (outcome, reason) = match &event.kind {
        EventKind::RefreshSucceeded { duration, .. } => {
            let (app, dialect) = (app.clone(), dialect.clone());
            metrics::histogram!("rekindle_refresh_seconds", "app" => app, "dialect" => dialect)
                .record(duration.as_secs_f64());
            ("granted", "")
        }
        EventKind::Adopted => ("adopted", ""),
        EventKind::RefreshFailed { kind, .. } => ("failed", kind.name()),
        EventKind::LoginRequired { reason } => ("login_required", reason.name()),
        EventKind::RefreshLimited => ("limited", ""),
        other => {
            let event = other.name();
            metrics::counter!("rekindle_events_total", "app" => app, "dialect" => dialect, "event" => event)
                .increment(1);
            return;
        }
    };
    metrics::counter!(
        "rekindle_refresh_outcomes_total",
        "app" => app, "dialect" => dialect, "outcome" => outcome, "reason" => reason
    )
    .increment(1);
}

/// The name of the outcome of a token request.
#[cfg(feature = "tracing")]
fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Granted(_) => "granted",
        Outcome::GrantedWithoutAccess { .. } => "granted_without_access",
        Outcome::Dead(reason) => reason.name(),
        Outcome::LostRace => "lost_race",
        Outcome::RetrySame { .. } => "retry_same",
        Outcome::RateLimited { .. } => "rate_limited",
        Outcome::NonceRequired(_) => "nonce_required",
        Outcome::ClockSkew => "clock_skew",
        Outcome::StepUp(_) => "step_up",
        Outcome::ClientConfig { .. } => "client_config",
        Outcome::OtherUser => "other_user",
        Outcome::Lost(_) => "lost",
        Outcome::NotSent => "not_sent",
        Outcome::Unknown { .. } => "unknown",
    }
}

/// The span `rekindle.refresh`: one token request, with its outcome.
#[cfg(feature = "tracing")]
pub(crate) async fn refreshing<S>(setup: &Setup, asking: impl Future<Output = (Outcome, S)>) -> (Outcome, S) {
    use tracing::Instrument as _;
    let (app, dialect, outcome) = (setup.app(), setup.dialect.name(), tracing::field::Empty);
    let span = tracing::info_span!(target: "rekindle", "rekindle.refresh", app, dialect, outcome);
    let asked = asking.instrument(span.clone()).await;
    span.record("outcome", name(&asked.0));
    asked
}

/// The span `rekindle.wait`: a caller waits for a token.
#[cfg(feature = "tracing")]
pub(crate) async fn waiting<T>(setup: &Setup, wait: impl Future<Output = T>) -> T {
    use tracing::Instrument as _;
    let (app, dialect) = (setup.app(), setup.dialect.name());
    wait.instrument(tracing::debug_span!(target: "rekindle", "rekindle.wait", app, dialect)).await
}
