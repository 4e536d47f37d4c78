//! Making a session alone.

use std::sync::Arc;

use super::Session;
use crate::builder::hosted;
use crate::clock::ManualClock;
use crate::config::{Credential, SessionConfig};
use crate::error::RekindleError;
use crate::event::EventListener;
use crate::login::Login;
use crate::records::Event;
use crate::refresh::Refresh;
use crate::store::StoreChoice;
use crate::transport::Transport;

#[uniffi::export]
impl Session {
    /// Makes it. Without a `transport` of the host's, tokens are asked for through the built-in one.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the setting.
    #[uniffi::constructor(default(transport = None, refresh = None, listener = None, clock = None, login = None))]
    pub fn new(
        config: SessionConfig,
        store: StoreChoice,
        transport: Option<Arc<dyn Transport>>,
        refresh: Option<Arc<dyn Refresh>>,
        listener: Option<Arc<dyn EventListener>>,
        clock: Option<Arc<ManualClock>>,
        login: Option<Arc<dyn Login>>,
    ) -> Result<Self, RekindleError> {
        let builder = rekindle::Session::builder(config.dialect.source()?);
        let credential = config.credential.clone().map(Credential::checked).transpose()?;
        let http = config.http.clone();
        let builder = config.described(builder)?;
        let mut builder = hosted(builder, http, store, transport, refresh, clock, login)?;
        if let Some(credential) = credential {
            builder = builder.credential(credential);
        }
        if let Some(listener) = listener {
            builder = builder.on_event(move |event| drop(listener.on_event(Event::from(event))));
        }
        Ok(Self(builder.build()?))
    }
}
