//! The decisions of rekindle. No clock, no I/O, no async, no lock, no unsafe: time, randomness and servers' responses
//! are arguments, decisions are return values.
//!
//! In scope: when a token is served ([`machine`]), what a response says about it, how a new one is requested and what
//! a token endpoint's response means ([`dialect`]), when a request is sent again. Out of scope: sending, storing,
//! waiting. The crate `rekindle` does that.

pub mod challenge;
pub mod credential;
pub mod dialect;
pub mod error;
pub mod event;
mod extra_parameters;
pub mod grant;
pub mod graphql;
pub mod iso_8601;
pub mod machine;
#[doc(hidden)]
pub mod members;
pub mod proof;
pub mod record_file;
pub mod redact;
pub mod retry;
pub mod rotation;
pub mod sign_in;
pub mod store;
pub mod time;
pub mod verdict;

pub use credential::{Credential, Expiry, Fingerprint, Secret, TokenResponse};
pub use dialect::Dialect;
pub use error::{Cause, ErrorKind, Failure};
pub use event::Event;
pub use grant::{ClientCredentials, GrantRequest, RefreshInput};
pub use rotation::Rotation;
pub use time::{Now, Wall};
pub use verdict::{
    Applied, DeadReason, Exchange, ExpiredReason, Lost, Operation, Outcome, ServerError, StepUp, Verdict,
};
