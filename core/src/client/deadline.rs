//! One deadline for a whole request, measured on the session's clock (spec 3.3, 8.3).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;

use crate::clock::{Clock, Timer};
use crate::lock::Mutex;

/// A point on a monotonic clock, or no deadline.
pub(super) struct Deadline {
    at: Option<(Duration, Arc<dyn Clock>)>,
    /// Set once for the whole request, when it first has to wait, because setting a timer is the most expensive step.
    /// The mutex is never locked: it makes the timer shareable between threads.
    timer: Option<Mutex<Timer>>,
}

impl Deadline {
    pub(super) fn new(clock: &Arc<dyn Clock>, now: Duration, timeout: Option<Duration>) -> Self {
        // A deadline beyond the range of the clock is no deadline.
        let at = timeout.and_then(|timeout| now.checked_add(timeout));
        Self { at: at.map(|at| (at, Arc::clone(clock))), timer: None }
    }

    pub(super) fn none() -> Self {
        Self { at: None, timer: None }
    }

    pub(super) fn at(&self) -> Option<Duration> {
        self.at.as_ref().map(|(at, _)| *at)
    }

    pub(super) fn left(&self) -> Option<Duration> {
        self.at.as_ref().map(|(at, clock)| at.saturating_sub(clock.mono()))
    }

    /// The result, or `None` if the deadline passes first.
    pub(super) async fn bound<F: Future>(&mut self, work: F) -> Option<F::Output> {
        let Some((at, clock)) = &self.at else { return Some(work.await) };
        let timer = &mut self.timer;
        let mut work = pin!(work);
        let mut looked = false;
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            // A result that is ready at once needs no timer; and each poll polls the work only once.
            if !std::mem::replace(&mut looked, true) {
                // The response may be read on another runtime.
                timer.take_if(|timer| !timer.get_mut().is_of_this_runtime());
            }
            let timer = timer.get_or_insert_with(|| Mutex::new(clock.sleep_until(*at)));
            timer.get_mut().poll_unpin(context).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_deadline_survives_the_runtime_that_it_was_first_waited_on() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut deadline = Deadline::new(&clock, clock.mono(), Some(Duration::from_millis(50)));
        let short = Duration::from_millis(1);
        let done = runtime().block_on(deadline.bound(async move { tokio::time::sleep(short).await }));
        assert_eq!(done, Some(()));
        assert_eq!(runtime().block_on(deadline.bound(std::future::pending::<()>())), None);
    }
}
