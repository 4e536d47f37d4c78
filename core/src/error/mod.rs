//! The error type of the crate (spec 10.3).

mod graphql;
mod response;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use rekindle_proto::{ErrorKind, Failure};
use url::Url;

pub use self::graphql::GraphqlError;
pub(crate) use self::graphql::GraphqlErrors;
pub(crate) use self::response::place;
pub use self::response::{ErrorResponse, Redirected};

/// The cause of an error.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// An error: a kind, a message that says what to do next, and the cause.
///
/// Neither Display nor Debug shows a token, a header, a query string or a body.
///
/// ```
/// use rekindle::{Error, ErrorKind, Failure};
///
/// let error = Error::from(Failure::new(ErrorKind::LoginRequired, "the refresh token is dead, sign in again"));
/// assert!(error.is_login_required());
/// assert!(!error.is_retryable());
/// assert_eq!(error.to_string(), "LoginRequired: the refresh token is dead, sign in again");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    source: Option<BoxError>,
    response: Option<ErrorResponse>,
    graphql: Vec<GraphqlError>,
}

impl Error {
    /// An error with only a kind and a message.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Misuse, "the client has been shut down, make a new one");
    /// assert_eq!(error.kind(), ErrorKind::Misuse);
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Failure::new(kind, message).into()
    }

    /// The kind.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Timeout, "the deadline passed while connecting; try again later");
    /// match error.kind() {
    ///     ErrorKind::LoginRequired => println!("sign in again"),
    ///     kind if kind.retryable() => println!("try again: {error}"),
    ///     _ => println!("{error}"),
    /// }
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind
    }

    /// What happened, and what to do next.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::InvalidConfig, "lease must be at least 1.5 times send_timeout");
    /// assert_eq!(error.message(), "lease must be at least 1.5 times send_timeout");
    /// assert_eq!(error.to_string(), format!("InvalidConfig: {}", error.message()));
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.failure.message
    }

    /// Whether the user must sign in again.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::LoginRequired, "the refresh token is dead, sign in again");
    /// assert!(error.is_login_required());
    /// assert!(!Error::new(ErrorKind::RefreshFailed, "no answer, try later").is_login_required());
    /// ```
    #[must_use]
    pub fn is_login_required(&self) -> bool {
        self.kind() == ErrorKind::LoginRequired
    }

    /// Whether the session was signed out, or another sign-in replaced it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// session.sign_out().await?;
    /// assert!(session.token().await.unwrap_err().is_signed_out());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_signed_out(&self) -> bool {
        self.kind() == ErrorKind::SignedOut
    }

    /// Whether a deadline passed.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Timeout, "the deadline passed while reading the body");
    /// assert!(error.is_timeout() && error.is_retryable());
    /// ```
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Whether the same call may succeed later without any change.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind};
    ///
    /// assert!(Error::new(ErrorKind::Connection, "no route to the host").is_retryable());
    /// assert!(!Error::new(ErrorKind::InvalidConfig, "token_url is not a URL").is_retryable());
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind().retryable()
    }

    /// The invalid setting or argument, if there is one.
    ///
    /// ```
    /// let error = rekindle::Session::builder("oauth2").token_url("nonsense").build().unwrap_err();
    /// assert_eq!(error.argument(), Some("token_url"));
    /// ```
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.0.failure.argument.as_deref()
    }

    /// The same error, if the caller knows the setting by another name.
    ///
    /// ```
    /// let error = rekindle::Session::builder("oauth2").token_url("nonsense").build().unwrap_err();
    /// let error = error.renamed("endpoint");
    /// assert_eq!(error.argument(), Some("endpoint"));
    /// assert!(error.message().starts_with("endpoint"));
    /// ```
    #[must_use]
    pub fn renamed(mut self, argument: &str) -> Self {
        let failure = std::mem::replace(&mut self.0.failure, Failure::new(ErrorKind::Misuse, ""));
        self.0.failure = failure.renamed(argument);
        self
    }

    /// The OAuth error code, if the token endpoint gave one.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind, Failure};
    ///
    /// let failure = Failure::new(ErrorKind::ClientRejected, "the server does not know this client");
    /// let error = Error::from(Failure { oauth_error: Some("invalid_client".into()), ..failure });
    /// assert_eq!(error.oauth_error(), Some("invalid_client"));
    /// ```
    #[must_use]
    pub fn oauth_error(&self) -> Option<&str> {
        self.0.failure.oauth_error.as_deref()
    }

    /// The HTTP status that led to this, if there was one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils/7").text(404, "no such pupil"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let error = client.get("/pupils/7").send().await?.error_for_status().unwrap_err();
    /// assert_eq!(error.status(), Some(404));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.failure.status.or_else(|| self.response().map(|response| response.status.as_u16()))
    }

    /// When to try again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::{Error, ErrorKind, Failure};
    ///
    /// let failure = Failure::new(ErrorKind::RateLimited, "too many requests, come back later");
    /// let error = Error::from(failure.after(Duration::from_secs(30)));
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.failure.retry_after
    }

    /// The response that led to this, if there was one: as data, with its body.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils/7").text(404, "no such pupil"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let error = client.get("/pupils/7").send().await?.error_for_status().unwrap_err();
    /// assert_eq!(error.response().unwrap().url.path(), "/pupils/7");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn response(&self) -> Option<&ErrorResponse> {
        self.0.response.as_ref()
    }

    /// The response that led to this, taken out of the error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils/7").text(404, "no such pupil"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let error = client.get("/pupils/7").send().await?.error_for_status().unwrap_err();
    /// let response = error.into_response().unwrap();
    /// assert_eq!(response.text(), "no such pupil");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn into_response(self) -> Option<ErrorResponse> {
        self.0.response
    }

    /// The errors of a GraphQL response; empty unless the kind is `GraphQL`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new();
    /// # let script = script.step(Step::on("POST", "/graphql").json(200, serde_json::json!(
    /// #     { "errors": [{ "message": "no such class", "extensions": { "code": "NOT_FOUND" } }] })));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let answer = client.graphql::<serde_json::Value>("query { class { name } }", ()).await;
    /// let error = answer.unwrap_err();
    /// assert_eq!(error.graphql_errors()[0].message, "no such class");
    /// assert_eq!(error.graphql_errors()[0].code.as_deref(), Some("NOT_FOUND"));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn graphql_errors(&self) -> &[GraphqlError] {
        &self.0.graphql
    }

    /// The chain of causes, as text.
    ///
    /// ```
    /// use rekindle::Error;
    /// use rekindle::transport::{Sent, TransportError};
    ///
    /// let cause = std::io::Error::other("connection reset");
    /// let broke = TransportError::new(Sent::Maybe, "broke").with_source(cause);
    /// assert_eq!(Error::from(broke).causes(), ["broke", "connection reset"]);
    /// ```
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        // The text of what a refresh function raised may hold a token: its name is all that is said of it.
        let mut causes: Vec<String> =
            self.0.failure.cause.iter().map(|cause| cause.name().to_owned()).collect();
        let mut next = self.0.source.as_deref().map(|cause| cause as &(dyn StdError + 'static));
        while let Some(cause) = next.filter(|_| causes.len() < 16) {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }

    /// The failure itself, shared by all callers that waited for the same refresh.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind, Failure};
    ///
    /// let failure = Failure::new(ErrorKind::RefreshFailed, "no answer, try later");
    /// assert_eq!(Error::from(failure.clone()).failure(), &failure);
    /// ```
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// An error for an invalid setting or argument.
    ///
    /// ```
    /// let error = rekindle::Error::config("proxies", "not a URL");
    /// assert_eq!(error.to_string(), "InvalidConfig: proxies: not a URL");
    /// assert_eq!(error.argument(), Some("proxies"));
    /// ```
    pub fn config(argument: &str, problem: impl fmt::Display) -> Self {
        Failure::config(argument, format_args!(": {problem}")).into()
    }

    pub(crate) fn timeout(doing: &str) -> Self {
        let next = "set a longer timeout, or try again later";
        Self::new(ErrorKind::Timeout, format!("the deadline passed while {doing}; {next}"))
    }

    /// The same, of a request: where it went, and how long it was given.
    pub(crate) fn timeout_of(doing: &str, url: &Url, given: Option<Duration>) -> Self {
        let given = given.map_or_else(String::new, |given| format!(" ({} s)", given.as_secs_f64()));
        Self::timeout(&format!("{doing} from {}{given}", place(url)))
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, with the response that caused it.
    ///
    /// ```
    /// use rekindle::{Error, ErrorKind, ErrorResponse};
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let response = ErrorResponse::new(http::StatusCode::NOT_FOUND, url);
    /// let error = Error::new(ErrorKind::HttpStatus, "no such page").with_response(response);
    /// assert_eq!(error.status(), Some(404));
    /// ```
    #[must_use]
    pub fn with_response(mut self, response: ErrorResponse) -> Self {
        self.0.response = Some(response);
        self
    }

    pub(crate) fn with_graphql(mut self, errors: Vec<GraphqlError>) -> Self {
        self.0.graphql = errors;
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.failure.retry_after = after;
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(Inner { failure, source: None, response: None, graphql: Vec::new() }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.failure.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &self.message())
            .field("argument", &self.argument())
            .field("status", &self.status())
            .field("oauth_error", &self.oauth_error())
            .field("retry_after", &self.retry_after())
            .field("source", &self.0.source.as_ref().map(ToString::to_string))
            .field("cause", &self.0.failure.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let own = self.0.source.as_deref().map(|cause| cause as &(dyn StdError + 'static));
        own.or_else(|| self.0.failure.cause.as_ref().map(|cause| cause.error() as _))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_word_wide_and_may_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn every_kind_says_whether_trying_again_helps() {
        for kind in ErrorKind::ALL {
            assert_eq!(Error::new(kind, "x").is_retryable(), kind.retryable());
        }
    }
}
