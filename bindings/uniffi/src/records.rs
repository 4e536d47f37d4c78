//! The plain data of `rekindle-bindings`, as UniFFI's records: field by field the same, or it does not compile. What may
//! hold a secret is a type of this crate, for UniFFI gives only those a Debug of their own.

use std::fmt;
use std::time::{Duration, SystemTime};

pub use rekindle::Operation;
pub use rekindle_bindings::{
    Applied, Dialect, Event, EventKind, ExpiredReason, GraphqlProblem, Lease, ProblemDetails, Standing,
    Status, Verdict, Waiting,
};

/// Those of the languages that are served here.
#[derive(Clone, Copy, uniffi::Enum)]
pub enum Spelling {
    /// As Rust does.
    Snake,
    /// As Kotlin does.
    Camel,
    /// As Swift does.
    Swift,
}

impl From<Spelling> for rekindle_bindings::Spelling {
    fn from(spelling: Spelling) -> Self {
        match spelling {
            Spelling::Snake => Self::Snake,
            Spelling::Camel => Self::Camel,
            Spelling::Swift => Self::Swift,
        }
    }
}

/// How a server speaks.
#[uniffi::remote(Enum)]
pub enum Dialect {
    /// A preset: `oauth2`, `google`, ..
    Preset {
        /// Its name.
        name: String,
    },
    /// A dialect file.
    File {
        /// Its path.
        path: String,
    },
    /// A dialect file's text.
    Toml {
        /// The text.
        text: String,
    },
}

#[uniffi::remote(Record)]
pub struct ProblemDetails {
    pub kind: String,
    pub message: String,
    pub debug: String,
    pub retryable: bool,
    pub argument: Option<String>,
    pub causes: Vec<String>,
    pub oauth_error: Option<String>,
    pub status: Option<u16>,
    pub retry_after: Option<Duration>,
    pub graphql_errors: Vec<GraphqlProblem>,
    pub cause: Option<u64>,
}

#[uniffi::remote(Record)]
pub struct GraphqlProblem {
    pub message: String,
    pub code: Option<String>,
    pub path: Option<String>,
}

#[uniffi::remote(Record)]
pub struct Event {
    pub name: String,
    pub lineage: String,
    pub generation: u64,
    pub kind: EventKind,
}

#[uniffi::remote(Enum)]
pub enum EventKind {
    SignedIn,
    RefreshStarted { cause: String },
    RefreshSucceeded { waiters: u64, duration: Duration, persisted: bool },
    RefreshFailed { kind: String, retry_after: Option<Duration> },
    Adopted,
    Renewed,
    ExtraChanged { names: Vec<String> },
    Unpersisted,
    Persisted,
    Replayed,
    Retried,
    LoginRequired { reason: String },
    RefreshLimited,
    SignedOut,
    Warned { warning: String },
    Other,
}

#[uniffi::remote(Record)]
pub struct Status {
    pub standing: Standing,
    pub lineage: Option<String>,
    pub generation: Option<u64>,
    pub expires_at: Option<SystemTime>,
    pub valid: bool,
    pub refreshable: bool,
    pub refresh_token_expires_at: Option<SystemTime>,
    pub refreshed_at: Option<SystemTime>,
    pub backoff: Option<Duration>,
    pub failures: u32,
    pub lease: Option<Lease>,
    pub persisted: bool,
    pub refreshing: bool,
    pub waiting: Option<Waiting>,
    pub scope: Option<String>,
}

#[uniffi::remote(Enum)]
pub enum Standing {
    Unread,
    Active,
    LoginRequired { reason: String },
    SignedOut,
}

#[uniffi::remote(Record)]
pub struct Waiting {
    pub name: String,
    pub at_most: Option<Duration>,
}

#[uniffi::remote(Record)]
pub struct Lease {
    pub owner: String,
    pub left: Duration,
}

#[uniffi::remote(Enum)]
pub enum Verdict {
    Accepted,
    Expired { reason: ExpiredReason, applied: Applied },
    InsufficientScope { scope: Option<String> },
    StepUp { acr_values: Option<String>, max_age: Option<u64>, claims: Option<String> },
    NonceRequired { nonce: Option<String> },
    RateLimited { after: Option<Duration> },
    Unavailable { after: Option<Duration> },
    Denied,
}

#[uniffi::remote(Enum)]
pub enum ExpiredReason {
    Expired,
    Invalid,
    Revoked,
    Unknown,
}

#[uniffi::remote(Enum)]
pub enum Operation {
    Http,
    GraphqlQuery,
    GraphqlMutation,
}

#[uniffi::remote(Enum)]
pub enum Applied {
    No,
    Maybe,
}

/// One header. Debug shows its name alone: values may be tokens.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// All of a response but its body, in one crossing.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// Where the answer is from, after redirects.
    pub url: String,
    /// `HTTP/1.1`, `HTTP/2`, ..
    pub version: String,
    /// In order; names in lower case.
    pub headers: Vec<Header>,
    /// The redirects that were followed.
    pub history: Vec<Redirected>,
    /// From the call to the answer's head.
    pub elapsed: Duration,
    /// What it says about the session's token; nothing where the request carried none. Of a body that comes as it is
    /// read, this may change while it is read.
    pub verdict: Option<Verdict>,
    /// Why the request was not sent again although its token was turned away.
    pub replay_refused: Option<String>,
}

/// A redirect that was followed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Redirected {
    /// Its status.
    pub status: u16,
    /// What had been asked.
    pub url: String,
}

impl From<(String, String)> for Header {
    fn from((name, value): (String, String)) -> Self {
        Self { name, value }
    }
}

impl From<Header> for (String, String) {
    fn from(header: Header) -> Self {
        (header.name, header.value)
    }
}

impl From<rekindle_bindings::ResponseHead> for ResponseHead {
    fn from(head: rekindle_bindings::ResponseHead) -> Self {
        let history = head.history.into_iter().map(|(status, url)| Redirected { status, url });
        Self {
            status: head.status,
            url: head.url,
            version: head.version,
            headers: head.headers.into_iter().map(Header::from).collect(),
            history: history.collect(),
            elapsed: head.elapsed,
            verdict: head.verdict,
            replay_refused: head.replay_refused,
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, url, verdict, replay_refused, .. } = self.clone();
        rekindle_bindings::ResponseHead { status, url, verdict, replay_refused, ..Default::default() }.fmt(f)
    }
}

impl fmt::Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.status, self.url.split(['?', '#']).next().unwrap_or_default())
    }
}
