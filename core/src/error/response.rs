//! The response that led to an error, as plain data.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use rekindle_proto::Verdict;
use rekindle_proto::machine::ReplayRefused;
use url::Url;

/// The response that led to an error (spec 3.5): plain data without a connection. It can be cloned, stored and sent to
/// another thread.
///
/// Debug shows no headers, query or body: they may contain tokens.
///
/// ```
/// use rekindle::error::ErrorResponse;
///
/// let url = "https://api.example.com/pupils?page=2".parse().expect("a URL");
/// let mut response = ErrorResponse::new(http::StatusCode::NOT_FOUND, url);
/// response.set_body("no such page".into());
/// assert_eq!(response.text(), "no such page");
/// assert_eq!(format!("{response:?}"), "ErrorResponse(404 Not Found from https://api.example.com/pupils)");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The final URL, after redirects.
    pub url: Url,
    /// The body, decoded: the part that was read, at most [`ErrorResponse::MAX_BODY`].
    pub body: Bytes,
    /// Whether the body was longer than that.
    pub truncated: bool,
    /// What the response says about our token; `None` if the request did not carry it.
    pub verdict: Option<Verdict>,
    /// Why the request was not sent again although its token was rejected.
    pub replay_refused: Option<ReplayRefused>,
    /// The redirects that led to it, in order.
    pub history: Vec<Redirected>,
    /// The HTTP version.
    pub version: Version,
    /// How long it took, from the call to the head of this response.
    pub elapsed: Duration,
}

/// A redirect that was followed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirected {
    /// The URL that redirected.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
}

impl ErrorResponse {
    /// The maximum size of a stored body: as much as is read to judge a response.
    pub const MAX_BODY: usize = 8 * 1024 * 1024;

    /// A response without headers and body.
    ///
    /// ```
    /// use rekindle::error::ErrorResponse;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// assert!(ErrorResponse::new(http::StatusCode::BAD_GATEWAY, url).body.is_empty());
    /// ```
    #[must_use]
    pub fn new(status: StatusCode, url: Url) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            url,
            body: Bytes::new(),
            truncated: false,
            verdict: None,
            replay_refused: None,
            history: Vec::new(),
            version: Version::default(),
            elapsed: Duration::ZERO,
        }
    }

    /// Stores the body, or the beginning of a long one.
    ///
    /// ```
    /// use rekindle::error::ErrorResponse;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut response = ErrorResponse::new(http::StatusCode::BAD_GATEWAY, url);
    /// response.set_body(vec![b'x'; ErrorResponse::MAX_BODY + 1].into());
    /// assert!(response.truncated);
    /// assert_eq!(response.body.len(), ErrorResponse::MAX_BODY);
    /// ```
    pub fn set_body(&mut self, body: Bytes) {
        self.truncated = body.len() > Self::MAX_BODY;
        // A copy: a slice would keep all of it in memory.
        self.body = if self.truncated { Bytes::copy_from_slice(&body[..Self::MAX_BODY]) } else { body };
    }

    /// The body as text; invalid UTF-8 is replaced.
    ///
    /// ```
    /// use rekindle::error::ErrorResponse;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut response = ErrorResponse::new(http::StatusCode::NOT_FOUND, url);
    /// response.set_body("gone".into());
    /// assert_eq!(response.text(), "gone");
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Parses the body as JSON.
    ///
    /// ```
    /// use rekindle::error::ErrorResponse;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut response = ErrorResponse::new(http::StatusCode::NOT_FOUND, url);
    /// response.set_body(r#"{"error": "gone"}"#.into());
    /// let json: serde_json::Value = response.json().expect("JSON");
    /// assert_eq!(json["error"], "gone");
    /// ```
    ///
    /// # Errors
    ///
    /// The error of serde_json if the body is not JSON of this type.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl fmt::Debug for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorResponse({} from {})", self.status, place(&self.url))
    }
}

impl fmt::Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.status, place(&self.url))
    }
}

/// A URL as errors show it: a query may hold secrets.
pub(crate) fn place(url: &Url) -> &str {
    &url[..url::Position::AfterPath]
}
