//! An error as plain data.

use std::fmt;
use std::time::Duration;

use rekindle::{Cause, Error, ErrorResponse};
use serde::Serialize;

use crate::spelling::Spelling;
use crate::time::millis;
use crate::verdict::Verdict;

/// All data of an error except its response.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProblemDetails {
    /// `LoginRequired`, `Timeout`, ..: the same names in every language.
    pub kind: String,
    /// What happened and what to do next.
    pub message: String,
    /// More details for a log, also without secrets.
    #[serde(skip)]
    pub debug: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The invalid argument, as the language spells it.
    pub argument: Option<String>,
    /// The texts of the causes, the immediate cause first.
    pub causes: Vec<String>,
    /// The server's error code, such as `invalid_grant`.
    pub oauth_error: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// How long to wait before another try, if known.
    #[serde(rename = "retry_after_ms", serialize_with = "millis::serialize")]
    pub retry_after: Option<Duration>,
    /// The errors of a GraphQL response.
    pub graphql_errors: Vec<GraphqlProblem>,
    /// The number of the exception of a host's function that led to the error: see [`Thrown`].
    pub cause: Option<u64>,
}

/// One error of a GraphQL response; text that looks like a token is redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphqlProblem {
    /// The message.
    pub message: String,
    /// `extensions.code` or a similar field.
    pub code: Option<String>,
    /// The path of the field in the data, joined by dots.
    pub path: Option<String>,
}

/// The response that led to an error. Debug shows none of it because any part may contain tokens.
#[derive(Clone, Serialize)]
pub struct ResponseData {
    /// The status.
    pub status: u16,
    /// The URL that it came from.
    pub url: String,
    /// The headers, as pairs of name and value.
    pub headers: Vec<(String, String)>,
    /// The part of the body that was read.
    pub body: String,
    /// What the response says about the session's token.
    pub verdict: Option<Verdict>,
    /// Why the request was not sent again although its token was rejected.
    pub replay_refused: Option<String>,
}

/// An exception of a host's function, as a number that the host assigned: the host looks it up when an error has the
/// number.
#[derive(Debug)]
pub struct Thrown(pub u64);

impl ProblemDetails {
    /// The same error with the names of settings in a language's spelling.
    ///
    /// ```
    /// use rekindle_bindings::{ProblemDetails, Spelling};
    ///
    /// let error = rekindle::Session::builder("oauth2").token_url("nonsense").build().unwrap_err();
    /// let told = ProblemDetails::from(&error).spelled(Spelling::Camel);
    /// assert_eq!(told.argument.as_deref(), Some("tokenUrl"));
    /// assert!(told.message.starts_with("tokenUrl"), "{}", told.message);
    /// ```
    #[must_use]
    pub fn spelled(mut self, spelling: Spelling) -> Self {
        let argument = self.argument.as_deref().map(|name| (name, spelling.of(name)));
        // Most messages begin with the name.
        let begun = argument.as_ref().and_then(|(name, own)| Some((own, self.message.strip_prefix(name)?)));
        self.message = match begun {
            Some((own, problem)) => own.clone() + &spelling.message(problem),
            None => spelling.message(&self.message),
        };
        self.argument = argument.map(|(_, own)| own);
        self
    }
}

impl From<&Error> for ProblemDetails {
    fn from(error: &Error) -> Self {
        let graphql = error.graphql_errors().iter();
        let cause = error.failure().cause.as_ref();
        Self {
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
            cause: cause.and_then(|cause| Some(cause.error().downcast_ref::<Thrown>()?.0)),
        }
    }
}

impl From<&rekindle::error::GraphqlError> for GraphqlProblem {
    fn from(error: &rekindle::error::GraphqlError) -> Self {
        Self { message: error.message.clone(), code: error.code.clone(), path: error.path.clone() }
    }
}

impl From<&ErrorResponse> for ResponseData {
    fn from(response: &ErrorResponse) -> Self {
        Self {
            status: response.status.as_u16(),
            url: response.url.to_string(),
            headers: crate::call::headers(&response.headers),
            body: response.text(),
            verdict: response.verdict.as_ref().map(Verdict::from),
            replay_refused: response.replay_refused.map(|reason| reason.name().to_owned()),
        }
    }
}

impl fmt::Debug for ResponseData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseData").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Thrown {
    /// Makes the exception the cause of a failed refresh.
    #[must_use]
    pub fn cause(number: u64) -> Cause {
        Cause::new("an error of the host's", Self(number))
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of the refresh function")
    }
}

impl std::error::Error for Thrown {}
