//! A clock that tests control.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rekindle_proto::{Now, Wall};

use super::contract::Clock;
use super::timer::Timer;
use crate::lock::{Mutex, MutexGuard};

/// A clock that stands still until a test advances it.
///
/// ```
/// use std::time::Duration;
/// use rekindle::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(900));
/// assert_eq!(clock.now().mono - before.mono, Duration::from_secs(900));
/// ```
#[derive(Clone, Default)]
pub struct ManualClock(Arc<Mutex<Manual>>);

#[derive(Default)]
struct Manual {
    now: Now,
    next: u64,
    sleepers: BTreeMap<u64, (Duration, Option<Waker>)>,
}

impl ManualClock {
    /// A clock at 2030-01-01T00:00:00Z, an hour after boot.
    ///
    /// ```
    /// use rekindle::clock::{Clock, ManualClock};
    ///
    /// assert_eq!(ManualClock::new().now().wall.0, 1_893_456_000_000);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let clock = Self::default();
        clock.0.lock().now = Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) };
        clock
    }

    /// Advances both clocks and wakes all sleepers that are due.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::clock::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let before = clock.now();
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock.now(), before.plus(Duration::from_secs(60)));
    /// ```
    pub fn advance(&self, by: Duration) {
        let mut manual = self.0.lock();
        manual.now = manual.now.plus(by);
        wake_due(manual);
    }

    /// Sets both; the monotonic one never goes back.
    pub(crate) fn set(&self, now: Now) {
        let mut manual = self.0.lock();
        manual.now = Now { mono: now.mono.max(manual.now.mono), wall: now.wall };
        wake_due(manual);
    }

    /// Sets the wall clock; the monotonic clock is unchanged.
    ///
    /// ```
    /// use rekindle::clock::{Clock, ManualClock};
    /// use rekindle::Wall;
    ///
    /// let clock = ManualClock::new();
    /// let before = clock.now();
    /// clock.jump_wall(Wall(0)); // somebody set the date back
    /// assert_eq!(clock.now().wall, Wall(0));
    /// assert_eq!(clock.now().mono, before.mono);
    /// ```
    pub fn jump_wall(&self, to: Wall) {
        self.0.lock().now.wall = to;
    }

    /// The number of sleepers.
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures_util::FutureExt;
    /// use rekindle::clock::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let mut nap = clock.sleep_until(clock.now().mono + Duration::from_secs(5));
    /// assert!((&mut nap).now_or_never().is_none());
    /// assert_eq!(clock.sleepers(), 1);
    /// clock.advance(Duration::from_secs(5));
    /// assert!(nap.now_or_never().is_some());
    /// ```
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.0.lock().sleepers.len()
    }

    /// The time, on the monotonic clock, when the next sleeper is due.
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures_util::FutureExt;
    /// use rekindle::clock::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let due = clock.now().mono + Duration::from_secs(5);
    /// let mut nap = clock.sleep_until(due);
    /// assert!((&mut nap).now_or_never().is_none());
    /// assert_eq!(clock.next_due(), Some(due));
    /// ```
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.0.lock().sleepers.values().map(|(due, _)| *due).min()
    }
}

fn wake_due(mut manual: MutexGuard<'_, Manual>) {
    let now = manual.now.mono;
    let due: Vec<Waker> = manual
        .sleepers
        .values_mut()
        .filter(|(at, _)| *at <= now)
        .filter_map(|(_, waker)| waker.take())
        .collect();
    drop(manual);
    due.into_iter().for_each(Waker::wake);
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.0.lock().now).finish()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        self.0.lock().now
    }

    fn sleep_until(&self, mono: Duration) -> Timer {
        Timer::new(Sleeper { clock: self.clone(), due: mono, id: None })
    }
}

struct Sleeper {
    clock: ManualClock,
    due: Duration,
    id: Option<u64>,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut manual = clock.0.lock();
        if manual.now.mono >= self.due {
            return Poll::Ready(());
        }
        let id = self.id.unwrap_or_else(|| {
            manual.next += 1;
            manual.next
        });
        self.id = Some(id);
        manual.sleepers.insert(id, (self.due, Some(context.waker().clone())));
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.0.lock().sleepers.remove(&id);
        }
    }
}
