//! The read timeout: before the response, and between two chunks of the response's body (spec 11.8).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{FutureExt, stream};

use crate::clock::{Clock, Timer};
use crate::transport::progress::{Busy, Progress};
use crate::transport::{ByteStream, Outgoing, Sent, TransportError, TransportResponse};

/// The size of the pieces in which a body in memory is sent: each piece counts as progress.
const PIECE: usize = 64 * 1024;

/// How long the server may be silent.
#[derive(Clone)]
pub(super) struct IdleTimeout {
    clock: Arc<dyn Clock>,
    limit: Duration,
}

impl IdleTimeout {
    pub(super) fn new(clock: &Arc<dyn Clock>, limit: Duration) -> Self {
        Self { clock: Arc::clone(clock), limit }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress::new(&self.clock)
    }

    /// The response, unless the server is silent for too long first.
    pub(super) async fn wait<F>(
        self,
        progress: Progress,
        sending: F,
    ) -> Result<TransportResponse, TransportError>
    where
        F: Future<Output = Result<TransportResponse, TransportError>>,
    {
        let mut sending = pin!(sending);
        let mut timer: Option<Timer> = None;
        let mut response = poll_fn(|context| {
            if let Poll::Ready(done) = sending.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            loop {
                let Some(due) = progress.due(self.limit) else {
                    return Poll::Ready(Err(self.silent("before its response")));
                };
                if timer.get_or_insert_with(|| self.clock.sleep_until(due)).poll_unpin(context).is_pending() {
                    return Poll::Pending;
                }
                timer = None;
            }
        })
        .await?;
        response.body = Box::pin(Listening { body: response.body, idle: self, timer: None });
        Ok(response)
    }

    fn silent(&self, when: &str) -> TransportError {
        let message = format!("the server sent nothing for {} s {when}", self.limit.as_secs_f64());
        TransportError { timed_out: true, ..TransportError::new(Sent::Maybe, message) }
    }
}

/// The same body, which reports when a piece of it is sent.
pub(super) fn observed(body: Outgoing, progress: &Progress) -> Outgoing {
    match body {
        Outgoing::Bytes(bytes) if bytes.len() > PIECE => {
            let length = bytes.len() as u64;
            let pieces = stream::unfold(bytes, |mut left| {
                let piece = left.split_to(PIECE.min(left.len()));
                std::future::ready((!piece.is_empty()).then_some((Ok(piece), left)))
            });
            Outgoing::Stream(leaving(Box::pin(pieces), progress), Some(length))
        }
        Outgoing::Stream(stream, length) => Outgoing::Stream(leaving(stream, progress), length),
        small => small,
    }
}

fn leaving(stream: ByteStream, progress: &Progress) -> ByteStream {
    Box::pin(Leaving { stream, progress: progress.clone(), _waiting: None })
}

/// While the source of the body is slow, the server is not to blame.
struct Leaving {
    stream: ByteStream,
    progress: Progress,
    _waiting: Option<Busy>,
}

impl Stream for Leaving {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.stream.as_mut().poll_next(context);
        if piece.is_pending() {
            let progress = self.progress.clone();
            self._waiting.get_or_insert_with(|| progress.busy());
        } else {
            self._waiting = None;
            self.progress.moved();
        }
        piece
    }
}

/// A response's body. The time runs only while the caller waits for it.
struct Listening {
    body: ByteStream,
    idle: IdleTimeout,
    timer: Option<Timer>,
}

impl Stream for Listening {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { body, idle, timer } = &mut *self;
        if let Poll::Ready(piece) = body.as_mut().poll_next(context) {
            *timer = None;
            return Poll::Ready(piece);
        }
        timer.take_if(|timer| !timer.is_of_this_runtime());
        let due = || idle.clock.sleep_until(idle.clock.mono().saturating_add(idle.limit));
        match timer.get_or_insert_with(due).poll_unpin(context) {
            Poll::Ready(()) => {
                *timer = None;
                *body = Box::pin(stream::empty());
                Poll::Ready(Some(Err(idle.silent("in the middle of its response"))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
