//! What every foreign language needs of the core, once: settings, errors, events, and what a user's store or refresh
//! function is asked and may answer. Plain data without any FFI attribute: UniFFI takes it as records, Python as dicts,
//! a host of the WebAssembly module as JSON. A binding adds names, manners and its own way to call and to wait.
//!
//! In JSON, durations and times are milliseconds, and their names end in `_ms`.

pub mod call;
mod error;
mod event;
mod response;
mod settings;
mod spelling;
mod status;
pub mod time;
mod token;
mod verdict;

pub use error::{GraphqlProblem, ProblemDetails, ResponseData, Thrown};
pub use event::{Event, EventKind};
pub use response::ResponseHead;
pub use settings::{ClientCredentials, Credential, HostKey, Settings, StoreSettings};
pub use spelling::Spelling;
pub use status::{Lease, Standing, Status, Waiting};
pub use token::TokenDetails;
pub use verdict::{Applied, ExpiredReason, Verdict};
