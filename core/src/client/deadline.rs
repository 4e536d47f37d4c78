//! One deadline over everything that belongs to a request, by the session's clock (spec 3.3, 8.3).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::clock::Clock;

/// A point on the monotonic clock; or none.
#[derive(Clone)]
pub(super) struct Deadline {
    clock: Arc<dyn Clock>,
    at: Option<Duration>,
}

impl Deadline {
    pub(super) fn new(clock: &Arc<dyn Clock>, timeout: Option<Duration>) -> (Self, Duration) {
        let now = clock.now().mono;
        // One that is beyond the end of time is none.
        let at = timeout.and_then(|timeout| now.checked_add(timeout));
        (Self { clock: Arc::clone(clock), at }, now)
    }

    pub(super) fn at(&self) -> Option<Duration> {
        self.at
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now().mono
    }

    pub(super) fn left(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_sub(self.now()))
    }

    /// The result, or nothing if the deadline comes first.
    pub(super) async fn bound<F: Future>(&self, work: F) -> Option<F::Output> {
        let Some(at) = self.at else { return Some(work.await) };
        let mut work = pin!(work);
        // What is ready at once needs no timer.
        if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            return Some(done);
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.clock.sleep_until(at) => None,
        }
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        let until = self.now().saturating_add(duration);
        self.clock.sleep_until(until).await;
    }
}
