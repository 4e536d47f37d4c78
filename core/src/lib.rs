//! Keeps API sessions alive: sees that a token ended, refreshes it once for everybody, sends the request
//! again where that is safe, and stores what it got.
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
//!               token ended, or turned away
//!   serving ------------------------------------> flight: read, claim, send, save
//!      ^  \                                          |          |            |
//!      |   +-- sign_out --> signed out    adopt <-----+          |            |
//!      |                        |           |              back-off       refresh token dead
//!      +------- sign_in --------+-----------+--- granted --------+            |
//!      +------- sign_in ------------------------------------------------ LoginRequired
//! ```
//!
//! # What is where
//!
//! [`Session`] keeps one sign-in; [`Client`] sends requests with it; [`store`] keeps the credential, [`transport`] carries bytes,
//! [`proto`] decides. For those who keep their own HTTP client: [`Session::call`], and the features `tower` and
//! `reqwest-middleware`.
//!
//! # What it does not do
//!
//! It does not decode access tokens (RFC 9068 section 6),
//! follow URLs out of challenges, or revoke at sign-out unless it is asked to ([`Session::sign_out_and_revoke`]): some
//! servers then end every other session of the user. Copies of a token that it cannot wipe: those inside the HTTP stack's buffers, and
//! whatever you take out of [`Token::value`].

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
pub use rekindle_proto as proto;
pub use rekindle_proto::dialect::ClientAuth;
pub use rekindle_proto::{
    ClientCredentials, Credential, ErrorKind, Expiry, RefreshInput, Rotation, Secret, TokenResponse,
};
pub use session::{
    Events, Judgement, OnLoginRequired, Refresh, RefreshError, ReplayRefused, Revocation, Session, Stats,
    Status, Token,
};

/// The README's programs, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
