//! Classifies failures, and whether anything was sent.

use std::error::Error as StdError;

use url::Url;

use super::{BoxError, Sent, TransportError};

/// The stage at which a request failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Building the request.
    Asking,
    Connecting,
    Sending,
}

/// The stage of the failure shows whether anything was sent. The URL is removed, because its query may contain
/// secrets.
pub(super) fn broke_off(url: Option<&Url>, at: At, cause: BoxError) -> TransportError {
    let place = url.map(place).unwrap_or_default();
    let sent = if at == At::Sending && !never_left(&*cause) { Sent::Maybe } else { Sent::No };
    let what = match sent {
        _ if at == At::Asking => "cannot be asked",
        Sent::No => "could not be reached",
        Sent::Maybe => "broke off",
    };
    if let Some(reason) = gone_away(&*cause) {
        // The server's text may repeat our token, and the cause would show it.
        let message = format!("{place}{what}: the server ended the HTTP/2 connection ({reason:?})");
        return TransportError::new(sent, message);
    }
    TransportError::new(sent, format!("{place}{what}: {}", root(&*cause))).with_source(cause)
}

pub(super) fn of_the_parent() -> TransportError {
    let message =
        "this response was begun before the fork, and its connection is the parent's: send it again";
    TransportError::new(Sent::Maybe, message)
}

pub(super) fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port} ", url.scheme(), url.host_str().unwrap_or_default())
}

/// The server or our own queue returned the request unprocessed: a stale pooled connection, an HTTP/2 connection that
/// is shutting down, a refused stream (RFC 9113 section 8.7).
fn never_left(cause: &(dyn StdError + 'static)) -> bool {
    causes(cause).any(|cause| {
        cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
            || cause.downcast_ref::<h2::Error>().is_some_and(refused)
    })
}

/// Why the server ended an HTTP/2 connection, if that is the cause.
fn gone_away(cause: &(dyn StdError + 'static)) -> Option<h2::Reason> {
    let ended = causes(cause).filter_map(|cause| cause.downcast_ref::<h2::Error>());
    ended.filter(|cause| cause.is_go_away() && cause.is_remote()).find_map(h2::Error::reason)
}

fn refused(cause: &h2::Error) -> bool {
    let graceful = cause.is_go_away() && cause.reason() == Some(h2::Reason::NO_ERROR);
    let refused = cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM);
    cause.is_remote() && (graceful || refused)
}

fn root(cause: &(dyn StdError + 'static)) -> String {
    causes(cause).last().map_or_else(|| cause.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn deeper<'a>(cause: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        (*cause).source()
    }
    std::iter::successors(Some(error), deeper)
}
