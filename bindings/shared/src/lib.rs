//! What every foreign language needs of the core, once: settings, errors, events, and what a user's store or refresh
//! function is asked and may answer. Plain data without any FFI attribute: UniFFI takes it as records, Python as dicts,
//! a host of the WebAssembly module as JSON. A binding adds names, manners and its own way to call and to wait.
//!
//! In JSON, durations and times are milliseconds, and their names end in `_ms`.

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
