//! Limits the number of concurrent requests of clients.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::progress::Progress;
use super::{ByteStream, Sent, TransportError, TransportResponse};
use crate::fork::PerProcess;

/// A request is in progress until its response's body was read completely, or dropped. A forked child starts with
/// none.
pub(super) struct Concurrency {
    limit: usize,
    turns: PerProcess<Arc<Semaphore>>,
}

impl Concurrency {
    /// `None` without a limit.
    pub(super) fn new(limit: usize) -> Option<Self> {
        (limit <= Semaphore::MAX_PERMITS).then(|| Self { limit, turns: PerProcess::new() })
    }

    /// Waits for a permit. This time does not count as the server's silence.
    pub(super) async fn turn(&self, progress: Option<&Progress>) -> Result<Turn, TransportError> {
        let turns = Arc::clone(&self.turns.get(|_| Arc::new(Semaphore::new(self.limit))));
        let _busy = progress.map(Progress::busy);
        // The semaphore is never closed.
        turns
            .acquire_owned()
            .await
            .map(Turn)
            .map_err(|_| TransportError::new(Sent::No, "the transport has ended"))
    }
}

/// Held while a request is in progress.
pub(super) struct Turn(
    #[allow(dead_code, reason = "dropping it lets the next request begin")] OwnedSemaphorePermit,
);

impl Turn {
    /// Held until the body ends.
    pub(super) fn until_the_end_of(self, mut response: TransportResponse) -> TransportResponse {
        response.body = Box::pin(Held { body: response.body, turn: Some(self) });
        response
    }
}

struct Held {
    body: ByteStream,
    turn: Option<Turn>,
}

impl Stream for Held {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.body.as_mut().poll_next(context));
        if !matches!(piece, Some(Ok(_))) {
            self.turn = None;
        }
        Poll::Ready(piece)
    }
}
