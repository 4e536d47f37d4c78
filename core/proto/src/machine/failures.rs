//! The failures for callers that get no token: one function for each failure that several parts return.

use std::time::Duration;

use super::binding::Binding;
use super::record::DeadMark;
use crate::error::{ErrorKind, Failure};
use crate::store::Unavailable;
use crate::verdict::DeadReason;

pub(super) fn login_required(reason: DeadReason) -> Failure {
    let why = match reason {
        DeadReason::NoRefreshToken => "the access token expired and there is no refresh token",
        DeadReason::AnswerLost => {
            "the response to a refresh was lost, and the server no longer accepts the old refresh token"
        }
        DeadReason::ReuseDetected => "the server saw the refresh token used twice and ended the session",
        DeadReason::Expired => "the refresh token expired",
        DeadReason::Revoked => "the refresh token was revoked",
        DeadReason::StepUp => "the server asks for a stronger sign-in",
        DeadReason::Rejected => "the server rejected the refresh token",
        DeadReason::RefreshFunction => "the refresh function says that its refresh token is dead",
    };
    Failure::new(ErrorKind::LoginRequired, format!("{why}: let the user sign in, then call sign_in"))
}

/// The failure that a stored Dead mark means.
pub(super) fn dead(mark: &DeadMark) -> Failure {
    let mut failure = login_required(mark.reason);
    failure.oauth_error.clone_from(&mark.oauth_error);
    failure
}

pub(super) fn never_signed_in() -> Failure {
    Failure::new(
        ErrorKind::LoginRequired,
        "there is no credential yet: let the user sign in, then call sign_in (or give one when you create the session)",
    )
}

pub(super) fn limited(wait: Duration) -> Failure {
    Failure::new(
        ErrorKind::RefreshLimited,
        "5 refreshes in 30 s brought a new token although none had expired: the API keeps rejecting fresh tokens, \
         or the program keeps asking for new ones; check the API's audience and clock, then try again",
    )
    .after(wait)
}

pub(super) fn the_parents() -> Failure {
    Failure::new(
        ErrorKind::Misuse,
        "this process was forked, and the session is kept in memory: parent and child would both send its \
         refresh token; give the session a file store (FileStore), which they share, or sign in again in the child",
    )
}

pub(super) fn unsaved() -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        "the last credential could not be saved yet, so its refresh token is not sent: fix the store; saving will be retried",
    )
}

/// The part of a lineage's id that is enough to distinguish two.
pub(super) fn tag(lineage: &str) -> String {
    lineage.chars().take(8).collect()
}

pub(super) fn signed_out() -> Failure {
    Failure::new(
        ErrorKind::SignedOut,
        "this session was signed out, or signed in again elsewhere; try again to use the current credential, or sign in",
    )
}

pub(super) fn store_unavailable(unavailable: &Unavailable) -> Failure {
    Failure::new(
        ErrorKind::StoreUnavailable,
        format!("the credential store is unavailable ({unavailable}); no refresh token was sent, try again"),
    )
}

pub(super) fn misconfigured(stored: &Binding, configured: &Binding) -> Failure {
    Failure::new(
        ErrorKind::InvalidConfig,
        format!(
            "the stored credential belongs to {}, but this session is configured for {}: \
             correct the configuration, use another store, rebind the session (`rekindle rebind`), or sign in \
             again",
            stored.describe(),
            configured.describe()
        ),
    )
}
