//! What a server answered, read whole or as it comes.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use rekindle::{Error, ErrorKind, ReplayRefused, Response};
use rekindle_bindings::{ResponseHead, Verdict};
use tokio::sync::Mutex;

use crate::data;
use crate::errors::Problem;
use crate::run::{Waiter, drive, lock};

/// A response as plain values.
pub(crate) struct Raw {
    head: ResponseHead,
    body: Body,
}

enum Body {
    Whole(Bytes),
    Stream(Box<Response>),
}

impl Raw {
    pub(crate) async fn read(response: Response) -> Result<Self, Error> {
        let head = ResponseHead::from(&response);
        Ok(Self { head, body: Body::Whole(response.bytes().await?) })
    }

    pub(crate) fn stream(response: Response) -> Self {
        Self { head: ResponseHead::from(&response), body: Body::Stream(Box::new(response)) }
    }

    /// `(status, url, version, headers, history, elapsed, verdict, replay_refused, body)`.
    pub(crate) fn tuple(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let ResponseHead { status, url, version, headers, history, elapsed, verdict, replay_refused } =
            self.head;
        let body = match self.body {
            Body::Whole(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
            Body::Stream(response) => Py::new(py, Stream::of(*response))?.into_any(),
        };
        let headers = PyList::new(py, headers)?;
        let verdict = verdict.map(|verdict| data::dict(py, &verdict)).transpose()?;
        let elapsed = elapsed.as_secs_f64();
        let parts = (status, url, version, headers, history, elapsed, verdict, replay_refused, body);
        Ok(parts.into_pyobject(py)?.into_any().unbind())
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
    (response.verdict().map(Verdict::from), response.replay_refused())
}

fn closed() -> Problem {
    let what = "the response was closed before its body was read: read it inside the `with` block";
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
        let verdict = verdict.map(|verdict| data::dict(py, &verdict)).transpose()?;
        Ok((verdict.map(Bound::unbind), refused.map(ReplayRefused::name)))
    }

    /// Gives the connection up.
    fn close(&self) {
        if let Ok(mut body) = self.response.try_lock() {
            body.take();
        }
    }
}
