//! What a session tells.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::proto::Event;
use rekindle::proto::event::EventKind;

use crate::run::{Waiter, drive};

/// The events from its making on.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Events(pub(crate) Arc<rekindle::Events>);

#[pymethods]
impl Events {
    /// Waits for the next one.
    #[pyo3(signature = (waiter=None))]
    fn next(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let events = self.0.clone();
        drive(py, waiter, async move { Ok(events.next().await) }, |py, event| dict(py, &event))
    }

    /// The next one, if there is one.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.0.try_next().map(|event| dict(py, &event)).transpose()
    }
}

/// An event as a dict of plain values.
pub(crate) fn dict(py: Python<'_>, event: &Event) -> PyResult<Py<PyAny>> {
    let facts = PyDict::new(py);
    facts.set_item("name", event.kind.name())?;
    facts.set_item("lineage", &event.lineage)?;
    facts.set_item("generation", event.generation)?;
    match &event.kind {
        EventKind::RefreshStarted { cause } => facts.set_item("cause", cause.name())?,
        EventKind::RefreshSucceeded { waiters, duration, persisted } => {
            facts.set_item("waiters", waiters)?;
            facts.set_item("duration", duration.as_secs_f64())?;
            facts.set_item("persisted", persisted)?;
        }
        EventKind::RefreshFailed { kind, retry_after } => {
            facts.set_item("kind", kind.name())?;
            facts.set_item("retry_after", retry_after.map(|after| after.as_secs_f64()))?;
        }
        EventKind::LoginRequired { reason } => facts.set_item("reason", reason.name())?,
        EventKind::Warned(warning) => facts.set_item("warning", warning.name())?,
        _ => {}
    }
    Ok(facts.into_any().unbind())
}
