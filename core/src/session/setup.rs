//! The configuration that sessions share. A server keeps a session for each of its users, so shared data is stored
//! once.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rekindle_proto::dialect::Dialect;
use rekindle_proto::machine::MachineConfig;
use rekindle_proto::sign_in::ServerMetadata;
use rekindle_proto::{ErrorKind, Failure};
use tokio::sync::Notify;
use url::Url;

use super::counters::Counters;
use super::events::Subscriber;
use super::login::Login;
use super::origins::Origins;
use super::token_source::{Endpoint, Source};
use crate::clock::Clock;
use crate::fork::PerProcess;
use crate::platform::Platform;
use crate::proof::Proofs;
use crate::store::Store;
use crate::transport::Transport;

/// The immutable data of a session that is not secret.
pub(crate) struct Setup {
    /// The program's name for the app, in telemetry.
    #[cfg_attr(
        not(any(feature = "metrics", feature = "tracing")),
        allow(dead_code, reason = "nobody watches")
    )]
    pub(crate) app: Option<String>,
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) machine: Arc<MachineConfig>,
    pub(crate) source: Arc<dyn Source>,
    /// The same as a token endpoint, for signing in.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    /// The authorization endpoint, if the dialect does not name it.
    pub(crate) authorization_url: Option<Url>,
    /// The handler that signs the user in again.
    pub(crate) login: Option<Login>,
    /// The server's metadata, if it was fetched.
    pub(crate) server: Option<ServerMetadata>,
    /// Whether to use pushed authorization requests if the server supports them.
    pub(crate) pushes: bool,
    pub(crate) origins: Arc<Origins>,
    /// The same origins by number.
    pub(crate) known: Arc<Vec<Arc<Url>>>,
    /// The transport of the token source.
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) proofs: Option<Arc<Proofs>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Each host has its own clock.
    pub(crate) platform: Platform,
    pub(crate) store: Arc<dyn Store>,
    /// Distinguishes the store from others with the same identity.
    pub(crate) instance: usize,
    /// The longest time that a caller waits.
    pub(crate) wait: Duration,
    /// The subscriber of the events of all sessions.
    pub(crate) subscribers: Option<Arc<Vec<Arc<Subscriber>>>>,
    /// Wakes callers of `shutdown` when a session has no work in progress any more.
    pub(crate) at_rest: PerProcess<Notify>,
    /// The counters of all sessions combined.
    pub(crate) totals: Arc<Counters<AtomicU64>>,
}

impl Setup {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) fn app(&self) -> &str {
        self.app.as_deref().unwrap_or_default()
    }

    /// Checks that a session with these settings can be shared with those: the error names the setting that differs.
    pub(crate) fn agrees_with(&self, other: &Self) -> Result<(), Failure> {
        let (mine, others) = (&self.machine, &other.machine);
        let differing = [
            ("background", mine.background != others.background),
            ("send_timeout", mine.send_cap != others.send_cap),
            ("lease", mine.lease != others.lease),
        ];
        match differing.into_iter().find(|(_, differs)| *differs) {
            None => Ok(()),
            Some((setting, _)) => Err(Failure::new(
                ErrorKind::InvalidConfig,
                format!(
                    "{setting} differs from that of another session of this process with the same store and key: \
                     give both the same value, or each its own key or store"
                ),
            )),
        }
    }
}
