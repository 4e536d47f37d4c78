//! The contract of a clock.

use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::Now;

use super::timer::Timer;

/// Reads both clocks and waits on the monotonic one. An `Arc` of a clock is a clock.
pub trait Clock: Send + Sync + 'static {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Reads the monotonic clock only.
    fn mono(&self) -> Duration {
        self.now().mono
    }

    /// Completes when the monotonic clock reaches `mono`. Call it inside a tokio runtime with time enabled.
    fn sleep_until(&self, mono: Duration) -> Timer;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Now {
        (**self).now()
    }

    fn mono(&self) -> Duration {
        (**self).mono()
    }

    fn sleep_until(&self, mono: Duration) -> Timer {
        (**self).sleep_until(mono)
    }
}
