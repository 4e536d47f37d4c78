//! Errors become the exceptions of `rekindle._errors`, which are defined in Python.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use rekindle::proto::Cause;
use rekindle::{Error, ErrorKind, Secret};

use crate::response::Raw;
use crate::store::Raised;

/// An error whose response has been read.
pub(crate) struct Problem {
    kind: ErrorKind,
    message: String,
    argument: Option<String>,
    causes: Vec<String>,
    oauth_error: Option<String>,
    status: Option<u16>,
    retry_after: Option<f64>,
    graphql: Vec<(String, Option<String>, Option<String>)>,
    response: Option<Raw>,
    cause: Option<Cause>,
}

impl Problem {
    /// Reads what the error carries, while there is a runtime to read it on.
    pub(crate) async fn of(error: Error) -> Self {
        let mut problem = Self::bare(&error);
        if let Some(response) = error.into_response() {
            problem.response = Raw::read(response.into()).await.ok();
        }
        problem
    }

    pub(crate) fn bare(error: &Error) -> Self {
        let one = |error: &rekindle::error::GraphqlError| {
            (error.message.clone(), error.code.clone(), error.path.clone())
        };
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            argument: error.argument().map(str::to_owned),
            causes: error.causes(),
            oauth_error: error.oauth_error().map(str::to_owned),
            status: error.status(),
            retry_after: error.retry_after().map(|after| after.as_secs_f64()),
            graphql: error.graphql_errors().iter().map(one).collect(),
            response: None,
            cause: error.failure().cause.clone(),
        }
    }

    /// The exception of its kind.
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        self.exception(py).unwrap_or_else(|error| error)
    }

    fn exception(self, py: Python<'_>) -> PyResult<PyErr> {
        let facts = PyDict::new(py);
        facts.set_item("retryable", self.kind.retryable())?;
        facts.set_item("argument", self.argument)?;
        facts.set_item("causes", self.causes)?;
        facts.set_item("oauth_error", self.oauth_error)?;
        facts.set_item("status", self.status)?;
        facts.set_item("retry_after", self.retry_after)?;
        facts.set_item("graphql_errors", self.graphql)?;
        facts.set_item("response", self.response.map(|raw| raw.tuple(py)).transpose()?)?;
        let raised = self.cause.as_ref().and_then(|cause| cause.error().downcast_ref::<Raised>());
        facts.set_item("raised", raised.map(|raised| raised.0.clone_ref(py)))?;
        Ok(PyErr::from_value(make(py)?.call1((self.kind.name(), self.message, facts))?))
    }
}

/// Found once: at the interpreter's end nothing can be imported any more.
pub(crate) fn make(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let import = || Ok(py.import("rekindle._errors")?.getattr("_make")?.unbind());
    MAKE.get_or_try_init(py, import).map(|make| make.bind(py))
}

/// For what goes wrong before anything is under way.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    Problem::bare(error).raise(py)
}

pub(crate) fn os_error(error: std::io::Error) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// A text without what is known to be secret, or looks like it.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "what comes from Python is owned")]
pub(crate) fn redact(text: &str, known: Vec<String>) -> String {
    let known: Vec<Secret> = known.into_iter().map(Secret::from).collect();
    rekindle::proto::redact::text(text, &known.iter().collect::<Vec<_>>())
}
