//! A scripted API and token server on loopback, for faults that no real server makes on demand.
//!
//! [`TestServer`] plays a [`Script`]; [`AuthServer`] is a model of an authorization server and its API, with a
//! script in front of it where one is wanted. Both run on a thread of their own and stop when dropped, so tests
//! with and without a runtime can use them. Languages other than Rust start the program `rekindle-test-server`
//! and speak to `/__script`, `/__log` and their like (see `README.md`).
//!
//! ```
//! use rekindle_test_server::{AuthServer, Rotation, SeedDialect};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = AuthServer::builder().dialect(SeedDialect::Json).rotation(Rotation::Strict).start()?;
//! let tokens = server.sign_in();
//! assert!(server.base_url().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.counters().refreshes, 0);
//! # assert!(!tokens.access_token.is_empty());
//! # Ok(())
//! # }
//! ```

mod answer;
mod auth;
mod control;
mod http;
mod script;
mod server;
mod stage;
mod uploads;

pub use answer::Fault;
pub use auth::{AuthConfig, AuthServer, AuthServerBuilder, Counters, Rotation, SeedDialect, Tokens};
pub use script::{Always, Match, Repeat, Respond, Script, Step, Values};
pub use server::TestServer;
pub use stage::Logged;
