//! A session: one sign-in, kept alive.

mod acquire;
pub(crate) mod counters;
pub(crate) mod engine;
mod engine_handle;
pub(crate) mod events;
mod judge;
pub(crate) mod login;
pub(crate) mod origins;
mod reentrancy;
pub(crate) mod refresh_function;
pub(crate) mod registry;
mod requests;
pub(crate) mod setup;
mod sign_in;
mod status;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub(crate) mod telemetry;
mod token;
pub(crate) mod token_source;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

pub use counters::Stats;
pub use events::Events;
pub use login::OnLoginRequired;
pub use refresh_function::{Refresh, RefreshError};
pub use rekindle_proto::machine::{ReplayRefused, Status, StatusStanding};
pub use token::Token;
pub use token_source::Revocation;

pub(crate) use sign_in::completed;

use engine::Engine;
use engine_handle::EngineHandle;
pub(crate) use judge::Judgement;
use origins::Origins;
use rekindle_proto::dialect::Dialect;
use rekindle_proto::machine::{Machine, TokenRequirements};
use setup::Setup;

use crate::clock::Clock;
use crate::error::Error;
use crate::transport::Transport;

/// Keeps one sign-in alive: serves its access token, refreshes it once for all callers, stores the new tokens.
///
/// Cheap to clone; clones are the same session. Sessions of one process with the same store and
/// configuration share one state too.
///
/// ```
/// # async fn f() -> Result<(), rekindle::Error> {
/// use rekindle::Session;
///
/// let session = Session::builder("oauth2")
///     .token_url("https://auth.example.com/oauth/token")
///     .client_id("app")
///     .tokens("at-1", "rt-1")
///     .build()?;
/// let token = session.token().await?;
/// let header = token.authorization(); // "Bearer at-1", or a fresher one
/// # let _ = header; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Session {
    engine: EngineHandle,
    /// The session's own app: the engine may be shared with another app's session.
    setup: Arc<Setup>,
    origins: Arc<Origins>,
}

impl Session {
    /// A session of that app. The caller guarantees that the engine belongs to the app.
    pub(crate) fn of(engine: Arc<Engine>, setup: Arc<Setup>) -> Self {
        let origins = match Arc::ptr_eq(&engine.setup, &setup) {
            true => setup.origins.clone(),
            // An engine of another app numbers origins differently.
            false => Arc::new(setup.origins.numbered_by(|url| engine.origin(url))),
        };
        Self { engine: EngineHandle::new(engine), setup, origins }
    }

    /// A valid access token. Waits for a refresh if one is needed, at most 30 s (`wait_timeout`).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let token = session.token().await?;
    /// assert_eq!(token.authorization(), "Bearer at-1");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// LoginRequired, SignedOut, RefreshFailed, RefreshLimited, RateLimited, Timeout, StoreUnavailable,
    /// ClientRejected, InvalidConfig (the store belongs to another client).
    pub async fn token(&self) -> Result<Token, Error> {
        match self.token_if_valid() {
            Some(token) => Ok(token),
            // Boxed: a future is moved when it is awaited, and this one is large and seldom needed.
            None => Box::pin(self.acquire(TokenRequirements::default(), None)).await,
        }
    }

    /// The session's key: the one given to [`App::session`](crate::App::session), or `default` for a single session.
    ///
    /// ```
    /// let app = rekindle::App::builder("google").build()?;
    /// assert_eq!(app.session("ada")?.key(), "ada");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &str {
        &self.engine.key
    }

    pub(crate) fn kept(&self, name: &str) -> Option<String> {
        self.engine.look(|machine, _| machine.kept(name))
    }

    /// A number shared by all sessions of this process that share state. For bindings: code called by a login handler
    /// must not wait for the sign-in that waits for the handler (spec 12.13), and context does not cross the language
    /// border.
    ///
    /// ```
    /// # fn f(app: rekindle::App) -> Result<(), rekindle::Error> {
    /// assert_eq!(app.session("ada")?.state_id(), app.session("ada")?.state_id());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn state_id(&self) -> u64 {
        self.engine.login_id() as u64
    }

    /// As [`Session::token`], with at least `min_life` left, if the server's tokens live that long (spec 1.5).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1")
    /// #     .expires_in(std::time::Duration::from_secs(900)).build()?;
    /// use std::time::Duration;
    ///
    /// // for a long upload
    /// let token = session.token_living(Duration::from_secs(120)).await?;
    /// assert_eq!(token.value(), "at-1");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::token`].
    pub async fn token_living(&self, min_life: Duration) -> Result<Token, Error> {
        self.acquire(TokenRequirements { min_life: Some(min_life), ..TokenRequirements::default() }, None)
            .await
    }

    /// The access token if it can be served at once, otherwise `None` (spec 1.7). Starts a refresh in the advisory
    /// window, as [`Session::token`] does. Takes no lock and writes no shared memory.
    ///
    /// ```
    /// # fn f(session: rekindle::Session) {
    /// if let Some(token) = session.token_if_valid() {
    ///     println!("{:?}", token.expires_at());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn token_if_valid(&self) -> Option<Token> {
        self.fast(None, self.engine.setup.clock.now())
    }

    /// Refreshes now, or joins the refresh in progress. During a back-off this fails, as [`Session::token`] does;
    /// [`Session::force_refresh`] does not wait for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// let old = session.token().await?;
    /// let new = session.refresh().await?;
    /// assert_eq!(new.generation(), old.generation() + 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::token`].
    pub async fn refresh(&self) -> Result<Token, Error> {
        self.refreshed(false).await
    }

    /// As [`Session::refresh`], but also during a back-off, and once more with a refresh token that the server rejected.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// let old = session.token().await?;
    /// let new = session.force_refresh().await?;
    /// assert_ne!(new.value(), old.value());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::token`].
    pub async fn force_refresh(&self) -> Result<Token, Error> {
        self.refreshed(true).await
    }

    /// Treats the access token as expired: the next caller refreshes it.
    ///
    /// ```
    /// # fn f(session: rekindle::Session) {
    /// session.invalidate();
    /// assert!(session.token_if_valid().is_none());
    /// # }
    /// ```
    pub fn invalidate(&self) {
        self.engine.ask(Machine::invalidate);
    }

    /// Tells the session that another process may have changed the store's record: the session reads and adopts it,
    /// including a sign-out (spec 7.13). For stores that report changes; otherwise a session notices a change at its
    /// next refresh.
    ///
    /// ```
    /// # fn f(session: rekindle::Session) {
    /// session.store_changed(); // returns at once
    /// # }
    /// ```
    pub fn store_changed(&self) {
        self.engine.ask(Machine::handle_changed);
    }

    pub(crate) fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// The dialect.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// assert_eq!(session.dialect().name(), "oauth2");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.engine.setup.dialect
    }

    /// The clock.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// let token = session.token().await?;
    /// let now: std::time::SystemTime = session.clock().now().wall.into();
    /// assert!(token.expires_at().is_none_or(|end| end > now));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.engine.setup.clock
    }

    /// The transport of token requests. A client also uses it for its own requests by default.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::Session;
    ///
    /// // a second session over the same connections
    /// let second = Session::builder("google").transport(session.transport().clone()).build()?;
    /// # let _ = second;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.setup.transport
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.status();
        f.debug_struct("Session")
            .field("dialect", &self.dialect().name())
            .field("standing", &status.standing)
            .field("generation", &status.generation)
            .finish_non_exhaustive()
    }
}
