//! The system's clocks.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rekindle_proto::{Now, Wall};

use crate::clock::{Clock, Timer};

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

    fn sleep_until(&self, mono: Duration) -> Timer {
        Timer::system(mono)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn boot_time() -> Duration {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn boot_time() -> Duration {
    // Apple's CLOCK_MONOTONIC goes on while the machine sleeps.
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
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

#[cfg(unix)]
fn wall_time() -> Wall {
    let time = rustix::time::clock_gettime(WALL);
    let millis = u32::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000;
    Wall(time.tv_sec.saturating_mul(1_000).saturating_add(i64::from(millis)))
}

/// Names this boot of this machine, where the system tells (spec 4.5).
pub(crate) fn boot_id() -> Option<Arc<str>> {
    static ID: OnceLock<Option<Arc<str>>> = OnceLock::new();
    let read = || Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().into());
    ID.get_or_init(read).clone()
}

/// Where the standard library has no clock that counts suspension: its monotonic one, which there does.
#[cfg(not(unix))]
pub(crate) fn boot_time() -> Duration {
    static BEGAN: OnceLock<std::time::Instant> = OnceLock::new();
    // Not zero: what is older than this process is a moment before it.
    const HEAD_START: Duration = Duration::from_secs(3_600);
    BEGAN.get_or_init(std::time::Instant::now).elapsed() + HEAD_START
}

#[cfg(not(unix))]
fn wall_time() -> Wall {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
