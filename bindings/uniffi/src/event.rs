//! What a session tells.

use std::sync::Arc;
use std::time::Duration;

use rekindle::proto::event::EventKind as Told;

use crate::cancel::{CancelToken, unless};
use crate::error::RekindleError;

/// One event, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Event {
    /// The kind's name, the same in every language.
    pub name: String,
    /// A short tag of the sign-in.
    pub lineage: String,
    /// The generation of the access token.
    pub generation: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum EventKind {
    /// A credential was given by a sign-in.
    SignedIn,
    /// A refresh started.
    RefreshStarted {
        /// `expired`, `advisory`, `rejected` or `forced`.
        cause: String,
    },
    /// A refresh brought a token.
    RefreshSucceeded {
        /// How many waited for it.
        waiters: u64,
        /// How long it took.
        duration: Duration,
        /// Whether it could be saved.
        persisted: bool,
    },
    /// A refresh did not come through.
    RefreshFailed {
        /// The error's kind.
        kind: String,
        /// When the next may be tried.
        retry_after: Option<Duration>,
    },
    /// A token was taken from the store that somebody else had refreshed.
    Adopted,
    /// The credential could not be saved; it is served from memory.
    Unpersisted,
    /// It was saved later.
    Persisted,
    /// A request was sent again with another token.
    Replayed,
    /// A request was sent again after a transient failure.
    Retried,
    /// The user must sign in.
    LoginRequired {
        /// `rejected`, `reuse_detected`, ..
        reason: String,
    },
    /// There were too many refreshes that no clock explains.
    RefreshLimited,
    /// The user signed out.
    SignedOut,
    /// Something that needs a look: `insecure_origin`, `life_too_short`, ..
    Warned {
        /// Its name.
        warning: String,
    },
    /// A kind that this binding does not know.
    Other,
}

/// Hears each event, in order, on a thread of its own: it may block, and may call the session. What it throws ends
/// nothing.
#[uniffi::export(foreign)]
pub trait EventListener: Send + Sync {
    /// Something happened.
    ///
    /// # Errors
    ///
    /// Nobody looks at them.
    fn on_event(&self, event: Event) -> Result<(), ListenerFailure>;
}

/// A listener failed.
#[derive(Debug, uniffi::Error)]
pub enum ListenerFailure {
    /// Somehow.
    Failed,
}

/// The events from its making on; there is no end.
#[derive(uniffi::Object)]
pub struct EventStream(rekindle::Events);

#[uniffi::export]
impl EventStream {
    /// The next event, once there is one.
    ///
    /// # Errors
    ///
    /// Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn next(&self, cancel: Option<Arc<CancelToken>>) -> Result<Event, RekindleError> {
        unless(cancel, async { Ok(Event::from(&self.0.next().await)) }).await
    }

    /// The next event, if there is one already.
    #[must_use]
    pub fn poll(&self) -> Option<Event> {
        self.0.try_next().as_ref().map(Event::from)
    }
}

impl EventStream {
    pub(crate) fn new(events: rekindle::Events) -> Self {
        Self(events)
    }
}

impl std::fmt::Display for ListenerFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the listener failed")
    }
}

impl std::error::Error for ListenerFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerFailure {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

impl From<&rekindle::proto::Event> for Event {
    fn from(event: &rekindle::proto::Event) -> Self {
        Self {
            name: event.kind.name().to_owned(),
            lineage: event.lineage.clone(),
            generation: event.generation,
            kind: (&event.kind).into(),
        }
    }
}

impl From<&Told> for EventKind {
    fn from(kind: &Told) -> Self {
        match kind {
            Told::SignedIn => Self::SignedIn,
            Told::RefreshStarted { cause } => Self::RefreshStarted { cause: cause.name().to_owned() },
            Told::RefreshSucceeded { waiters, duration, persisted } => {
                Self::RefreshSucceeded { waiters: *waiters, duration: *duration, persisted: *persisted }
            }
            Told::RefreshFailed { kind, retry_after } => {
                Self::RefreshFailed { kind: kind.name().to_owned(), retry_after: *retry_after }
            }
            Told::Adopted => Self::Adopted,
            Told::Unpersisted => Self::Unpersisted,
            Told::Persisted => Self::Persisted,
            Told::Replayed => Self::Replayed,
            Told::Retried => Self::Retried,
            Told::LoginRequired { reason } => Self::LoginRequired { reason: reason.name().to_owned() },
            Told::RefreshLimited => Self::RefreshLimited,
            Told::SignedOut => Self::SignedOut,
            Told::Warned(warning) => Self::Warned { warning: warning.name().to_owned() },
            _ => Self::Other,
        }
    }
}
