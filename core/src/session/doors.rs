//! Doors: where callers wait for what they were given a ticket for, each until its deadline.
//!
//! Those who came at about the same time wait at one door, whose alarm ends the wait of all of them. An alarm for each
//! would cost more than all else about a crowd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::Failure;
use rekindle_proto::machine::Ticket;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::token::Served;

/// How a wait ended.
#[derive(Clone)]
pub(crate) enum Done {
    Ready(Arc<Served>),
    Again,
    Failed(Failure),
}

/// A place at a door.
pub(crate) type Waiter = watch::Receiver<Option<Done>>;

/// All doors, by ticket and by the end of the wait on the monotonic clock.
#[derive(Default)]
pub(super) struct Doors(BTreeMap<Ticket, BTreeMap<Duration, Door>>);

/// Nobody waits for it any more once it is dropped, and its alarm is off.
pub(super) struct Door {
    waiters: watch::Sender<Option<Done>>,
    alarm: Option<AbortHandle>,
}

impl Doors {
    /// A place at the door of this ticket, until the deadline or little longer; a door that is new gets its `alarm`.
    pub(super) fn join(
        &mut self,
        ticket: Ticket,
        deadline: Duration,
        alarm: impl FnOnce(Duration) -> Result<AbortHandle, Failure>,
    ) -> Waiter {
        let until = rounded(deadline);
        let door = self.0.entry(ticket).or_default().entry(until).or_insert_with(|| match alarm(until) {
            Ok(alarm) => Door { waiters: watch::channel(None).0, alarm: Some(alarm) },
            Err(failure) => Door { waiters: watch::channel(Some(Done::Failed(failure))).0, alarm: None },
        });
        door.waiters.subscribe()
    }

    /// Those who wait for this ticket.
    pub(super) fn take(&mut self, ticket: Ticket) -> impl Iterator<Item = Door> + use<> {
        self.0.remove(&ticket).into_iter().flat_map(BTreeMap::into_values)
    }

    /// Those whose wait ends now.
    pub(super) fn take_late(&mut self, ticket: Ticket, until: Duration) -> Option<Door> {
        let doors = self.0.get_mut(&ticket)?;
        let late = doors.remove(&until);
        if doors.is_empty() {
            self.0.remove(&ticket);
        }
        late
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Door {
    /// Ends the wait of all who are there.
    pub(super) fn open(self, done: Done) {
        self.waiters.send_replace(Some(done));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            alarm.abort();
        }
    }
}

/// Up to the next hundredth of a second.
fn rounded(deadline: Duration) -> Duration {
    const STEP_NANOS: u128 = 10_000_000;
    let steps = deadline.as_nanos().div_ceil(STEP_NANOS);
    let nanos = u64::try_from(steps * STEP_NANOS);
    nanos.map_or(deadline, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    async fn who_comes_at_about_the_same_time_shares_an_alarm() {
        let (mut doors, mut alarms) = (Doors::default(), 0);
        let mut join = |ticket, deadline| {
            doors.join(ticket, deadline, |_| {
                alarms += 1;
                Ok(tokio::spawn(std::future::pending::<()>()).abort_handle())
            })
        };
        let near = Duration::from_micros(10);
        let waiters = [join(1, AT - near), join(1, AT), join(1, AT + near), join(2, AT)];
        assert_eq!(alarms, 3);
        doors.take(1).for_each(|door| door.open(Done::Again));
        let ended = waiters.map(|waiter| waiter.borrow().is_some());
        assert_eq!(ended, [true, true, true, false]);
        assert!(doors.take_late(2, AT).is_some());
        assert!(doors.is_empty());
    }
}
