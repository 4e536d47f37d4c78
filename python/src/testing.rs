//! For tests of one's own code: the clock that they turn by hand. Public as `rekindle.testing`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use rekindle::Wall;
use rekindle::clock::{self, Clock as _};
use rekindle::{Error, ErrorKind};

use crate::errors::raise;

/// A clock that stands until a test turns it.
#[pyclass(frozen, module = "rekindle._native.testing")]
pub(crate) struct ManualClock(pub(crate) clock::ManualClock, pub(crate) Busy);

/// How many calls of users' stores are under way.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<AtomicUsize>);

/// One of them.
pub(crate) struct Begun(Busy);

impl Busy {
    pub(crate) fn begin(&self) -> Begun {
        self.0.fetch_add(1, Ordering::SeqCst);
        Begun(self.clone())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[pymethods]
impl ManualClock {
    #[new]
    fn new() -> Self {
        Self(clock::ManualClock::new(), Busy::default())
    }

    /// Turns both clocks on and wakes whoever waited for it.
    fn advance(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let by = Duration::try_from_secs_f64(seconds).map_err(|_| {
            raise(
                py,
                &Error::new(ErrorKind::InvalidConfig, "seconds must be 0 or above: clocks never go back"),
            )
        })?;
        py.detach(|| self.0.advance(by));
        Ok(())
    }

    /// Makes the wall clock jump by so many seconds, back if below 0; the monotonic one stays.
    fn jump_wall(&self, py: Python<'_>, seconds: f64) {
        py.detach(|| self.0.jump_wall(Wall(self.0.now().wall.0.saturating_add((seconds * 1000.0) as i64))));
    }

    /// The wall clock, in seconds since 1970.
    fn time(&self) -> f64 {
        self.0.now().wall.0 as f64 / 1000.0
    }

    /// How many seconds until the next timer; none where nobody waits.
    fn next_timer(&self) -> Option<f64> {
        let due = self.0.next_due()?;
        Some(due.saturating_sub(self.0.now().mono).as_secs_f64())
    }

    /// How many calls of Python stores are under way: those take real time, so wait before time is turned on.
    fn busy(&self) -> usize {
        self.1.0.load(Ordering::SeqCst)
    }

    fn __repr__(&self) -> String {
        format!("ManualClock(time={})", self.time())
    }
}
