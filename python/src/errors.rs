//! Converts errors to the exceptions of `rekindle._errors`, which are defined in Python.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rekindle::{Cause, Failure};
use rekindle::{Error, ErrorKind, Secret};
use rekindle_bindings::ProblemDetails;

use crate::data;
use crate::raised::Raised;
use crate::response::Raw;

/// An error whose response has been read.
pub(crate) struct Problem {
    details: ProblemDetails,
    response: Option<Raw>,
    cause: Option<Cause>,
}

impl Problem {
    /// Reads the response of the error while there is a runtime to read it on.
    pub(crate) async fn of(error: Error) -> Self {
        let mut problem = Self::bare(&error);
        if let Some(response) = error.into_response() {
            problem.response = Raw::read(response.into()).await.ok();
        }
        problem
    }

    pub(crate) fn bare(error: &Error) -> Self {
        Self { details: error.into(), response: None, cause: error.failure().cause.clone() }
    }

    /// The exception of its kind.
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        self.exception(py).unwrap_or_else(|error| error)
    }

    fn exception(self, py: Python<'_>) -> PyResult<PyErr> {
        let facts = data::dict(py, &self.details)?;
        facts.set_item("response", self.response.map(|raw| raw.tuple(py)).transpose()?)?;
        let raised = self.cause.as_ref().and_then(|cause| cause.error().downcast_ref::<Raised>());
        facts.set_item("cause", raised.map(|raised| raised.0.clone_ref(py)))?;
        Ok(PyErr::from_value(make(py)?.call1((facts,))?))
    }
}

/// Looked up once, because nothing can be imported at the interpreter's end.
pub(crate) fn make(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let import = || Ok(py.import("rekindle._native_errors")?.getattr("make")?.unbind());
    MAKE.get_or_try_init(py, import).map(|make| make.bind(py))
}

/// An exception of a user's function; one of our own exceptions keeps its kind.
pub(crate) fn foreign(py: Python<'_>, error: PyErr, whose: &str) -> Error {
    let value = error.value(py);
    let name = value.get_type().name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let kind = ErrorKind::ALL.into_iter().find(|kind| kind.name() == name);
    // The text of our own exceptions contains no secret.
    let text = kind.map(|_| format!(": {value}")).unwrap_or_default();
    let failure = Failure::new(kind.unwrap_or(ErrorKind::Misuse), format!("{whose} raised {name}{text}"));
    let cause = Some(Cause::new(name, Raised(value.clone().into_any().unbind())));
    Failure { cause, ..failure }.into()
}

/// For errors before any request was started.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    Problem::bare(error).raise(py)
}

/// A result, or the exception of its error.
pub(crate) fn raised<T>(py: Python<'_>, result: Result<T, Error>) -> PyResult<T> {
    result.map_err(|error| raise(py, &error))
}

/// Core uses other names for some settings and arguments.
pub(crate) fn by_our_names(error: Error) -> Error {
    let own = match error.argument() {
        Some("root_certificates") => "verify",
        Some("client_certificate") => "cert",
        Some("proxy") => "proxies",
        Some("path_or_url") => "url",
        Some("query") => "params",
        Some(name) if name.starts_with("header") || name.starts_with("default_header") => "headers",
        _ => return error,
    };
    error.renamed(own)
}

pub(crate) fn os_error(error: std::io::Error) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// Redacts a text: removes known secrets, and what looks like one.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "what comes from Python is owned")]
pub(crate) fn redact(text: &str, known: Vec<String>) -> String {
    let known: Vec<Secret> = known.into_iter().map(Secret::from).collect();
    rekindle_proto::redact::text(text, &known.iter().collect::<Vec<_>>())
}
