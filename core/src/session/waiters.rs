//! Waiters: callers that wait for the result of their ticket, each until its deadline.
//!
//! Callers that arrive at about the same time form a group with one timer. A timer for each caller would cost more than
//! everything else in a crowd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::Failure;
use rekindle_proto::machine::Ticket;
use tokio::sync::watch;

use super::token::Served;
use crate::platform::TaskHandle;

/// How a wait ended.
#[derive(Clone)]
pub(crate) enum Done {
    Ready(Arc<Served>),
    Again,
    Failed(Failure),
}

/// One caller's wait.
pub(crate) type Waiter = watch::Receiver<Option<Done>>;

/// All groups, by ticket and end of the wait on the monotonic clock.
#[derive(Default)]
pub(super) struct Waiters(BTreeMap<Ticket, BTreeMap<Duration, WaitGroup>>);

/// Callers that wait for the same ticket with about the same deadline. Dropping it cancels its timer.
pub(super) struct WaitGroup {
    waiters: watch::Sender<Option<Done>>,
    timer: Option<TaskHandle>,
}

impl Waiters {
    /// Waits for this ticket, until the deadline or a little longer; a new group starts its `timer`.
    pub(super) fn join(
        &mut self,
        ticket: Ticket,
        deadline: Duration,
        timer: impl FnOnce(Duration) -> Result<TaskHandle, Failure>,
    ) -> Waiter {
        let until = rounded(deadline);
        let group = self.0.entry(ticket).or_default().entry(until).or_insert_with(|| match timer(until) {
            Ok(timer) => WaitGroup { waiters: watch::channel(None).0, timer: Some(timer) },
            Err(failure) => WaitGroup { waiters: watch::channel(Some(Done::Failed(failure))).0, timer: None },
        });
        group.waiters.subscribe()
    }

    /// The waiters for this ticket.
    pub(super) fn take(&mut self, ticket: Ticket) -> impl Iterator<Item = WaitGroup> + use<> {
        self.0.remove(&ticket).into_iter().flat_map(BTreeMap::into_values)
    }

    /// The waiters whose wait ends now.
    pub(super) fn take_late(&mut self, ticket: Ticket, until: Duration) -> Option<WaitGroup> {
        let waiters = self.0.get_mut(&ticket)?;
        let late = waiters.remove(&until);
        if waiters.is_empty() {
            self.0.remove(&ticket);
        }
        late
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl WaitGroup {
    /// Ends the wait of the whole group.
    pub(super) fn wake(self, done: Done) {
        self.waiters.send_replace(Some(done));
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}

/// Rounded up to the next hundredth of a second.
fn rounded(deadline: Duration) -> Duration {
    const STEP_NANOS: u128 = 10_000_000;
    let steps = deadline.as_nanos().div_ceil(STEP_NANOS);
    let nanos = u64::try_from(steps * STEP_NANOS);
    nanos.map_or(deadline, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platform;

    const AT: Duration = Duration::from_secs(30);

    #[test]
    fn a_wait_ends_no_earlier_than_its_deadline_and_hardly_later() {
        for (nanos, rounded_nanos) in
            [(0, 0), (1, 10_000_000), (10_000_000, 10_000_000), (10_000_001, 20_000_000)]
        {
            assert_eq!(rounded(Duration::from_nanos(nanos)), Duration::from_nanos(rounded_nanos));
        }
        assert_eq!(rounded(Duration::MAX), Duration::MAX);
    }

    #[tokio::test]
    async fn callers_with_about_the_same_deadline_share_a_timer() {
        let (mut groups, mut timers) = (Waiters::default(), 0);
        let mut join = |ticket, deadline| {
            groups.join(ticket, deadline, |_| {
                timers += 1;
                Ok(Platform::Thread.spawn(std::future::pending::<()>()).unwrap())
            })
        };
        let near = Duration::from_micros(10);
        let waiters = [join(1, AT - near), join(1, AT), join(1, AT + near), join(2, AT)];
        assert_eq!(timers, 3);
        groups.take(1).for_each(|group| group.wake(Done::Again));
        let ended = waiters.map(|waiter| waiter.borrow().is_some());
        assert_eq!(ended, [true, true, true, false]);
        assert!(groups.take_late(2, AT).is_some());
        assert!(groups.is_empty());
    }
}
