//! Tracks a request's progress, to distinguish a silent server from a connection that is still being opened, or a
//! body that is still being sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Shared by a request's caller, its connection and its body.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    /// The time of the last progress, in milliseconds of the clock.
    moved: AtomicU64,
    /// The number of operations in progress that do not depend on the server.
    busy: AtomicUsize,
}

/// While it exists, the request does not wait for the server.
pub(crate) struct Busy(Progress);

impl Progress {
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Self {
        let moved = AtomicU64::new(millis(clock.mono()));
        Self(Arc::new(Inner { clock: Arc::clone(clock), moved, busy: AtomicUsize::new(0) }))
    }

    pub(crate) fn moved(&self) {
        self.0.moved.store(millis(self.0.clock.mono()), Ordering::Relaxed);
    }

    pub(crate) fn busy(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// When the server will have been silent for `patience`; `None` if it already has been.
    pub(crate) fn due(&self, patience: Duration) -> Option<Duration> {
        let now = self.0.clock.mono();
        if self.0.busy.load(Ordering::Relaxed) > 0 {
            return Some(now.saturating_add(patience));
        }
        let due = Duration::from_millis(self.0.moved.load(Ordering::Relaxed)).saturating_add(patience);
        (due > now).then_some(due)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.moved();
        self.0.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
