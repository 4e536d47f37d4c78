//! The one error.

use std::fmt;
use std::sync::Arc;

use rekindle::{Error, ErrorKind};

use crate::records::{ProblemDetails, Spelling};
use crate::response::Response;

/// The kind of a call that was cancelled; it is none of core's, since nothing went wrong.
const CANCELLED: &str = "Cancelled";

/// What went wrong. Its texts say what to do next and never hold a token.
#[derive(uniffi::Object)]
#[uniffi::export(Debug, Display)]
pub struct RekindleError {
    // Boxed: most results are no errors, and each makes room for one.
    details: Box<ProblemDetails>,
    response: Option<Arc<Response>>,
}

/// The names of all kinds of errors, the same in every language; `Cancelled` is not among them.
#[uniffi::export]
#[must_use]
pub fn error_kinds() -> Vec<String> {
    ErrorKind::ALL.iter().map(|kind| kind.name().to_owned()).collect()
}

#[uniffi::export]
impl RekindleError {
    /// One of `error_kinds`, or `Cancelled`.
    #[must_use]
    pub fn kind(&self) -> String {
        self.details.kind.clone()
    }

    /// Everything that it says, with the names of settings as the host's language spells them.
    #[must_use]
    pub fn details(&self, spelling: Spelling) -> ProblemDetails {
        ProblemDetails::clone(&self.details).spelled(spelling.into())
    }

    /// The response that it is about, its body read.
    #[must_use]
    pub fn response(&self) -> Option<Arc<Response>> {
        self.response.clone()
    }
}

impl RekindleError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::bare(&Error::new(kind, message))
    }

    /// An argument makes no sense.
    pub(crate) fn config(argument: &str, problem: impl fmt::Display) -> Self {
        Self::bare(&Error::config(argument, problem))
    }

    pub(crate) fn cancelled() -> Self {
        let mut error = Self::new(ErrorKind::Misuse, "the call was cancelled");
        error.details.kind = CANCELLED.to_owned();
        error.details.debug = CANCELLED.to_owned();
        error
    }

    /// With its response, if it carries one. Where that is still to be read: on the runtime.
    pub(crate) async fn of(error: Error) -> Self {
        let mut told = Self::bare(&error);
        if let Some(carried) = error.into_response() {
            let response = Response::new(carried.into());
            // What it says is more than what cannot be read of it.
            let _ = response.read_whole().await;
            told.response = Some(Arc::new(response));
        }
        told
    }

    pub(crate) fn with_response(error: &Error, response: Arc<Response>) -> Self {
        Self { response: Some(response), ..Self::bare(error) }
    }

    fn bare(error: &Error) -> Self {
        let details = ProblemDetails::from(error);
        Self { details: Box::new(details), response: None }
    }
}

impl From<Error> for RekindleError {
    /// For what carries no response.
    fn from(error: Error) -> Self {
        Self::bare(&error)
    }
}

impl fmt::Display for RekindleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.details.kind, self.details.message)
    }
}

impl fmt::Debug for RekindleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details.debug)
    }
}

impl std::error::Error for RekindleError {}
