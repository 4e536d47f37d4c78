//! Cancelling, for hosts whose cancelled tasks do not drop the future they wait for.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::RekindleError;

/// Ends the waits of the calls that it was given to: they fail with the kind `Cancelled`, at once. A refresh that is
/// under way goes on; the next caller finds its result.
#[derive(uniffi::Object)]
pub struct CancelToken(watch::Sender<bool>);

#[uniffi::export]
impl CancelToken {
    /// One that has not been cancelled.
    #[uniffi::constructor]
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made by the host")]
    pub fn new() -> Self {
        Self(watch::channel(false).0)
    }

    /// Cancels. Calls that are made with it later fail too.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }
}

/// The work, unless it is cancelled first.
pub(crate) async fn unless<T>(
    cancel: Option<Arc<CancelToken>>,
    work: impl Future<Output = Result<T, RekindleError>>,
) -> Result<T, RekindleError> {
    let Some(cancel) = cancel else { return work.await };
    let mut cancelled = cancel.0.subscribe();
    tokio::select! {
        biased;
        _ = cancelled.wait_for(|cancelled| *cancelled) => Err(RekindleError::cancelled()),
        done = work => done,
    }
}
