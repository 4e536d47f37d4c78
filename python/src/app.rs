//! The native part of `rekindle.App`.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::sign_in::{PendingSignIn, open_browser};

use crate::attach::{attached, released};
use crate::errors::{Problem, raise};
use crate::events::dict;
use crate::run::{Waiter, drive};
use crate::session::{Session, asked_of, called};
use crate::settings::{credential_of, described};

#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct App {
    pub(crate) inner: rekindle::App,
}

#[pymethods]
impl App {
    /// `on_event` is called with a key and the event as a dict.
    #[new]
    #[pyo3(signature = (settings, *, idle_sessions=None, on_event=None))]
    fn new(
        py: Python<'_>,
        settings: &Bound<'_, PyDict>,
        idle_sessions: Option<usize>,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let mut builder = described(settings, Session::wrapped, rekindle::App::builder)?;
        if let Some(most) = idle_sessions {
            builder = builder.idle_sessions(most);
        }
        if let Some(call) = on_event {
            builder = builder.on_event(move |key, event| {
                let _ = attached(|py| {
                    let told = dict(py, event).and_then(|facts| call.call1(py, (key, facts)));
                    told.err().inspect(|error| error.clone_ref(py).write_unraisable(py, None))
                });
            });
        }
        let inner = released(py, || builder.build()).map_err(|error| raise(py, &error))?;
        Ok(Self { inner })
    }

    #[pyo3(signature = (key, credential=None))]
    fn session(
        &self,
        py: Python<'_>,
        key: &str,
        credential: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Session> {
        let session = match credential {
            None => self.inner.session(key),
            Some(given) => self.inner.seeded_session(key, credential_of(given)?),
        };
        Ok(Session { inner: session.map_err(|error| raise(py, &error))? })
    }

    /// The URL, and the pending state.
    #[pyo3(signature = (asked, waiter=None))]
    fn begin_sign_in(&self, py: Python<'_>, asked: &str, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let (app, asked) = (self.inner.clone(), asked_of(py, asked)?);
        let work = async move {
            match app.begin_sign_in(asked).await {
                Ok(begun) => Ok((String::from(begun.url), begun.pending.to_json().expose().to_owned())),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, begun| begun.into_py_any(py))
    }

    /// The key of the user who signed in.
    #[pyo3(signature = (pending, callback, key, waiter=None))]
    fn finish_sign_in(
        &self,
        py: Python<'_>,
        pending: &str,
        callback: String,
        key: Option<String>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let pending = PendingSignIn::from_json(pending).map_err(|error| raise(py, &error.into()))?;
        let app = self.inner.clone();
        let work = async move { key_of(app.finish_sign_in(&pending, &callback, key.as_deref()).await).await };
        drive(py, waiter, work, |py, key| key.into_py_any(py))
    }

    /// The key of the user who signed in. `open` is called with the URL; without it, the system's browser is opened.
    #[pyo3(signature = (asked, key, open=None, waiter=None))]
    fn sign_in(
        &self,
        py: Python<'_>,
        asked: &str,
        key: Option<String>,
        open: Option<Py<PyAny>>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let (app, asked) = (self.inner.clone(), asked_of(py, asked)?);
        let work = async move {
            let shown = |url: &url::Url| match open {
                Some(open) => called(&open, (url.as_str(),)),
                None => open_browser(url),
            };
            key_of(app.sign_in(asked, key.as_deref(), shown).await).await
        };
        drive(py, waiter, work, |py, key| key.into_py_any(py))
    }

    /// The keys of all signed-in users.
    #[pyo3(signature = (waiter=None))]
    fn accounts(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let app = self.inner.clone();
        let work = async move {
            match app.accounts().await {
                Ok(keys) => Ok(keys),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, keys| keys.into_py_any(py))
    }

    fn sessions_in_memory(&self) -> usize {
        self.inner.sessions_in_memory()
    }

    fn stats(&self) -> BTreeMap<&'static str, u64> {
        self.inner.stats().entries().into_iter().collect()
    }

    fn prometheus(&self) -> String {
        self.inner.stats().to_prometheus()
    }

    /// Whether no refresh is in progress and nothing is unsaved.
    fn is_settled(&self) -> bool {
        self.inner.is_settled()
    }

    /// Waits at most so many seconds until no refresh is in progress and nothing is unsaved; returns whether that is
    /// so.
    #[pyo3(signature = (most, waiter=None))]
    fn shutdown(&self, py: Python<'_>, most: f64, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let app = self.inner.clone();
        let most = Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX);
        // The time limit also runs in real time: at the interpreter's end no test may be left to advance a manual
        // clock.
        let work = async move { Ok(tokio::time::timeout(most, app.shutdown(most)).await.unwrap_or(false)) };
        drive(py, waiter, work, |py, done| Ok(done.into_pyobject(py)?.to_owned().into_any().unbind()))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}

async fn key_of(done: Result<rekindle::Session, rekindle::Error>) -> Result<String, Problem> {
    match done {
        Ok(session) => Ok(session.key().to_owned()),
        Err(error) => Err(Problem::of(error).await),
    }
}
