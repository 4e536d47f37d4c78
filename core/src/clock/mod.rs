//! The clocks, and the one that tests turn by hand.

mod manual;

mod timer;

use std::time::Duration;

use rekindle_proto::Now;

pub use self::manual::ManualClock;
pub use self::timer::Timer;
#[cfg(feature = "runtime")]
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
