//! Reads a streamed body.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rekindle::{Error, ErrorKind, ReplayRefused};

use super::{Stream, judged};
use crate::data;
use crate::errors::Problem;
use crate::lock::lock;
use crate::run::{Waiter, drive};

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

    /// `(verdict, replay_refused)`, from what has been read.
    fn judged(&self, py: Python<'_>) -> PyResult<(Option<Py<PyDict>>, Option<&'static str>)> {
        let (verdict, refused) = lock(&self.judged).clone();
        let verdict = verdict.map(|verdict| data::dict(py, &verdict)).transpose()?;
        Ok((verdict.map(Bound::unbind), refused.map(ReplayRefused::name)))
    }

    /// Closes the connection.
    fn close(&self) {
        if let Ok(mut body) = self.response.try_lock() {
            body.take();
        }
    }
}

fn closed() -> Problem {
    let what = "the response was closed before its body was read: read it inside the `with` block";
    Problem::bare(&Error::new(ErrorKind::Misuse, what))
}
