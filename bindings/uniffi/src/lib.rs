//! What Kotlin and Swift call, through UniFFI: records for settings, one object per idea, one error, and traits that
//! the host implements. The languages' own layers on top of it give it their manners; decisions are in `rekindle`.
//!
//! - A future that the host drops ends nothing but its caller's wait. Where a host's cancelled task does not drop it
//!   (Swift), the call takes a [`CancelToken`].
//! - No way in which a host's store, transport, listener or refresh function fails is a panic: what it throws without
//!   having declared it becomes an error of the right kind, and its text, which could quote a token, is left out.
//! - Strings and bytes that cross the border are copied; copies in the host's memory cannot be wiped.

mod app;
mod body;
mod builder;
mod call;
mod cancel;
mod client;
mod clock;
mod config;
mod discovery;
mod error;
mod event;
mod host;
mod http;
mod key;
mod login;
mod metrics;
mod records;
mod redirect;
mod refresh;
mod response;
mod runtime;
mod session;
mod sign_in;
mod store;
mod token;
mod transport;

pub use app::{App, AppListener};
pub use body::{BodyFactory, BodyFailure, BodySource, OutgoingBody, Part, PartContent, RequestBody};
pub use call::{Added, Call, Content, Judged, Next, Reads, Target, goes_on, may_travel};
pub use cancel::CancelToken;
pub use client::{Client, Request};
pub use clock::ManualClock;
pub use config::{ClientAuth, ClientConfig, ClientCredentials, Credential, Rotation, SessionConfig};
pub use discovery::{ApiAccess, ApiRequest, discover, find_api};
pub use error::{RekindleError, error_kinds};
pub use event::{EventListener, EventStream, ListenerFailure};
pub use http::{ClientCertificate, HttpConfig, Proxy};
pub use key::{GeneratedKey, SigningKey, generate_signing_key};
pub use login::{Login, LoginFailure};
pub use metrics::{Counted, metrics_text};
pub use records::{
    Applied, Dialect, Event, EventKind, ExpiredReason, GraphqlProblem, Header, Lease, Operation,
    ProblemDetails, Redirected, ResponseHead, Spelling, Standing, Status, Verdict, Waiting,
};
pub use redirect::{Hop, next_hop};
pub use refresh::{Refresh, RefreshFailure, RefreshInput, TokenResponse};
pub use response::{Answer, Response};
pub use session::Session;
pub use sign_in::{BegunSignIn, DeviceCode, Proof, SignInDisplay, SignInRequest};
pub use store::{Expected, Loaded, Owner, Saved, Store, StoreChoice, StoreFailure};
pub use token::{Token, TokenDetails};
pub use transport::{Transport, TransportFailure, TransportRequest, TransportResponse};

uniffi::setup_scaffolding!();
