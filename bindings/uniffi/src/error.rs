//! The one error.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rekindle::{Error, ErrorKind};

use crate::refresh::Thrown;
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

/// Everything that an error says, in one crossing.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ProblemDetails {
    /// `LoginRequired`, `Timeout`, ..: one of `error_kinds`, or `Cancelled`.
    pub kind: String,
    /// What happened and what to do next.
    pub message: String,
    /// More of it, for a log; without secrets too.
    pub debug: String,
    /// Whether trying the same again later may help.
    pub retryable: bool,
    /// The argument that is wrong, by its name in Rust.
    pub argument: Option<String>,
    /// What led to it, and what led to that, in words.
    pub causes: Vec<String>,
    /// The server's own code: `invalid_grant` and the like.
    pub oauth_error: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// When to come back, if somebody said so.
    pub retry_after: Option<Duration>,
    /// The errors of a GraphQL answer.
    pub graphql_errors: Vec<GraphqlProblem>,
    /// Names what a refresh function of the host's threw, where that led to it.
    pub cause: Option<u64>,
}

/// One error of a GraphQL answer; what looks like a token is hidden.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct GraphqlProblem {
    /// Its text.
    pub message: String,
    /// `extensions.code`, or the like.
    pub code: Option<String>,
    /// Where in the data, joined by dots.
    pub path: Option<String>,
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

    /// Everything that it says.
    #[must_use]
    pub fn details(&self) -> ProblemDetails {
        ProblemDetails::clone(&self.details)
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
        let graphql = error.graphql_errors().iter();
        let details = ProblemDetails {
            kind: error.kind().name().to_owned(),
            message: error.message().to_owned(),
            debug: format!("{error:?}"),
            retryable: error.is_retryable(),
            argument: error.argument().map(str::to_owned),
            causes: error.causes(),
            oauth_error: error.oauth_error().map(str::to_owned),
            status: error.status(),
            retry_after: error.retry_after(),
            graphql_errors: graphql.map(GraphqlProblem::from).collect(),
            cause: error
                .failure()
                .cause
                .as_ref()
                .and_then(|cause| Some(cause.error().downcast_ref::<Thrown>()?.0)),
        };
        Self { details: Box::new(details), response: None }
    }
}

impl From<&rekindle::error::GraphqlError> for GraphqlProblem {
    fn from(error: &rekindle::error::GraphqlError) -> Self {
        Self { message: error.message.clone(), code: error.code.clone(), path: error.path.clone() }
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
