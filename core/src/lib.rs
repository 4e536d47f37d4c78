//! Keeps API sessions alive: detects that a token has expired, refreshes it once for all callers, sends the request
//! again where that is safe, and stores the new tokens.
//!
//! ```no_run
//! # async fn f() -> Result<(), rekindle::Error> {
//! use rekindle::{store::FileStore, Client, Session};
//!
//! let session = Session::builder("oauth2")
//!     .token_url("https://auth.example.com/oauth/token")
//!     .client_id("app")
//!     .tokens("access token", "refresh token")
//!     .store(FileStore::new("credential.json"))
//!     .build()?;
//! let client = Client::new(session, "https://api.example.com")?;
//! let users: serde_json::Value = client.get("/users").send().await?.json().await?;
//! # let _ = users; Ok(()) }
//! ```
//!
//! ```text
//!               token expired or rejected
//!   serving ------------------------------------> flight: read, claim, send, save
//!      ^  \                                          |          |            |
//!      |   +-- sign_out --> signed out    adopt <-----+          |            |
//!      |                        |           |              back-off       refresh token rejected
//!      +------- sign_in --------+-----------+--- granted --------+            |
//!      +------- sign_in ------------------------------------------------ LoginRequired
//! ```
//!
//! # Overview
//!
//! [`Session`] keeps one sign-in, [`App`] those of many users; [`Client`] sends requests with a session; [`store`]
//! stores the credential; [`transport`] sends requests. For your own HTTP client: [`Session::call`], and the features
//! `tower` and `reqwest-middleware`. The crate `rekindle-proto` makes the decisions; its types are re-exported here
//! where needed.
//!
//! # Limits
//!
//! It does not decode access tokens (RFC 9068 section 6), follow URLs from challenges, or revoke tokens at sign-out
//! unless you ask for it ([`Session::sign_out_and_revoke`]): some servers then end every other session of the user. It
//! cannot wipe the copies of a token in the HTTP stack's buffers, or those that you make from [`Token::value`].

#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
pub mod adapters;
pub mod app;
pub mod call;
pub mod client;
pub mod clock;
pub mod error;

mod lock;
mod platform;
mod proof;
mod retries;
pub mod session;
pub mod sign_in;
pub mod store;
pub mod transport;

pub use app::{App, AppBuilder, DialectSource, SessionBuilder};
pub use call::Call;
pub use client::{Client, Response};
pub use error::{Error, ErrorResponse};
pub use platform::fork;
pub use platform::host::Host;
pub use proof::SigningKey;
pub use rekindle_proto::dialect::{ClientAuth, Dialect};
pub use rekindle_proto::event::{Event, EventKind, Warning};
pub use rekindle_proto::retry::{RetryPolicy, RetryStatuses};
pub use rekindle_proto::{
    Applied, Cause, ClientCredentials, Credential, DeadReason, ErrorKind, Exchange, ExpiredReason, Expiry,
    Failure, Now, Operation, RefreshInput, Rotation, Secret, StepUp, TokenResponse, Verdict, Wall,
};
pub use session::{
    Events, OnLoginRequired, Refresh, RefreshError, ReplayRefused, Revocation, Session, Stats, Status, Token,
};

/// The README's programs, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
