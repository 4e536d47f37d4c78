//! What can go wrong, with the same names in every language (spec 10.3).

use std::fmt;
use std::time::Duration;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The refresh token is dead: the user must sign in.
    LoginRequired,
    /// The session was signed out, or another lineage is signed in.
    SignedOut,
    /// A refresh did not come through; try later.
    RefreshFailed,
    /// Too many refreshes that the clock does not explain.
    RefreshLimited,
    /// The server asks to come back later.
    RateLimited,
    /// A wait ended.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// The store cannot be read or written now.
    StoreUnavailable,
    /// Something in the configuration or an argument is wrong.
    InvalidConfig,
    /// The authorization server does not accept this client.
    ClientRejected,
    /// A body that does not parse.
    InvalidResponse,
    /// `raise_for_status` on an HTTP error.
    HttpStatus,
    /// Errors in a GraphQL answer.
    GraphQL,
    /// Too many redirects.
    TooManyRedirects,
    /// The call makes no sense here: re-entrancy, a closed client.
    Misuse,
}

impl ErrorKind {
    /// Every kind, in the order of the spec. A check compares this list with every binding's.
    pub const ALL: [Self; 15] = [
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
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
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

/// A failure that every waiter of a flight can share: cheap to clone, never a secret in it.
///
/// The message says what happened and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub kind: ErrorKind,
    /// What happened, and what to do next.
    pub message: String,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// The OAuth error code, if the token endpoint gave one.
    pub oauth_error: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure with nothing but a message.
    ///
    /// ```
    /// use rekindle_proto::{ErrorKind, Failure};
    ///
    /// let failure = Failure::new(ErrorKind::RefreshFailed, "no answer, try later");
    /// assert_eq!(failure.to_string(), "RefreshFailed: no answer, try later");
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, oauth_error: None, status: None }
    }

    /// Says when to come back.
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
