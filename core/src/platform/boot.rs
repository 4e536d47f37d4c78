//! How long this machine has been running, and an identifier of the current boot.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn boot_time() -> Duration {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn boot_time() -> Duration {
    // Apple's CLOCK_MONOTONIC continues while the machine sleeps.
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

#[cfg(unix)]
fn duration(time: rustix::time::Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The standard library's monotonic clock, which counts suspension on systems other than Unix.
#[cfg(not(unix))]
pub(crate) fn boot_time() -> Duration {
    static BEGAN: OnceLock<std::time::Instant> = OnceLock::new();
    // Starts above zero, so that a moment before the start of this process can be represented.
    const HEAD_START: Duration = Duration::from_secs(3_600);
    BEGAN.get_or_init(std::time::Instant::now).elapsed() + HEAD_START
}

/// Identifies the current boot of this machine, if the system provides an id (spec 4.5).
pub(crate) fn boot_id() -> Option<Arc<str>> {
    static ID: OnceLock<Option<Arc<str>>> = OnceLock::new();
    let read = || Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().into());
    ID.get_or_init(read).clone()
}
