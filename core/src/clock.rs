//! The clocks, and the one that tests turn by hand.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rekindle_proto::{Now, Wall};

use crate::lock::{Mutex, MutexGuard};

/// Reads both clocks and waits on the monotonic one.
pub trait Clock: Send + Sync + 'static {
    /// Both clocks, now.
    fn now(&self) -> Now;

    /// The monotonic one alone.
    fn mono(&self) -> Duration {
        self.now().mono
    }

    /// Resolves once `mono` has been reached. Inside a tokio runtime with time enabled.
    fn sleep_until(&self, mono: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The system's clocks: boot time, suspension included, and the wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { mono: boot_time(), wall: wall_time() }
    }

    fn mono(&self) -> Duration {
        boot_time()
    }

    fn sleep_until(&self, mono: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(SystemSleep { due: mono, sleep: tokio::time::sleep(beat(mono)) })
    }
}

/// Timers stand still while the machine is suspended: the boot clock is looked at now and then.
fn beat(due: Duration) -> Duration {
    const HEARTBEAT: Duration = Duration::from_secs(30);
    due.saturating_sub(boot_time()).min(HEARTBEAT)
}

pin_project_lite::pin_project! {
    /// Made inside a runtime, polled anywhere.
    struct SystemSleep {
        due: Duration,
        #[pin]
        sleep: tokio::time::Sleep,
    }
}

impl Future for SystemSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while this.sleep.as_mut().poll(context).is_ready() {
            let left = beat(*this.due);
            if left.is_zero() {
                return Poll::Ready(());
            }
            this.sleep.as_mut().reset(tokio::time::Instant::now() + left);
        }
        Poll::Pending
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_time() -> Duration {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn boot_time() -> Duration {
    // Apple's CLOCK_MONOTONIC goes on while the machine sleeps.
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

/// Names this boot of this machine, where the system tells (spec 4.5).
pub(crate) fn boot_id() -> Option<Arc<str>> {
    static ID: OnceLock<Option<Arc<str>>> = OnceLock::new();
    let read = || Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().into());
    ID.get_or_init(read).clone()
}

#[cfg(unix)]
fn duration(time: rustix::time::Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// To the kernel's tick, some milliseconds, where that costs less: tokens live for minutes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WALL: rustix::time::ClockId = rustix::time::ClockId::RealtimeCoarse;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const WALL: rustix::time::ClockId = rustix::time::ClockId::Realtime;

fn wall_time() -> Wall {
    let time = rustix::time::clock_gettime(WALL);
    let millis = u32::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000;
    Wall(time.tv_sec.saturating_mul(1_000).saturating_add(i64::from(millis)))
}

/// A clock that stands until a test turns it.
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

    /// Turns both clocks on and wakes whoever waited for it.
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

    /// Makes the wall clock jump; the monotonic one stays.
    ///
    /// ```
    /// use rekindle::clock::{Clock, ManualClock};
    /// use rekindle::proto::Wall;
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

    /// How many are asleep.
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

    /// When the next sleeper is due, on the monotonic clock.
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

    fn sleep_until(&self, mono: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Sleeper { clock: self.clone(), due: mono, id: None })
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
