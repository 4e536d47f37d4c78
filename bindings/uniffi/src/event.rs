//! What a session tells.

use std::sync::Arc;

use crate::cancel::{CancelToken, unless};
use crate::error::RekindleError;
use crate::records::Event;

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
