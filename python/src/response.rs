//! Responses, read completely or as a stream.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use rekindle::{Error, ReplayRefused, Response};
use rekindle_bindings::{ResponseHead, Verdict};
use tokio::sync::Mutex;

use crate::data;

mod reading;

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

/// A streamed body.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Stream {
    response: Arc<Mutex<Option<Response>>>,
    judged: Arc<std::sync::Mutex<Judged>>,
}

/// The judgement from what has been read of the body (spec 2.6).
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
