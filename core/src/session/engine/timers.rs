//! The machine's timer, and the deadlines of waiting callers.

use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::Failure;
use rekindle_proto::machine::{Machine, Ticket};

use super::{Engine, State, no_thread};
use crate::platform::TaskHandle;
use crate::session::waiters::Done;

/// How often a flight that waits for another process's refresh reads at most, whatever the store reports.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    /// Ends the wait of one group, unless it has already ended.
    pub(super) fn time_out(self: &Arc<Self>, ticket: Ticket, until: Duration) -> Result<TaskHandle, Failure> {
        let (engine, clock) = (Arc::downgrade(self), self.setup.clock.clone());
        let wake = async move {
            clock.sleep_until(until).await;
            let Some(engine) = engine.upgrade() else { return };
            let late = engine.process().state.lock().waiters.take_late(ticket, until);
            if let Some(group) = late {
                let failure = engine.look(Machine::timed_out);
                group.wake(Done::Failed(failure));
            }
        };
        self.setup.platform.spawn(wake).map_err(|error| no_thread(&error))
    }

    pub(super) fn set_timer(self: &Arc<Self>, state: &mut State) {
        let due = state.machine.poll_timeout();
        if state.timer.as_ref().map(|timer| timer.0) == due {
            return;
        }
        if let Some(old) = state.timer.take() {
            old.1.abort();
        }
        let Some(due) = due else { return };
        let (engine, awaits_others) = (self.clone(), state.machine.awaits_others());
        let wake = async move {
            let changed = engine.sleeps_until(due, awaits_others).await;
            engine.process().state.lock().timer.take_if(|timer| timer.0 == due);
            engine.ask(if changed { Machine::handle_changed } else { Machine::handle_timeout });
        };
        if let Ok(timer) = self.setup.platform.spawn(wake) {
            state.timer = Some(Box::new((due, timer)));
        }
    }

    /// Whether the store reports a change of the record before that time. The store is asked only while another
    /// process refreshes.
    async fn sleeps_until(&self, due: Duration, awaits_others: bool) -> bool {
        let least = self.setup.clock.sleep_until(self.setup.clock.mono() + LEAST_PAUSE);
        let due = self.setup.clock.sleep_until(due);
        match self.setup.store.changed(&self.key).filter(|_| awaits_others) {
            None => {
                due.await;
                false
            }
            Some(changed) => tokio::select! {
                biased;
                () = due => false,
                () = async { changed.await; least.await } => true,
            },
        }
    }
}
