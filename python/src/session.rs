//! The native part of `rekindle.Session`.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::Status;
use rekindle::Wall;
use rekindle::session::Revocation;
use rekindle::sign_in::{DeviceAuthorization, PendingSignIn, SignIn, SignInGrant, open_browser};
use rekindle::{Error, ErrorKind};

use crate::attach::{attached, released};
use crate::data;
use crate::errors::{Problem, foreign, raise};
use crate::events::{Events, dict};
use crate::run::{Waiter, drive};
use crate::settings::{credential_of, described};

/// `value, authorization, header name, generation, expires_at`.
type Given = (String, String, String, u64, Option<f64>);

#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Session {
    pub(crate) inner: rekindle::Session,
}

#[pymethods]
impl Session {
    /// `on_event` is called with the event as a dict.
    #[new]
    #[pyo3(signature = (settings, *, credential=None, on_event=None))]
    fn new(
        py: Python<'_>,
        settings: &Bound<'_, PyDict>,
        credential: Option<&Bound<'_, PyDict>>,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let mut builder = described(settings, Session::wrapped, rekindle::Session::builder)?;
        if let Some(given) = credential {
            builder = builder.credential(credential_of(given)?);
        }
        if let Some(call) = on_event {
            builder = builder.on_event(move |event| {
                let _ = attached(|py| {
                    let told = dict(py, event).and_then(|facts| call.call1(py, (facts,)));
                    // The listener logs exceptions of the user's function; any other exception has nowhere to go.
                    told.err().inspect(|error| error.clone_ref(py).write_unraisable(py, None))
                });
            });
        }
        let inner = released(py, || builder.build()).map_err(|error| raise(py, &error))?;
        Ok(Self { inner })
    }

    /// The token if a valid one is in memory, else `None`.
    fn token_if_valid(&self) -> Option<Given> {
        self.inner.token_if_valid().map(|token| given(&token))
    }

    #[pyo3(signature = (min_life=None, waiter=None))]
    fn token(&self, py: Python<'_>, min_life: Option<f64>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let min_life = min_life.and_then(|life| Duration::try_from_secs_f64(life).ok());
        let work = async move {
            let token = match min_life {
                Some(life) => session.token_living(life).await,
                None => session.token().await,
            };
            settled(token).await
        };
        drive(py, waiter, work, python)
    }

    #[pyo3(signature = (waiter=None))]
    fn refresh(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        drive(py, waiter, async move { settled(session.refresh().await).await }, python)
    }

    #[pyo3(signature = (waiter=None))]
    fn force_refresh(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        drive(py, waiter, async move { settled(session.force_refresh().await).await }, python)
    }

    fn invalidate(&self, py: Python<'_>) {
        released(py, || self.inner.invalidate());
    }

    fn key(&self) -> &str {
        self.inner.key()
    }

    fn subject(&self, py: Python<'_>) -> Option<String> {
        released(py, || self.inner.subject())
    }

    /// A number that is the same for all sessions that share a state.
    fn state_id(&self) -> u64 {
        self.inner.state_id()
    }

    #[pyo3(signature = (credential, waiter=None))]
    fn sign_in(
        &self,
        py: Python<'_>,
        credential: &Bound<'_, PyDict>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let credential = credential_of(credential)?;
        let session = self.inner.clone();
        let work = async move {
            match session.sign_in(credential).await {
                Ok(()) => Ok(()),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    /// The URL, and the pending state.
    #[pyo3(signature = (asked, waiter=None))]
    fn begin_sign_in(&self, py: Python<'_>, asked: &str, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let (session, asked) = (self.inner.clone(), asked_of(py, asked)?);
        let work = async move {
            match session.begin_sign_in(asked).await {
                Ok(begun) => Ok((String::from(begun.url), begun.pending.to_json().expose().to_owned())),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, begun| begun.into_py_any(py))
    }

    #[pyo3(signature = (pending, callback, waiter=None))]
    fn finish_sign_in(
        &self,
        py: Python<'_>,
        pending: &str,
        callback: String,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let pending = PendingSignIn::from_json(pending).map_err(|error| raise(py, &error.into()))?;
        let session = self.inner.clone();
        let work = async move { ended(session.finish_sign_in(&pending, &callback).await).await };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    /// `open` is called with the URL; without it, the system's browser is opened.
    #[pyo3(signature = (asked, open=None, waiter=None))]
    fn sign_in_with_browser(
        &self,
        py: Python<'_>,
        asked: &str,
        open: Option<Py<PyAny>>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let (session, asked) = (self.inner.clone(), asked_of(py, asked)?);
        let work = async move {
            let shown = |url: &url::Url| match open {
                Some(open) => called(&open, (url.as_str(),)),
                None => open_browser(url),
            };
            ended(session.sign_in_with_browser(asked, shown).await).await
        };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    /// `show` is called with the URL, the code, and the URL that contains the code.
    #[pyo3(signature = (asked, show, waiter=None))]
    fn sign_in_with_device(
        &self,
        py: Python<'_>,
        asked: &str,
        show: Py<PyAny>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let (session, asked) = (self.inner.clone(), asked_of(py, asked)?);
        let work = async move {
            let shown = |device: &DeviceAuthorization| {
                let facts = (&device.verification_uri, &device.user_code, &device.verification_uri_complete);
                called(&show, facts)
            };
            ended(session.sign_in_with_device(asked, shown).await).await
        };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (username, password, scope=None, waiter=None))]
    fn sign_in_with_password(
        &self,
        py: Python<'_>,
        username: String,
        password: String,
        scope: Option<String>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let grant = SignInGrant::Password { username, password: password.into(), scope };
        let work = async move { ended(session.sign_in_by_grant(grant).await).await };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    /// With `revoke`: whether the server revoked the tokens; `None` if the server has no endpoint for it.
    #[pyo3(signature = (revoke=false, waiter=None))]
    fn sign_out(&self, py: Python<'_>, revoke: bool, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let work = async move {
            let ended = match revoke {
                true => session.sign_out_and_revoke().await.map(Some),
                false => session.sign_out().await.map(|()| None),
            };
            match ended {
                Ok(revoked) => Ok(revoked),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, revoked| match revoked {
            None | Some(Revocation::NotOffered) => Ok(py.None()),
            Some(revoked) => (revoked == Revocation::Done).into_py_any(py),
        })
    }

    /// Whether anything had to be changed.
    #[pyo3(signature = (waiter=None))]
    fn rebind(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let work = async move {
            match session.rebind().await {
                Ok(moved) => Ok(moved),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, moved| moved.into_py_any(py))
    }

    /// `fresh`: reads the store first, if that has not happened yet.
    #[pyo3(signature = (fresh=false, waiter=None))]
    fn status(&self, py: Python<'_>, fresh: bool, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        if !fresh {
            return status(py, self.inner.status());
        }
        let session = self.inner.clone();
        let work = async move {
            match session.fresh_status().await {
                Ok(status) => Ok(status),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, status)
    }

    /// The data stored with the tokens.
    #[pyo3(signature = (waiter=None))]
    fn extra(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let work = async move {
            match session.extra().await {
                Ok(extra) => Ok(extra),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, extra| Ok(extra.into_pyobject(py)?.into_any().unbind()))
    }

    fn stats(&self) -> BTreeMap<&'static str, u64> {
        self.inner.stats().entries().into_iter().collect()
    }

    fn prometheus(&self) -> String {
        self.inner.stats().to_prometheus()
    }

    fn events(&self) -> Events {
        Events(self.inner.events().into())
    }

    /// Whether no refresh is in progress and nothing is unsaved.
    fn is_settled(&self) -> bool {
        self.inner.is_settled()
    }

    /// Waits at most so many seconds until no refresh is in progress and nothing is unsaved; returns whether that is
    /// so.
    #[pyo3(signature = (most, waiter=None))]
    fn shutdown(&self, py: Python<'_>, most: f64, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let most = Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX);
        // The time limit also runs in real time: at the interpreter's end no test may be left to advance a manual
        // clock.
        let work =
            async move { Ok(tokio::time::timeout(most, session.shutdown(most)).await.unwrap_or(false)) };
        drive(py, waiter, work, |py, done| Ok(done.into_pyobject(py)?.to_owned().into_any().unbind()))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}

impl Session {
    pub(crate) fn wrapped(py: Python<'_>, inner: rekindle::Session) -> PyResult<Py<PyAny>> {
        Self { inner }.into_py_any(py)
    }
}

pub(crate) fn asked_of(py: Python<'_>, json: &str) -> PyResult<SignIn> {
    serde_json::from_str(json).map_err(|error| {
        raise(py, &Error::new(ErrorKind::InvalidConfig, format!("the sign-in is not understood ({error})")))
    })
}

/// Calls a user's function; its exception is reported by the function's name, and chained.
pub(crate) fn called<A>(call: &Py<PyAny>, args: A) -> Result<(), Error>
where
    A: for<'py> pyo3::call::PyCallArgs<'py>,
{
    attached(|py| {
        call.call1(py, args)
            .map(drop)
            .map_err(|error| foreign(py, error, "the function that shows the sign-in"))
    })
    .unwrap_or(Ok(()))
}

async fn ended(done: Result<(), Error>) -> Result<(), Problem> {
    match done {
        Ok(()) => Ok(()),
        Err(error) => Err(Problem::of(error).await),
    }
}

async fn settled(token: Result<rekindle::Token, Error>) -> Result<Given, Problem> {
    match token {
        Ok(token) => Ok(given(&token)),
        Err(error) => Err(Problem::of(error).await),
    }
}

fn given(token: &rekindle::Token) -> Given {
    let authorization = String::from_utf8_lossy(token.authorization().as_bytes()).into_owned();
    (
        token.value().to_owned(),
        authorization,
        token.header_name().as_str().to_owned(),
        token.generation(),
        token.expires_at().map(|at| epoch(at.into())),
    )
}

fn python(py: Python<'_>, given: Given) -> PyResult<Py<PyAny>> {
    Ok(given.into_pyobject(py)?.into_any().unbind())
}

fn status(py: Python<'_>, status: Status) -> PyResult<Py<PyAny>> {
    Ok(data::dict(py, &rekindle_bindings::Status::from(status))?.into_any().unbind())
}

fn epoch(wall: Wall) -> f64 {
    wall.0 as f64 / 1000.0
}
