//! For tests of your own code: a manual clock, a server on loopback. Public as `rekindle.testing`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use rekindle::Wall;
use rekindle::clock::{self, Clock as _};
use rekindle::{Error, ErrorKind};
use rekindle_test_server::{AuthConfig, AuthServer, Script, TestServer};

use crate::errors::raise;
use crate::lock::lock;

/// A clock that stands still until a test advances it.
#[pyclass(frozen, module = "rekindle._native.testing")]
pub(crate) struct ManualClock(pub(crate) clock::ManualClock, pub(crate) Busy);

/// How many calls of users' stores are in progress.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<AtomicUsize>);

/// One call in progress.
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

/// A scripted server on a thread of this process.
#[pyclass(frozen, module = "rekindle._native.testing")]
pub(crate) struct LocalServer(Mutex<Option<Served>>, String);

enum Served {
    Script(#[allow(dead_code, reason = "it stops when it is dropped")] TestServer),
    Model(#[allow(dead_code, reason = "it stops when it is dropped")] Box<AuthServer>),
}

#[pymethods]
impl LocalServer {
    /// `config`: the configuration of the model behind the script, as JSON.
    #[new]
    #[pyo3(signature = (config=None))]
    fn new(py: Python<'_>, config: Option<&str>) -> PyResult<Self> {
        let (served, url) = py.detach(|| start(config))?;
        Ok(Self(Mutex::new(Some(served)), url))
    }

    fn url(&self) -> &str {
        &self.1
    }

    /// Waits until the server's thread has ended.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| drop(lock(&self.0).take()));
    }
}

fn start(config: Option<&str>) -> std::io::Result<(Served, String)> {
    let Some(config) = config else {
        let server = TestServer::start(Script::new())?;
        let url = server.base_url();
        return Ok((Served::Script(server), url));
    };
    let config: AuthConfig = serde_json::from_str(config)?;
    let server = AuthServer::builder().configure(|default| *default = config).start()?;
    let url = server.base_url();
    Ok((Served::Model(Box::new(server)), url))
}

#[pymethods]
impl ManualClock {
    #[new]
    fn new() -> Self {
        Self(clock::ManualClock::new(), Busy::default())
    }

    /// Advances both clocks, and wakes the timers that are due.
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

    /// Makes the wall clock jump by so many seconds, backwards if below 0; the monotonic clock does not change.
    fn jump_wall(&self, py: Python<'_>, seconds: f64) {
        py.detach(|| self.0.jump_wall(Wall(self.0.now().wall.0.saturating_add((seconds * 1000.0) as i64))));
    }

    /// The wall clock, in seconds since 1970.
    fn time(&self) -> f64 {
        self.0.now().wall.0 as f64 / 1000.0
    }

    /// How many seconds until the next timer; `None` if there is no timer.
    fn next_timer(&self) -> Option<f64> {
        let due = self.0.next_due()?;
        Some(due.saturating_sub(self.0.now().mono).as_secs_f64())
    }

    /// How many calls of Python stores are in progress. They take real time, so wait for 0 before you advance the
    /// clock.
    fn busy(&self) -> usize {
        self.1.0.load(Ordering::SeqCst)
    }

    fn __repr__(&self) -> String {
        format!("ManualClock(time={})", self.time())
    }
}
