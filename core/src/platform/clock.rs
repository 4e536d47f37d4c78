//! The system's clocks.

use std::time::Duration;

use rekindle_proto::{Now, Wall};

use super::boot::boot_time;
use crate::clock::contract::Clock;
use crate::clock::timer::Timer;

/// The system's clocks: boot time, including suspension, and the wall clock.
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

/// Accurate to the kernel's tick, some milliseconds, where that is cheaper: tokens live for minutes.
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

#[cfg(not(unix))]
fn wall_time() -> Wall {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
