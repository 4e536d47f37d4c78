//! The input and output types of a dialect.

use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::{Position, Url};

use crate::credential::Secret;
use crate::time::Wall;

/// The client's identity and endpoints (spec 5.5, 7.5).
#[derive(Clone, Debug, Default)]
pub struct ClientIdentity {
    /// The token endpoint. `None` = the dialect's own URL.
    pub token_url: Option<Url>,
    /// The revocation endpoint named by the server, if the dialect has none.
    pub revocation_url: Option<Url>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `client_secret`.
    pub client_secret: Option<Secret>,
    /// A signed assertion for this one request, if the dialect uses `private_key_jwt` (RFC 7523).
    pub client_assertion: Option<Secret>,
    /// Values for the dialect's URL templates (`tenant`, `instance`, ...).
    pub variables: BTreeMap<String, String>,
}

/// A request to a token endpoint, ready to be sent over a fresh connection without redirects (spec 5.6).
#[derive(Clone)]
pub struct TokenRequest {
    /// Its method.
    pub method: Method,
    /// Its URL.
    pub url: Url,
    /// The headers; those that contain secrets are marked sensitive.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Secret,
    /// Whether to send the host's cookies for that server (spec 5.21).
    pub with_cookies: bool,
}

/// Without the query, which may hold tokens (spec 5.23).
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("method", &self.method)
            .field("url", &&self.url[..Position::AfterPath])
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// A token endpoint's response.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The whole body, at most 1 MiB.
    pub body: &'a [u8],
    /// The wall clock when the request was sent.
    pub sent_at: Wall,
    /// The wall clock when the response head arrived.
    pub received_at: Wall,
}

/// Only the status and the size are shown: the body contains tokens.
impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a response does not count yet (spec 5.15, 5.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskAgain {
    /// The server lacks a field of the document, and executed nothing: repeat with the other document.
    WithFallback,
    /// The server sends the same response for other errors: repeat the request once.
    ToConfirm,
}

/// The header that carries a token in an API request.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The header.
    pub name: HeaderName,
    /// Its value, marked sensitive.
    pub value: HeaderValue,
}
