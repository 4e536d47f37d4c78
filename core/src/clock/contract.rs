//! What a clock has to fulfil.

use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::Now;

use super::timer::Timer;

/// Reads both clocks and waits on the monotonic one. An `Arc` of a clock is a clock.
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
