//! A timer for a point in time on a clock.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
#[cfg(feature = "runtime")]
use std::time::Duration;

use crate::platform::runtime_id::{RuntimeId, this_runtime};
#[cfg(feature = "runtime")]
use crate::platform::sleep::SystemSleep;

/// A future that completes at a point in time on a clock. It belongs to the tokio runtime that it was created in.
///
/// ```
/// use futures_util::FutureExt;
/// use rekindle::clock::Timer;
///
/// assert!(Timer::new(std::future::ready(())).now_or_never().is_some());
/// ```
pub struct Timer(Wait);

enum Wait {
    #[cfg(feature = "runtime")]
    System(SystemSleep),
    Other(Option<RuntimeId>, Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Timer {
    /// A timer that completes when `wait` is ready.
    ///
    /// ```
    /// use futures_util::FutureExt;
    /// use rekindle::clock::Timer;
    ///
    /// assert!(Timer::new(std::future::pending()).now_or_never().is_none());
    /// ```
    pub fn new(wait: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Wait::Other(this_runtime(), Box::pin(wait)))
    }

    #[cfg(feature = "runtime")]
    /// On the system's clock, until `due`.
    pub(crate) fn system(due: Duration) -> Self {
        Self(Wait::System(SystemSleep::until(due, this_runtime())))
    }

    /// Whether it goes off here: a timer ends with its runtime.
    pub(crate) fn is_of_this_runtime(&self) -> bool {
        let made_in = match &self.0 {
            #[cfg(feature = "runtime")]
            Wait::System(sleep) => sleep.runtime(),
            Wait::Other(runtime, _) => *runtime,
        };
        made_in == this_runtime()
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            #[cfg(feature = "runtime")]
            Wait::System(sleep) => Pin::new(sleep).poll(context),
            Wait::Other(_, wait) => wait.as_mut().poll(context),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer(..)")
    }
}
