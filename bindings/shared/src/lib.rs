//! What all foreign languages need of the core: settings, errors, events, and the questions and answers of a user's
//! store or refresh function. It is plain data without any FFI attribute: UniFFI uses it as records, Python as dicts,
//! a host of the WebAssembly module as JSON. A binding adds the names and conventions of its language, and its way to
//! call and to wait.
//!
//! In JSON, durations and times are milliseconds, and their names end in `_ms`.

mod api_access;
pub mod call;
mod client;
#[cfg(feature = "toml")]
mod dialect;
mod error;
mod event;
pub mod host;
#[cfg(feature = "http")]
mod http;
mod metrics;
pub mod refresh;
mod response;
mod settings;
mod spelling;
mod status;
pub mod store;
pub mod time;
mod token;
pub mod transport;
mod verdict;

pub use api_access::{ApiDetails, ClientDetails};
pub use client::{ClientSettings, retry_policy};
#[cfg(feature = "toml")]
pub use dialect::Dialect;
pub use error::{GraphqlProblem, ProblemDetails, ResponseData, Thrown};
pub use event::{Event, EventKind};
#[cfg(feature = "http")]
pub use http::HttpSettings;
pub use metrics::{Counted, metrics_text};
pub use response::ResponseHead;
pub use settings::{ClientCredentials, Credential, HostKey, Settings};
pub use spelling::Spelling;
pub use status::{Lease, Standing, Status, Waiting};
pub use store::StoreSettings;
pub use token::TokenDetails;
pub use verdict::{Applied, ExpiredReason, Verdict};
