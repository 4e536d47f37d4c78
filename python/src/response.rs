//! What a server answered, read whole or as it comes.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use rekindle::proto::{ExpiredReason, Verdict};
use rekindle::{Error, ErrorKind, ReplayRefused, Response};
use tokio::sync::Mutex;

use crate::errors::Problem;
use crate::run::{Waiter, drive, lock};

/// A response as plain values.
pub(crate) struct Raw {
    head: Head,
    body: Body,
}

struct Head {
    status: u16,
    url: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    history: Vec<(u16, String)>,
    elapsed: f64,
    verdict: Option<Verdict>,
    replay_refused: Option<&'static str>,
}

enum Body {
    Whole(Bytes),
    Stream(Box<Response>),
}

impl Raw {
    pub(crate) async fn read(response: Response) -> Result<Self, Error> {
        let head = Head::of(&response);
        Ok(Self { head, body: Body::Whole(response.bytes().await?) })
    }

    pub(crate) fn stream(response: Response) -> Self {
        Self { head: Head::of(&response), body: Body::Stream(Box::new(response)) }
    }

    /// `(status, url, version, headers, history, elapsed, verdict, replay_refused, body)`.
    pub(crate) fn tuple(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Head { status, url, version, headers, history, elapsed, verdict, replay_refused } = self.head;
        let body = match self.body {
            Body::Whole(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
            Body::Stream(response) => Py::new(py, Stream::of(*response))?.into_any(),
        };
        let headers = PyList::new(py, headers)?;
        let verdict = verdict.map(|verdict| facts(py, &verdict)).transpose()?;
        let parts = (status, url, version, headers, history, elapsed, verdict, replay_refused, body);
        Ok(parts.into_pyobject(py)?.into_any().unbind())
    }
}

impl Head {
    fn of(response: &Response) -> Self {
        let text =
            |value: &http::HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        let headers = response.headers().iter();
        let history = response.history().iter();
        Self {
            status: response.status().as_u16(),
            url: response.url().to_string(),
            version: version(response.version()),
            headers: headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            history: history.map(|hop| (hop.status.as_u16(), hop.url.to_string())).collect(),
            elapsed: response.elapsed().as_secs_f64(),
            verdict: response.verdict().cloned(),
            replay_refused: response.replay_refused().map(ReplayRefused::name),
        }
    }
}

/// As httpx writes it.
fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_2 => "HTTP/2",
        http::Version::HTTP_3 => "HTTP/3",
        http::Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// A verdict as a dict of plain values.
fn facts<'py>(py: Python<'py>, verdict: &Verdict) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("name", verdict.name())?;
    match verdict {
        Verdict::Expired { reason, .. } => facts.set_item("reason", reason_name(*reason))?,
        Verdict::InsufficientScope { scope } => facts.set_item("scope", scope)?,
        Verdict::StepUp(wanted) => {
            facts.set_item("acr_values", &wanted.acr_values)?;
            facts.set_item("max_age", wanted.max_age)?;
            facts.set_item("claims", &wanted.claims)?;
        }
        Verdict::RateLimited { after } | Verdict::Unavailable { after } => {
            facts.set_item("retry_after", after.map(|after| after.as_secs_f64()))?;
        }
        _ => {}
    }
    Ok(facts)
}

fn reason_name(reason: ExpiredReason) -> &'static str {
    match reason {
        ExpiredReason::Expired => "expired",
        ExpiredReason::Invalid => "invalid",
        ExpiredReason::Revoked => "revoked",
        ExpiredReason::Unknown => "unknown",
    }
}

/// A body as it comes.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Stream {
    response: Arc<Mutex<Option<Response>>>,
    judged: Arc<std::sync::Mutex<Judged>>,
}

/// What was found in the body so far (spec 2.6).
type Judged = (Option<Verdict>, Option<ReplayRefused>);

impl Stream {
    fn of(response: Response) -> Self {
        Self {
            judged: Arc::new(std::sync::Mutex::new(judged(&response))),
            response: Arc::new(Mutex::new(Some(response))),
        }
    }
}

fn judged(response: &Response) -> Judged {
    (response.verdict().cloned(), response.replay_refused())
}

fn closed() -> Problem {
    let what = "the response was closed before its body was read: read it inside of `with`";
    Problem::bare(&Error::new(ErrorKind::Misuse, what))
}

#[pymethods]
impl Stream {
    /// The next piece; `None` at the end.
    #[pyo3(signature = (waiter=None))]
    fn chunk(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let (body, told) = (self.response.clone(), self.judged.clone());
        let work = async move {
            let mut body = body.lock().await;
            let Some(response) = body.as_mut() else { return Err(closed()) };
            let chunk = response.chunk().await.map_err(|error| Problem::bare(&error));
            *lock(&told) = judged(response);
            chunk
        };
        drive(py, waiter, work, |py, chunk: Option<Bytes>| {
            Ok(chunk.map(|chunk| PyBytes::new(py, &chunk)).into_pyobject(py)?.into_any().unbind())
        })
    }

    /// `(verdict, replay_refused)`, by what has been read.
    fn judged(&self, py: Python<'_>) -> PyResult<(Option<Py<PyDict>>, Option<&'static str>)> {
        let (verdict, refused) = lock(&self.judged).clone();
        let verdict = verdict.map(|verdict| facts(py, &verdict)).transpose()?;
        Ok((verdict.map(Bound::unbind), refused.map(ReplayRefused::name)))
    }

    /// Gives the connection up.
    fn close(&self) {
        if let Ok(mut body) = self.response.try_lock() {
            body.take();
        }
    }
}
