//! Waits on the system's clock.
//!
//! Setting and cancelling a timer costs more than everything else in a request, and hardly any request lives until its
//! timer fires. An unused timer therefore stays set and is reused by the next request on the same thread. If it fires
//! too early for that request, the clock shows this, and the timer is set again.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Id;
use tokio::time::{Instant, Sleep, sleep};

use super::boot::boot_time;
use crate::fork::OfProcess;

/// Waits until `due`, on the boot clock. Created inside a runtime, polled anywhere.
pub(crate) struct SystemSleep {
    due: Duration,
    /// Taken only in `drop`. A forked child leaks it, because it belongs to a runtime of the parent.
    alarm: Option<OfProcess<Alarm>>,
}

/// The timer is already set, or will be at its first poll.
struct Alarm {
    runtime: Option<Id>,
    /// On the boot clock: the timer fires no later.
    until: Duration,
    sleep: Pin<Box<Sleep>>,
}

/// The maximum number of timers that a thread keeps.
const MOST: usize = 64;

thread_local! {
    static KEPT: RefCell<Vec<OfProcess<Alarm>>> = const { RefCell::new(Vec::new()) };
}

/// The result, if it is available within that time; otherwise `None`.
#[cfg(feature = "http")]
pub(crate) async fn within<F: Future>(time: Duration, comes: F) -> Option<F::Output> {
    tokio::time::timeout(time, comes).await.ok()
}

impl SystemSleep {
    pub(crate) fn until(due: Duration, runtime: Option<Id>) -> Self {
        let alarm = kept(runtime, due).unwrap_or_else(|| {
            let left = beat(due);
            OfProcess::new(Alarm { runtime, until: due, sleep: Box::pin(sleep(left)) })
        });
        Self { due, alarm: Some(alarm) }
    }

    pub(crate) fn runtime(&self) -> Option<Id> {
        self.alarm.as_ref()?.get()?.runtime
    }
}

/// A kept timer of this runtime whose remaining time is neither zero nor too long.
fn kept(runtime: Option<Id>, due: Duration) -> Option<OfProcess<Alarm>> {
    let fits = |alarm: &Alarm| alarm.runtime == runtime && alarm.until <= due && !alarm.sleep.is_elapsed();
    let next = || KEPT.try_with(|kept| kept.borrow_mut().pop()).ok().flatten();
    std::iter::from_fn(next).find(|alarm| alarm.get().is_some_and(fits))
}

/// Timers stop while the machine is suspended, so the boot clock is checked from time to time.
fn beat(due: Duration) -> Duration {
    const HEARTBEAT: Duration = Duration::from_secs(30);
    due.saturating_sub(boot_time()).min(HEARTBEAT)
}

impl Future for SystemSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let due = self.due;
        let Some(alarm) = self.alarm.as_mut().and_then(OfProcess::get_mut) else { return Poll::Pending };
        while alarm.sleep.as_mut().poll(context).is_ready() {
            let left = beat(due);
            if left.is_zero() {
                return Poll::Ready(());
            }
            alarm.until = due;
            alarm.sleep.as_mut().reset(Instant::now() + left);
        }
        Poll::Pending
    }
}

impl Drop for SystemSleep {
    fn drop(&mut self) {
        let Some(alarm) = self.alarm.take() else { return };
        // A surplus timer, or one that is returned while the thread ends, is dropped.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < MOST {
                kept.push(alarm);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn until(due: Duration) -> SystemSleep {
        SystemSleep::until(due, Some(tokio::runtime::Handle::current().id()))
    }

    fn place(sleep: &SystemSleep) -> *const Sleep {
        &raw const *sleep.alarm.as_ref().unwrap().get().unwrap().sleep
    }

    #[test]
    fn an_alarm_that_was_not_needed_is_lent_again_and_does_not_go_off_too_early() {
        runtime().block_on(async {
            let began = boot_time();
            let mut first = until(began + Duration::from_millis(10));
            assert!((&mut first).now_or_never().is_none());
            let set = place(&first);
            drop(first);
            let second = until(began + Duration::from_millis(60));
            assert_eq!(place(&second), set);
            second.await;
            assert!(boot_time() - began >= Duration::from_millis(60));
        });
    }

    #[test]
    fn an_alarm_that_goes_off_too_late_is_not_lent() {
        runtime().block_on(async {
            let now = boot_time();
            drop(until(now + 40 * SECOND));
            until(now + Duration::from_millis(5)).await;
        });
    }

    #[test]
    fn an_alarm_of_another_runtime_is_not_lent() {
        let now = boot_time();
        let ended = runtime();
        ended.block_on(async {
            assert!(until(now + Duration::from_millis(10)).now_or_never().is_none());
        });
        drop(ended);
        // A timer of the other runtime would never fire.
        runtime().block_on(async { until(now + Duration::from_millis(20)).await });
        assert!(boot_time() - now >= Duration::from_millis(20));
    }

    #[test]
    fn no_more_than_some_are_kept() {
        runtime().block_on(async {
            let many: Vec<_> = (0..MOST + 10).map(|_| until(boot_time() + SECOND)).collect();
            drop(many);
            assert_eq!(KEPT.with_borrow(Vec::len), MOST);
        });
    }
}
