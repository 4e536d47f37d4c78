//! Many sessions of one configuration: one for each user.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::hosted;
use crate::cancel::{CancelToken, unless};
use crate::clock::ManualClock;
use crate::config::{Credential, SessionConfig};
use crate::error::RekindleError;
use crate::event::ListenerFailure;
use crate::login::Login;
use crate::records::Event;
use crate::refresh::Refresh;
use crate::session::Session;
use crate::store::StoreChoice;
use crate::transport::Transport;

/// Keeps the sign-ins of many users alive, with one configuration, one transport and one store.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct App(rekindle::App);

/// Gets the events of all sessions of an app, in order, on a thread of its own.
#[uniffi::export(foreign)]
pub trait AppListener: Send + Sync {
    /// An event, and the key of its session.
    ///
    /// # Errors
    ///
    /// Nobody looks at them.
    fn on_event(&self, key: String, event: Event) -> Result<(), ListenerFailure>;
}

#[allow(clippy::too_many_arguments, reason = "they have names where it is called")]
#[uniffi::export]
impl App {
    /// Makes it. Of sessions that nobody holds it keeps `idle_sessions` (10,000) in memory, those that were used last.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the setting.
    #[uniffi::constructor(default(
        idle_sessions = None,
        transport = None,
        refresh = None,
        listener = None,
        clock = None,
        login = None
    ))]
    pub fn new(
        config: SessionConfig,
        store: StoreChoice,
        idle_sessions: Option<u32>,
        transport: Option<Arc<dyn Transport>>,
        refresh: Option<Arc<dyn Refresh>>,
        listener: Option<Arc<dyn AppListener>>,
        clock: Option<Arc<ManualClock>>,
        login: Option<Arc<dyn Login>>,
    ) -> Result<Self, RekindleError> {
        if config.credential.is_some() {
            let what = "cannot be set on an app, because each session has its own: pass it to session(key)";
            return Err(RekindleError::config("credential", what));
        }
        let builder = rekindle::App::builder(config.dialect.source()?);
        let http = config.http.clone();
        let builder = config.described(builder)?;
        let mut builder = hosted(builder, http, store, transport, refresh, clock, login)?;
        if let Some(most) = idle_sessions {
            builder = builder.idle_sessions(most as usize);
        }
        if let Some(listener) = listener {
            builder = builder
                .on_event(move |key, event| drop(listener.on_event(key.to_owned(), Event::from(event))));
        }
        Ok(Self(builder.build()?))
    }

    /// The session of that key; what to begin with, where the store has none. Nothing is read or sent yet.
    ///
    /// # Errors
    ///
    /// InvalidConfig.
    #[uniffi::method(default(credential = None))]
    pub fn session(
        &self,
        key: String,
        credential: Option<Credential>,
    ) -> Result<Arc<Session>, RekindleError> {
        let session = match credential {
            None => self.0.session(&key)?,
            Some(credential) => self.0.seeded_session(&key, credential.checked()?)?,
        };
        Ok(Arc::new(Session::of(session)))
    }

    /// How many sessions are in memory: those that somebody holds, and those that were used last.
    #[must_use]
    pub fn sessions_in_memory(&self) -> u64 {
        self.0.sessions_in_memory() as u64
    }

    /// How often things happened, by name, in all sessions together.
    #[must_use]
    pub fn stats(&self) -> HashMap<String, u64> {
        self.0.stats().entries().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// The counters in the Prometheus text format.
    #[must_use]
    pub fn prometheus(&self) -> String {
        self.0.stats().to_prometheus()
    }

    /// Whether nothing is under way or unsaved, in all sessions.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.0.is_settled()
    }

    /// Waits for what is under way or unsaved, at most so long; whether nothing is left. The app can be used on.
    ///
    /// # Errors
    ///
    /// Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn shutdown(
        &self,
        most: Duration,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<bool, RekindleError> {
        unless(cancel, async { Ok(self.0.shutdown(most).await) }).await
    }
}

impl App {
    pub(crate) fn inner(&self) -> &rekindle::App {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
