//! A shortcut for valid tokens, for bindings in which a [`Call`](super::Call) for each request would cost too much.

use std::fmt;

use rekindle_proto::machine::OriginId;
use url::Url;

use super::{Headers, Reads};
use crate::error::Error;
use crate::session::{Session, Token};

/// One of a session's origins. Serves a valid token without parsing a URL, and says which responses need no judging.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rekindle::Error> {
/// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
/// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
/// # session.token().await?;
/// use http::{HeaderMap, Method, StatusCode};
/// use rekindle::call::{Content, Next};
///
/// let url: url::Url = "https://api.example.com/admin".parse().expect("a URL");
/// let target = session.target(&url)?.expect("a listed origin");
/// let token = target.token().expect("a valid one, else `session.call` and `Call::headers`");
/// // .. the request is sent with it, and answered
/// let (status, headers) = (StatusCode::FORBIDDEN, HeaderMap::new());
/// if !target.needs_no_judging(status) || target.watches() {
///     let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none()).sent_with(&token);
///     let Next::Keep(Some(judged)) = call.answered(status, &headers, b"").await? else { unreachable!() };
///     assert_eq!(judged.verdict.name(), "denied");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Target {
    session: Session,
    origin: OriginId,
    /// A response with a status below 400 may say something of the token, or carry a new one.
    judges_success: bool,
}

impl Session {
    /// The origin of this URL; `None` if it is not listed. For an example, see [`Target`].
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// let elsewhere = "https://elsewhere.example/".parse().expect("a URL");
    /// assert!(session.target(&elsewhere)?.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the session lists no origin at all.
    pub fn target(&self, url: &Url) -> Result<Option<Target>, Error> {
        let Some(origin) = self.origin_of(url) else {
            return self.require_origins().map(|()| None);
        };
        let dialect = self.dialect();
        let judges_success = dialect.may_reject_success() || dialect.reads_response_tokens();
        Ok(Some(Target { session: self.clone(), origin, judges_success }))
    }
}

impl Target {
    /// The token for a request to this origin, if it can be served at once and is not bound to a key; otherwise use a
    /// [`Call`](super::Call).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// # let url = "https://api.example.com/".parse().expect("a URL");
    /// let target = session.target(&url)?.expect("a listed origin");
    /// assert!(target.token().is_none()); // the store was not read yet
    /// session.token().await?;
    /// assert!(target.token().is_some());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        if self.session.has_proofs() { None } else { self.session.try_token_of(self.origin) }
    }

    /// The headers to add with that token. They are the same for each send.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// # let url = "https://api.example.com/".parse().expect("a URL");
    /// let target = session.target(&url)?.expect("a listed origin");
    /// let headers = target.headers(&session.token().await?);
    /// assert_eq!(headers.iter().next().unwrap().1, "Bearer at-1");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn headers(&self, token: &Token) -> Headers {
        Headers::new(token, None)
    }

    /// Whether the session needs to see responses that accept the token: true until it knows that this origin accepts
    /// the token (spec 3.6).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// # let url = "https://api.example.com/".parse().expect("a URL");
    /// let target = session.target(&url)?.expect("a listed origin");
    /// session.token().await?;
    /// assert!(target.watches(), "it is not known yet whether this origin accepts the token");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn watches(&self) -> bool {
        self.session.watches(self.origin)
    }

    /// Whether a response with this status neither rejects the token nor renews it, whatever else it contains. If the
    /// session does not watch either, there is nothing to judge.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// # let url = "https://api.example.com/".parse().expect("a URL");
    /// let target = session.target(&url)?.expect("a listed origin");
    /// assert!(target.needs_no_judging(http::StatusCode::OK));
    /// assert!(!target.needs_no_judging(http::StatusCode::UNAUTHORIZED));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn needs_no_judging(&self, status: http::StatusCode) -> bool {
        status.as_u16() < 400 && !self.judges_success
    }

    /// As [`Call::reads`](super::Call::reads).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// # let url = "https://api.example.com/".parse().expect("a URL");
    /// let target = session.target(&url)?.expect("a listed origin");
    /// let reads = target.reads(http::StatusCode::OK, &http::HeaderMap::new());
    /// assert_eq!(reads, rekindle::call::Reads::Nothing);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn reads(&self, status: http::StatusCode, headers: &http::HeaderMap) -> Reads {
        Reads::of(self.session.dialect().errors_with_success_status(), status, headers)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("origin", &self.origin).finish_non_exhaustive()
    }
}
