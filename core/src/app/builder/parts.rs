//! The replaceable parts: store, transport, clock and host.

use std::sync::Arc;

use super::Builder;
use crate::clock::Clock;
use crate::platform::host::Host;
use crate::store::Store;
use crate::transport::Transport;

impl<T> Builder<T> {
    /// Where the credential is stored. Defaults to memory. An `Arc` of a store is a store, so one can be shared:
    /// `.store(shared.clone())`.
    ///
    /// ```
    /// use rekindle::{Session, store::FileStore};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .store(FileStore::new("credential.json"))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn store(mut self, store: impl Store) -> Self {
        self.settings.store = Some(Arc::new(store));
        self
    }

    /// How token requests are sent. Defaults to reqwest; required without the feature `http`. An `Arc` of a transport
    /// is a transport, so one can be shared.
    ///
    /// ```
    /// use rekindle::{Session, transport::{ProxyChoice, ReqwestTransport, TransportOptions}};
    ///
    /// let options = TransportOptions { proxy: ProxyChoice::None, ..TransportOptions::default() };
    /// let transport = ReqwestTransport::new(options)?;
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .transport(transport)
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.settings.transport = Some(Arc::new(transport));
        self
    }

    /// The clock; tests use a [`ManualClock`](crate::clock::ManualClock).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use std::time::Duration;
    /// use rekindle::{Session, clock::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .tokens("at-1", "rt-1")
    ///     .expires_in(Duration::from_secs(900))
    ///     .background(false)
    ///     .clock(clock.clone())
    ///     .build()?;
    /// session.token().await?;
    /// clock.advance(Duration::from_secs(900));
    /// assert!(session.token_if_valid().is_none()); // it ended
    /// # Ok(()) }
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Some(Arc::new(clock));
        self
    }

    /// Lets a host drive the session, with its event loop and clock: no thread is started. The host also provides the
    /// store and transport.
    ///
    /// ```
    /// use rekindle::{Host, Session};
    ///
    /// # fn main() -> Result<(), rekindle::Error> {
    /// let host = Host::new([7; 32]); // 32 random bytes
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/token").host(&host);
    /// let session = session.tokens("at-1", "rt-1").build()?;
    /// host.turn(Default::default());
    /// assert!(session.is_settled());
    /// # Ok(()) }
    /// ```
    pub fn host(mut self, host: &Host) -> Self {
        self.settings.host = Some(host.clone());
        self
    }

    /// Shares no state with other sessions of this process: simulates another process in tests.
    #[doc(hidden)]
    pub fn alone(mut self) -> Self {
        self.settings.alone = true;
        self
    }
}
