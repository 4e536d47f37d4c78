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

/// What does not change in a session's life, and is no secret of its user.
pub(crate) struct Setup {
    /// What the program calls it, for those who watch it.
    #[cfg_attr(
        not(any(feature = "metrics", feature = "tracing")),
        allow(dead_code, reason = "nobody watches")
    )]
    pub(crate) app: Option<String>,
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) machine: Arc<MachineConfig>,
    pub(crate) source: Arc<dyn Source>,
    /// The same, where it is a token endpoint: users can sign in there.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    /// Where users sign in, if the dialect does not say.
    pub(crate) authorization_url: Option<Url>,
    /// Who signs the user in again.
    pub(crate) login: Option<Login>,
    /// What the server says of itself, if somebody asked.
    pub(crate) server: Option<ServerMetadata>,
    /// Whether authorization requests are pushed where the server takes that.
    pub(crate) pushes: bool,
    pub(crate) origins: Arc<Origins>,
    /// Those origins, by number.
    pub(crate) known: Arc<Vec<Arc<Url>>>,
    /// What the source asks through.
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) proofs: Option<Arc<Proofs>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Each host has a clock of its own.
    pub(crate) platform: Platform,
    pub(crate) store: Arc<dyn Store>,
    /// Tells the store from others that claim the same identity.
    pub(crate) instance: usize,
    /// How long a caller waits at most.
    pub(crate) wait: Duration,
    /// Who gets the events of all sessions.
    pub(crate) subscribers: Option<Arc<Vec<Arc<Subscriber>>>>,
    /// Tells those who wait for the end of something that a session has nothing under way any more.
    pub(crate) at_rest: PerProcess<Notify>,
    /// What all sessions have counted.
    pub(crate) totals: Arc<Counters<AtomicU64>>,
}

impl Setup {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) fn app(&self) -> &str {
        self.app.as_deref().unwrap_or_default()
    }

    /// Whether a session that was made with these settings can be had with those: an error names the setting that is
    /// another one.
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
