//! Errors, with the same names in every language (spec 10.3).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The refresh token is no longer valid: the user must sign in again.
    LoginRequired,
    /// The session was signed out, or another lineage is signed in.
    SignedOut,
    /// A refresh failed; try again later.
    RefreshFailed,
    /// There were too many refreshes that token expiry does not explain.
    RefreshLimited,
    /// The server rate-limits requests; try again later.
    RateLimited,
    /// A wait timed out.
    Timeout,
    /// The connection could not be established, or it broke.
    Connection,
    /// The store cannot be read or written at the moment.
    StoreUnavailable,
    /// Something in the configuration or an argument is wrong.
    InvalidConfig,
    /// The authorization server does not accept this client.
    ClientRejected,
    /// A response body could not be parsed.
    InvalidResponse,
    /// `raise_for_status` on an HTTP error.
    HttpStatus,
    /// A GraphQL response contains errors.
    GraphQL,
    /// Too many redirects.
    TooManyRedirects,
    /// The call is not valid in this state: re-entrancy, a closed client.
    Misuse,
    /// The system lacks a resource: threads, randomness, file descriptors.
    System,
}

impl ErrorKind {
    /// Every kind, in the order of the spec. A check compares this list with every binding's.
    pub const ALL: [Self; 16] = [
        Self::LoginRequired,
        Self::SignedOut,
        Self::RefreshFailed,
        Self::RefreshLimited,
        Self::RateLimited,
        Self::Timeout,
        Self::Connection,
        Self::StoreUnavailable,
        Self::InvalidConfig,
        Self::ClientRejected,
        Self::InvalidResponse,
        Self::HttpStatus,
        Self::GraphQL,
        Self::TooManyRedirects,
        Self::Misuse,
        Self::System,
    ];

    /// The name of the kind, the same in every language.
    ///
    /// ```
    /// use rekindle_proto::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::LoginRequired.name(), "LoginRequired");
    /// assert_eq!(ErrorKind::GraphQL.to_string(), "GraphQL");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LoginRequired => "LoginRequired",
            Self::SignedOut => "SignedOut",
            Self::RefreshFailed => "RefreshFailed",
            Self::RefreshLimited => "RefreshLimited",
            Self::RateLimited => "RateLimited",
            Self::Timeout => "Timeout",
            Self::Connection => "Connection",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::InvalidConfig => "InvalidConfig",
            Self::ClientRejected => "ClientRejected",
            Self::InvalidResponse => "InvalidResponse",
            Self::HttpStatus => "HttpStatus",
            Self::GraphQL => "GraphQL",
            Self::TooManyRedirects => "TooManyRedirects",
            Self::Misuse => "Misuse",
            Self::System => "System",
        }
    }

    /// Whether the same call may succeed later without user action.
    ///
    /// ```
    /// use rekindle_proto::ErrorKind;
    ///
    /// assert!(ErrorKind::StoreUnavailable.retryable());
    /// assert!(!ErrorKind::LoginRequired.retryable());
    /// ```
    #[must_use]
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Self::RefreshFailed
                | Self::RefreshLimited
                | Self::RateLimited
                | Self::Timeout
                | Self::Connection
                | Self::StoreUnavailable
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure that all waiters of a flight share: cheap to clone, contains no secrets.
///
/// The message says what happened and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of the failure.
    pub kind: ErrorKind,
    /// What happened, and what to do next.
    pub message: String,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The OAuth error code, if the token endpoint gave one.
    pub oauth_error: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The Rust name of the invalid setting; the message usually begins with it. For list items: `origins[1]`.
    pub argument: Option<String>,
    /// The error that a user's function raised, if it caused the failure.
    pub cause: Option<Cause>,
}

/// A foreign error that caused a failure. Its text may contain secrets: only its name is shown.
#[derive(Clone)]
pub struct Cause(Arc<(String, Box<dyn std::error::Error + Send + Sync>)>);

impl Cause {
    /// Wraps an error under the name to display.
    ///
    /// ```
    /// use rekindle_proto::Cause;
    /// let cause = Cause::new("KeyError", "a text with a secret");
    /// assert_eq!(format!("{cause:?}"), "KeyError");
    /// assert_eq!(cause.error().to_string(), "a text with a secret");
    /// ```
    pub fn new(name: impl Into<String>, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Arc::new((name.into(), error.into())))
    }

    /// Returns the name of the error's type.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Cause::new("KeyError", "x").name(), "KeyError");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// Returns the error itself. Its text may contain secrets.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Cause::new("KeyError", "x").error().to_string(), "x");
    /// ```
    #[must_use]
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0.1
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Identity, not only equality.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cause {}

impl Failure {
    /// Creates a failure that has only a message.
    ///
    /// ```
    /// use rekindle_proto::{ErrorKind, Failure};
    ///
    /// let failure = Failure::new(ErrorKind::RefreshFailed, "no answer, try later");
    /// assert_eq!(failure.to_string(), "RefreshFailed: no answer, try later");
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            oauth_error: None,
            status: None,
            argument: None,
            cause: None,
        }
    }

    /// Creates an InvalidConfig failure for a setting: `problem` follows its name in the message.
    ///
    /// ```
    /// use rekindle_proto::Failure;
    ///
    /// let failure = Failure::config("token_url", ": not a URL");
    /// assert_eq!(failure.argument.as_deref(), Some("token_url"));
    /// assert_eq!(failure.to_string(), "InvalidConfig: token_url: not a URL");
    /// ```
    pub fn config(argument: &str, problem: impl fmt::Display) -> Self {
        let message = format!("{argument}{problem}");
        Self { argument: Some(argument.to_owned()), ..Self::new(ErrorKind::InvalidConfig, message) }
    }

    /// The failure with another name for the setting; unchanged if it names none.
    ///
    /// ```
    /// use rekindle_proto::Failure;
    ///
    /// let failure = Failure::config("proxy", ": not a URL").renamed("proxies");
    /// assert_eq!(failure.argument.as_deref(), Some("proxies"));
    /// assert_eq!(failure.message, "proxies: not a URL");
    /// ```
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        let Some(argument) = &self.argument else { return self };
        if let Some(problem) = self.message.strip_prefix(argument) {
            self.message = format!("{name}{problem}");
        }
        Self { argument: Some(name.to_owned()), ..self }
    }

    /// Returns the message without the leading name of the setting.
    ///
    /// ```
    /// use rekindle_proto::Failure;
    ///
    /// assert_eq!(Failure::config("proxy", ": not a URL").problem(), "not a URL");
    /// ```
    #[must_use]
    pub fn problem(&self) -> &str {
        let name = self.argument.as_deref().unwrap_or_default();
        self.message.strip_prefix(name).unwrap_or(&self.message).trim_start_matches([':', ' '])
    }

    /// Sets how long to wait before trying again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::{ErrorKind, Failure};
    ///
    /// let failure = Failure::new(ErrorKind::RateLimited, "come back later").after(Duration::from_secs(30));
    /// assert_eq!(failure.retry_after, Some(Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}
