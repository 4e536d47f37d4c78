//! What a server answered, read whole or as it comes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use rekindle::client::BodyStream;
use rekindle::proto::Verdict;
use rekindle::{Error, Response};
use tokio::sync::Mutex;

use crate::errors::Problem;
use crate::run::{Waiter, drive};

/// A response as plain values.
pub(crate) struct Raw {
    head: Head,
    body: Body,
}

struct Head {
    status: u16,
    url: String,
    version: String,
    headers: Vec<(String, String)>,
    history: Vec<(u16, String)>,
    elapsed: f64,
    verdict: Option<&'static str>,
    replay_refused: Option<&'static str>,
}

enum Body {
    Whole(Bytes),
    Stream(BodyStream),
}

impl Raw {
    pub(crate) async fn read(response: Response) -> Result<Self, Error> {
        let head = Head::of(&response);
        Ok(Self { head, body: Body::Whole(response.bytes().await?) })
    }

    pub(crate) fn stream(response: Response) -> Self {
        Self { head: Head::of(&response), body: Body::Stream(response.into_stream()) }
    }

    /// `(status, url, version, headers, history, elapsed, verdict, replay_refused, body)`.
    pub(crate) fn tuple(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Head { status, url, version, headers, history, elapsed, verdict, replay_refused } = self.head;
        let body = match self.body {
            Body::Whole(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
            Body::Stream(stream) => Py::new(py, Stream(Arc::new(Mutex::new(Some(stream)))))?.into_any(),
        };
        let headers = PyList::new(py, headers)?;
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
            version: format!("{:?}", response.version()),
            headers: headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            history: history.map(|hop| (hop.status.as_u16(), hop.url.to_string())).collect(),
            elapsed: response.elapsed().as_secs_f64(),
            verdict: response.verdict().map(Verdict::name),
            replay_refused: response.replay_refused().map(rekindle::ReplayRefused::name),
        }
    }
}

/// A body as it comes.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Stream(Arc<Mutex<Option<BodyStream>>>);

#[pymethods]
impl Stream {
    /// The next piece; `None` at the end.
    #[pyo3(signature = (waiter=None))]
    fn chunk(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let body = self.0.clone();
        let work = async move {
            let mut body = body.lock().await;
            match body.as_mut() {
                Some(stream) => stream.next().await.transpose().map_err(|error| Problem::bare(&error)),
                None => Ok(None),
            }
        };
        drive(py, waiter, work, |py, chunk: Option<Bytes>| {
            Ok(chunk.map(|chunk| PyBytes::new(py, &chunk)).into_pyobject(py)?.into_any().unbind())
        })
    }

    /// Gives the connection up.
    fn close(&self) {
        if let Ok(mut body) = self.0.try_lock() {
            body.take();
        }
    }
}
