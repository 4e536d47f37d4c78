//! How a command ends: its exit code, and what went wrong.

use std::io;

use rekindle::Failure;
use rekindle::{Error, ErrorKind};
use serde::Serialize;

use crate::time::millis;

/// An HTTP error with `--fail`, or another answer that is none.
pub(crate) const ANSWER: i32 = 1;
/// Usage or configuration.
pub(crate) const USAGE: i32 = 2;
/// A sign-in is needed.
pub(crate) const SIGN_IN: i32 = 3;
/// Network, or try later.
pub(crate) const LATER: i32 = 4;

/// How a command ended.
pub(crate) type Done<T = ()> = Result<T, Stop>;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something went wrong, and is reported.
    Problem(Box<Problem>),
    /// Nobody reads standard output any more (`rekindle request .. | head`): that is fine.
    Unread,
    /// Another command ended so, and has said why itself.
    Exit(i32),
}

/// What went wrong.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) exit_code: i32,
    pub(crate) retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oauth_error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<GraphqlProblem>,
    /// Which profile file was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct GraphqlProblem {
    pub(crate) message: String,
    code: Option<String>,
    path: Option<String>,
}

impl Stop {
    /// The command line asks for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::problem("Usage", message, USAGE)
    }

    /// The profile, the dialect or a credential is wrong.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::problem(ErrorKind::InvalidConfig.name(), message, USAGE)
    }

    /// The demo did not show what it is there to show.
    pub(crate) fn demo(message: impl Into<String>) -> Self {
        Self::problem("DemoFailed", message, ANSWER)
    }

    /// A dialect judges a sample otherwise than expected.
    pub(crate) fn samples(message: impl Into<String>) -> Self {
        Self::problem("SamplesDiffer", message, ANSWER)
    }

    /// The server answered something that cannot be used.
    pub(crate) fn answer(message: impl Into<String>) -> Self {
        Self::problem(ErrorKind::InvalidResponse.name(), message, ANSWER)
    }

    /// The session was ended, but not at the server.
    pub(crate) fn not_revoked(message: impl Into<String>) -> Self {
        Self::problem("NotRevoked", message, ANSWER)
    }

    /// The operating system refuses.
    pub(crate) fn system(what: &str, error: &io::Error) -> Self {
        Self::problem("System", format!("{what} ({error})"), USAGE)
    }

    /// Its message, if it has one.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.message),
            Self::Unread | Self::Exit(_) => None,
        }
    }

    fn problem(kind: &'static str, message: impl Into<String>, exit_code: i32) -> Self {
        Self::Problem(Box::new(Problem {
            kind,
            message: message.into(),
            exit_code,
            retryable: false,
            next: None,
            retry_after_ms: None,
            status: None,
            oauth_error: None,
            errors: Vec::new(),
            config: None,
        }))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let errors = error.graphql_errors().iter().map(|one| GraphqlProblem {
            message: one.message.clone(),
            code: one.code.clone(),
            path: one.path.clone(),
        });
        Self::Problem(Box::new(Problem {
            kind: error.kind().name(),
            message: error.message().to_owned(),
            exit_code: code(error.kind()),
            retryable: error.is_retryable(),
            next: None,
            retry_after_ms: error.retry_after().map(millis),
            status: error.status(),
            oauth_error: error.oauth_error().map(ToOwned::to_owned),
            errors: errors.collect(),
            config: None,
        }))
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Error::from(failure).into()
    }
}

fn code(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::LoginRequired | ErrorKind::SignedOut => SIGN_IN,
        // Somebody must change something first: the call, the client's registration, the machine's limits.
        ErrorKind::InvalidConfig | ErrorKind::ClientRejected | ErrorKind::Misuse | ErrorKind::System => USAGE,
        ErrorKind::HttpStatus
        | ErrorKind::GraphQL
        | ErrorKind::InvalidResponse
        | ErrorKind::TooManyRedirects => ANSWER,
        // RefreshFailed, RefreshLimited, RateLimited, Timeout, Connection, StoreUnavailable.
        _ => LATER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_come_right_by_itself_is_a_four_and_nothing_else_is() {
        for kind in ErrorKind::ALL {
            assert_eq!(code(kind) == LATER, kind.retryable(), "{kind}");
        }
    }
}
