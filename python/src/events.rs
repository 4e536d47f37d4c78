//! The events of a session.

use std::sync::Arc;

use pyo3::prelude::*;
use rekindle::Event;

use crate::data;
use crate::run::{Waiter, drive};

/// The events since this object was made.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Events(pub(crate) Arc<rekindle::Events>);

#[pymethods]
impl Events {
    /// Waits for the next event.
    #[pyo3(signature = (waiter=None))]
    fn next(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let events = self.0.clone();
        drive(py, waiter, async move { Ok(events.next().await) }, |py, event| dict(py, &event))
    }

    /// The next event, if there is one.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.0.try_next().map(|event| dict(py, &event)).transpose()
    }
}

/// An event as a dict of plain values.
pub(crate) fn dict(py: Python<'_>, event: &Event) -> PyResult<Py<PyAny>> {
    Ok(data::dict(py, &rekindle_bindings::Event::from(event))?.into_any().unbind())
}
