//! Errors in a session's settings that its dialect detects.

use crate::error::{ErrorKind, Failure};

/// `what` follows the dialect's name in the message.
pub(super) fn config(dialect: &str, what: &str) -> Failure {
    Failure::new(ErrorKind::InvalidConfig, format!("dialect {dialect} {what}"))
}

pub(super) fn missing(dialect: &str, name: &str) -> Failure {
    config(dialect, &format!("needs the variable `{name}`; set it in the session's variables"))
}
