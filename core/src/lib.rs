//! Keeps API sessions alive.

#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
pub mod adapters;
pub mod client;
pub mod clock;
pub mod error;
pub mod session;
pub mod store;
pub mod transport;

pub use client::{Client, Response};
pub use error::Error;
pub use rekindle_proto as proto;
pub use rekindle_proto::{Credential, ErrorKind, Expiry, Rotation, Secret};
pub use session::{
    DialectSource, Events, Judgement, Refresh, RefreshError, ReplayRefused, Session, SessionBuilder, Spend,
    Stats, Status, Token,
};
