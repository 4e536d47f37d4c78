//! What is wrong with a session's settings, as its dialect sees them.

use crate::error::{ErrorKind, Failure};

/// `what` goes on where the dialect's name ends.
pub(super) fn config(dialect: &str, what: &str) -> Failure {
    Failure::new(ErrorKind::InvalidConfig, format!("dialect {dialect} {what}"))
}

pub(super) fn missing(dialect: &str, name: &str) -> Failure {
    config(dialect, &format!("needs the variable `{name}`; set it in the session's variables"))
}
