//! The clocks, and the one that tests turn by hand.

mod manual;

mod timer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rekindle_proto::Now;

pub use self::manual::ManualClock;
pub use self::timer::Timer;
pub use crate::platform::clock::SystemClock;

/// Reads both clocks and waits on the monotonic one.
pub trait Clock: Send + Sync + 'static {
    /// Both clocks, now.
    fn now(&self) -> Now;

    /// The monotonic one alone.
    fn mono(&self) -> Duration {
        self.now().mono
    }

    /// Resolves once `mono` has been reached. Inside a tokio runtime with time enabled.
    fn sleep_until(&self, mono: Duration) -> Timer;
}

/// Names this boot of this machine, where the system tells (spec 4.5).
pub(crate) fn boot_id() -> Option<Arc<str>> {
    static ID: OnceLock<Option<Arc<str>>> = OnceLock::new();
    let read = || Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().into());
    ID.get_or_init(read).clone()
}
