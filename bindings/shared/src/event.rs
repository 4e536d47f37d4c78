//! The events of a session.

use std::time::Duration;

use rekindle::EventKind as Reported;
use serde::Serialize;

use crate::time::millis;

/// One event, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The kind's name, the same in every language.
    pub name: String,
    /// A short tag of the sign-in.
    pub lineage: String,
    /// The generation of the access token.
    pub generation: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. In JSON, the fields are next to the event's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventKind {
    /// A user signed in.
    SignedIn,
    /// A refresh started.
    RefreshStarted {
        /// `expired`, `advisory`, `rejected` or `forced`.
        cause: String,
    },
    /// A refresh returned a token.
    RefreshSucceeded {
        /// How many callers waited for it.
        waiters: u64,
        /// How long it took.
        #[serde(rename = "duration_ms", with = "millis")]
        duration: Duration,
        /// Whether the credential was saved.
        persisted: bool,
    },
    /// A refresh failed.
    RefreshFailed {
        /// The error's kind.
        kind: String,
        /// How long until the next try.
        #[serde(rename = "retry_after_ms", serialize_with = "millis::serialize")]
        retry_after: Option<Duration>,
    },
    /// A token that another process had refreshed was read from the store.
    Adopted,
    /// An API's response carried a new access token, which replaces the current one.
    Renewed,
    /// What is kept beside the tokens changed.
    ExtraChanged {
        /// The names of what changed.
        names: Vec<String>,
    },
    /// The credential could not be saved; it is served from memory.
    Unpersisted,
    /// The credential was saved after an earlier failure.
    Persisted,
    /// A request was sent again with another token.
    Replayed,
    /// A request was sent again after a transient failure.
    Retried,
    /// The user must sign in again.
    LoginRequired {
        /// `rejected`, `reuse_detected`, ..
        reason: String,
    },
    /// Refresh limit reached: the API keeps rejecting tokens that have not expired.
    RefreshLimited,
    /// The user signed out.
    SignedOut,
    /// A warning: `insecure_origin`, `life_too_short`, ..
    Warned {
        /// The warning's name.
        warning: String,
    },
    /// A kind that this crate does not know.
    Other,
}

impl From<&rekindle::Event> for Event {
    fn from(event: &rekindle::Event) -> Self {
        Self {
            name: event.kind.name().to_owned(),
            lineage: event.lineage.clone(),
            generation: event.generation,
            kind: (&event.kind).into(),
        }
    }
}

impl From<&Reported> for EventKind {
    fn from(kind: &Reported) -> Self {
        match kind {
            Reported::SignedIn => Self::SignedIn,
            Reported::RefreshStarted { cause } => Self::RefreshStarted { cause: cause.name().to_owned() },
            Reported::RefreshSucceeded { waiters, duration, persisted } => {
                Self::RefreshSucceeded { waiters: *waiters, duration: *duration, persisted: *persisted }
            }
            Reported::RefreshFailed { kind, retry_after } => {
                Self::RefreshFailed { kind: kind.name().to_owned(), retry_after: *retry_after }
            }
            Reported::Adopted => Self::Adopted,
            Reported::Renewed => Self::Renewed,
            Reported::ExtraChanged { names } => Self::ExtraChanged { names: names.clone() },
            Reported::Unpersisted => Self::Unpersisted,
            Reported::Persisted => Self::Persisted,
            Reported::Replayed => Self::Replayed,
            Reported::Retried => Self::Retried,
            Reported::LoginRequired { reason } => Self::LoginRequired { reason: reason.name().to_owned() },
            Reported::RefreshLimited => Self::RefreshLimited,
            Reported::SignedOut => Self::SignedOut,
            Reported::Warned(warning) => Self::Warned { warning: warning.name().to_owned() },
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use rekindle::ErrorKind;
    use serde_json::json;

    use super::*;

    fn told(kind: Reported) -> serde_json::Value {
        let event = rekindle::Event { lineage: "a1".to_owned(), generation: 3, kind };
        serde_json::to_value(Event::from(&event)).unwrap_or_default()
    }

    #[test]
    fn what_belongs_to_an_event_stands_beside_its_name() {
        let (kind, retry_after) = (ErrorKind::RateLimited, Some(Duration::from_secs(30)));
        let failed = told(Reported::RefreshFailed { kind, retry_after });
        assert_eq!(
            failed,
            json!({ "name": "RefreshFailed", "lineage": "a1", "generation": 3,
                    "kind": "RateLimited", "retry_after_ms": 30_000 })
        );
        assert_eq!(told(Reported::Adopted), json!({ "name": "Adopted", "lineage": "a1", "generation": 3 }));
    }

    #[test]
    fn a_duration_keeps_what_is_below_a_millisecond() {
        let (waiters, duration, persisted) = (1, Duration::from_micros(1_500), true);
        assert_eq!(told(Reported::RefreshSucceeded { waiters, duration, persisted })["duration_ms"], 1.5);
    }
}
