//! For adapters whose requests are sent by other HTTP clients: the core's `Call` with Python's types.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;
use rekindle::call::{Content, Headers, Judged, Next, Reads};
use rekindle::{Error, ErrorKind, ReplayRefused};
use rekindle_bindings::call as data;
use rekindle_bindings::time::seconds;
use tokio::sync::{Mutex, MutexGuard};

use crate::data::dict;
use crate::errors::{Problem, raise, raised};
use crate::run::{Waiter, drive};
use crate::session::Session;

type Pairs = Vec<(String, String)>;

/// The headers to add to a request. Its `repr` shows no values: error reporters show locals.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Added(Pairs);

#[pymethods]
impl Added {
    fn __bool__(&self) -> bool {
        !self.0.is_empty()
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Sets the headers in a mapping.
    fn put(&self, target: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.iter().try_for_each(|(name, value)| target.set_item(name, value))
    }

    /// Whether a mapping contains all of them.
    fn are_in(&self, target: &Bound<'_, PyAny>) -> PyResult<bool> {
        for (name, value) in &self.0 {
            if !target.call_method1("get", (name,))?.eq(value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// One request of another HTTP client. The adapter calls the methods one after the other.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Call(Arc<Mutex<State>>);

struct State {
    call: rekindle::Call,
    /// The response that is judged. No local variable in Python holds it, because its body may contain the token.
    response: Option<(StatusCode, HeaderMap, PyBackedBytes)>,
}

#[pymethods]
impl Session {
    /// `content`: the body, if all of it is known; otherwise `replayable` says whether it can be sent twice.
    fn call(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Pairs,
        content: Option<PyBackedBytes>,
        replayable: bool,
    ) -> PyResult<Call> {
        let (method, url) =
            raised(py, data::method(method).and_then(|method| Ok((method, data::url("url", url)?))))?;
        let content = match content {
            Some(bytes) => Content::copy_of(&method, &bytes),
            None if replayable => Content::Replayable,
            None => Content::Once,
        };
        let call = self.inner.call(method, url, &data::lenient_header_map(headers), content);
        Ok(Call(Arc::new(Mutex::new(State { call, response: None }))))
    }
}

#[pymethods]
impl Call {
    /// The headers to add before the first send; `None` if they are not available without waiting.
    fn headers_at_once(&self, py: Python<'_>) -> PyResult<Option<Added>> {
        let headers = raised(py, self.asked(py)?.call.headers_at_once())?;
        Ok(headers.map(|headers| added(&headers)))
    }

    /// The headers to add before the first send; waits for them up to `timeout` seconds.
    #[pyo3(signature = (timeout=None, waiter=None))]
    fn headers(&self, py: Python<'_>, timeout: Option<f64>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let call = Arc::clone(&self.0);
        let work = async move {
            match call.lock().await.call.headers().await {
                Ok(headers) => Ok(added(&headers)),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, within(timeout, work), |py, headers| Ok(Py::new(py, headers)?.into_any()))
    }

    /// Whether the request carries our token.
    fn is_signed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.asked(py)?.call.unsigned().is_none())
    }

    /// Whether the body of such a response must be read before `answered`.
    fn reads(&self, py: Python<'_>, status: u16, headers: Pairs) -> PyResult<bool> {
        let status = raised(py, data::status(status))?;
        Ok(self.asked(py)?.call.reads(status, &data::lenient_header_map(headers)) != Reads::Nothing)
    }

    /// Whether an accepted response belongs to a request with our token; `None` if `answered` must be called.
    fn accepted(
        &self,
        py: Python<'_>,
        status: u16,
        headers: Pairs,
        body: PyBackedBytes,
    ) -> PyResult<Option<bool>> {
        let (status, headers, mut state) =
            (raised(py, data::status(status))?, data::lenient_header_map(headers), self.asked(py)?);
        if state.call.accepts(status, &headers, &body) {
            return Ok(Some(state.call.unsigned().is_none()));
        }
        state.response = Some((status, headers, body));
        Ok(None)
    }

    /// What follows a response for which `accepted` returned `None`: `(headers to send it again with, judgement)`,
    /// where one of the two is `None`. The judgement is a verdict, and why the request is not replayed. Waits up to
    /// `timeout` seconds.
    #[pyo3(signature = (timeout=None, waiter=None))]
    fn answered(&self, py: Python<'_>, timeout: Option<f64>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let state = Arc::clone(&self.0);
        let work = async move {
            let State { call, response } = &mut *state.lock().await;
            let Some((status, headers, body)) = response.take() else { return Ok((None, None)) };
            match call.answered(status, &headers, &body).await {
                Ok(Next::SendAgain(headers)) => Ok((Some(added(&headers)), None)),
                Ok(Next::Keep(judged)) => Ok((None, judged)),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, within(timeout, work), |py, (again, judged): (Option<Added>, Option<Judged>)| {
            let told = judged.map(|judged| told(py, &judged)).transpose()?;
            (again, told).into_py_any(py)
        })
    }

    /// The headers to add when the client follows a redirect to `url`; none if that is not a valid URL.
    fn redirected(&self, py: Python<'_>, method: &str, url: &str) -> PyResult<Added> {
        let (method, url) = (raised(py, data::method(method))?, data::any_url(url));
        let headers = raised(py, self.asked(py)?.call.redirected(method, url))?;
        Ok(added(&headers))
    }

    /// Reports that the client followed redirects by itself, and that this URL sent the response.
    fn answered_from(&self, py: Python<'_>, url: &str) -> PyResult<()> {
        self.asked(py)?.call.answered_from(&data::any_url(url));
        Ok(())
    }
}

impl Call {
    fn asked(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        let busy = "the call is already waiting for a token: make one request of it at a time";
        self.0.try_lock().map_err(|_| raise(py, &Error::new(ErrorKind::Misuse, busy)))
    }
}

/// Ends the wait at the other client's timeout; a refresh continues.
async fn within<T>(
    timeout: Option<f64>,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let Some(timeout) = timeout else { return work.await };
    match tokio::time::timeout(seconds(timeout), work).await {
        Ok(done) => done,
        Err(_) => {
            let what = "the HTTP client's timeout passed while waiting for a refresh, which goes on; \
                        set a longer timeout, or try again later";
            Err(Problem::bare(&Error::new(ErrorKind::Timeout, what)))
        }
    }
}

/// Whether a header of the caller's own may be sent to another origin.
#[pyfunction]
pub(crate) fn travels(name: &str) -> bool {
    data::may_travel(name)
}

fn told<'py>(py: Python<'py>, judged: &Judged) -> PyResult<(Bound<'py, PyDict>, Option<&'static str>)> {
    let verdict = dict(py, &rekindle_bindings::Verdict::from(&judged.verdict))?;
    Ok((verdict, judged.replay_refused.map(ReplayRefused::name)))
}

fn added(headers: &Headers) -> Added {
    Added(data::added(headers))
}
