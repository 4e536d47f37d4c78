//! The counters of sessions and apps with labels.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use rekindle_bindings::Counted;

use crate::app::App;
use crate::errors::raised;
use crate::session::Session;

/// A session or an app.
#[derive(FromPyObject)]
pub(crate) enum Source<'py> {
    Session(PyRef<'py, Session>),
    App(PyRef<'py, App>),
}

impl Source<'_> {
    fn counted(&self, app: String) -> Counted {
        let (dialect, stats) = match self {
            Self::Session(session) => (session.inner.dialect(), session.inner.stats()),
            Self::App(app) => (app.inner.dialect(), app.inner.stats()),
        };
        Counted { app, dialect: dialect.name().to_owned(), stats }
    }
}

/// The counters of all of them in the Prometheus text format; each is paired with its label `app`.
#[pyfunction]
pub(crate) fn metrics_text(
    py: Python<'_>,
    counted: Vec<(String, Source<'_>)>,
    labels: BTreeMap<String, String>,
) -> PyResult<String> {
    let counted: Vec<_> = counted.into_iter().map(|(app, source)| source.counted(app)).collect();
    raised(py, rekindle_bindings::metrics_text(&counted, &labels))
}
