//! Tracks a request's progress: to tell a silent server from a connection that is still being opened, or a body that is
//! still being sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Shared by a request's caller, its connection and its body.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    /// When it last got on, in milliseconds of the clock.
    moved: AtomicU64,
    /// How many are at work for which the server is not to blame.
    busy: AtomicUsize,
}

/// While it lives, nobody waits for the server.
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

    /// When the server has been silent for `patience`, as it looks now; `None` if it has been already.
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
