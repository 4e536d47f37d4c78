//! A session: one sign-in, kept alive.

pub(crate) mod counters;
pub(crate) mod engine;
pub(crate) mod events;
mod held_engine;
mod judge;
pub(crate) mod login;
pub(crate) mod origins;
mod reentrancy;
pub(crate) mod refresh_function;
pub(crate) mod registry;
pub(crate) mod setup;
mod token;
pub(crate) mod token_source;
mod waiters;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use counters::Stats;
pub use events::Events;
pub use login::OnLoginRequired;
pub use refresh_function::{Refresh, RefreshError};
pub use rekindle_proto::machine::{ReplayRefused, Status, StatusStanding};
pub use token::Token;
pub use token_source::Revocation;

use engine::Engine;
use held_engine::HeldEngine;
use http::{HeaderValue, Method};
pub(crate) use judge::Judgement;
use origins::Origins;
use rekindle_proto::dialect::Dialect;
use rekindle_proto::event::{EventKind, Warning};
use rekindle_proto::machine::{Acquired, Fast, Machine, OriginId, Ticket, TokenRequirements};
use rekindle_proto::{Credential, ErrorKind, Expiry, Failure, Now, Verdict};
use setup::Setup;
use token::Served;
use url::Url;
use waiters::Done;

use crate::clock::Clock;
use crate::error::Error;
use crate::proof::Proofs;
use crate::transport::Transport;

/// Somebody keeps changing what is stored; a caller does not try for ever.
const MOST_ROUNDS: u32 = 8;

/// Keeps one sign-in alive: serves its access token, refreshes it once for everybody, stores what it got.
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
    engine: HeldEngine,
    /// Of its own app: another one's session may share the engine.
    setup: Arc<Setup>,
    origins: Arc<Origins>,
}

impl Session {
    /// A session of that app. It says only that its engine and its app belong together.
    pub(crate) fn of(engine: Arc<Engine>, setup: Arc<Setup>) -> Self {
        let origins = match Arc::ptr_eq(&engine.setup, &setup) {
            true => setup.origins.clone(),
            // Another app's engine numbers origins in its own way.
            false => Arc::new(setup.origins.numbered_by(|url| engine.origin(url))),
        };
        Self { engine: HeldEngine::new(engine), setup, origins }
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

    /// Whose session it is: the key that it was asked for with, or `default` for a session alone.
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

    /// A number that is the same for all sessions of this process that share a state. For bindings: what a login handler
    /// calls must not wait for the sign-in that waits for it (spec 12.13), and context does not cross the border.
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
    /// // for an upload that takes its time
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

    /// The access token if it can be served at once, else nothing (spec 1.7). Starts the refresh of the
    /// advisory window as [`Session::token`] does. Takes no lock and writes nothing that is shared.
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

    /// The token for a request to that URL; `None`: the URL's origin is not listed, and the request goes without a token
    /// (spec 9.1). Waits for a refresh until `deadline` on the session's monotonic clock; `None`: `wait_timeout`.
    pub(crate) async fn token_for(
        &self,
        url: &Url,
        deadline: Option<Duration>,
    ) -> Result<Option<Token>, Error> {
        let Some(origin) = self.origins.find(url) else {
            return self.require_origins().map(|()| None);
        };
        if let Some(token) = self.fast(Some(origin), self.engine.setup.clock.now()) {
            return Ok(Some(token));
        }
        let requirements = TokenRequirements { origin: Some(origin), min_life: None };
        Box::pin(self.acquire(requirements, deadline)).await.map(Some)
    }

    /// The token for a request to that URL if it can be served at once, for those who have just read the clocks.
    pub(crate) fn try_token_at(&self, url: &Url, now: Now) -> Option<Token> {
        self.fast(Some(self.origins.find(url)?), now)
    }

    pub(crate) fn try_token_of(&self, origin: OriginId) -> Option<Token> {
        self.fast(Some(origin), self.clock().now())
    }

    pub(crate) fn origin_of(&self, url: &Url) -> Option<OriginId> {
        self.origins.find(url)
    }

    pub(crate) fn has_proofs(&self) -> bool {
        self.setup.proofs.is_some()
    }

    /// Whether the machine wants to hear of a first send that this origin accepts.
    pub(crate) fn watches(&self, origin: OriginId) -> bool {
        self.engine.published().snapshot.watches(origin, false)
    }

    /// Refreshes now, or joins the refresh that is under way. During a back-off this fails, as [`Session::token`] does;
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

    /// As [`Session::refresh`], even during a back-off, and once more with a refresh token that the server rejected.
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

    async fn refreshed(&self, force: bool) -> Result<Token, Error> {
        let deadline = self.deadline(None);
        let served = self.rounds(deadline, None, |machine, now| machine.refresh(force, now)).await;
        Ok(Token::owned(served?))
    }

    /// As if the access token had expired: the next caller refreshes it.
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

    /// The store's record may have been changed by another process: it is read, and what it holds is taken, a sign-out among it
    /// (spec 7.13). For stores that can tell; without it, a session learns of it with its next refresh.
    ///
    /// ```
    /// # fn f(session: rekindle::Session) {
    /// session.store_changed(); // returns at once
    /// # }
    /// ```
    pub fn store_changed(&self) {
        self.engine.ask(Machine::handle_changed);
    }

    /// The user signed in: this credential replaces whatever there is, at once (spec 4.6).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::Credential;
    ///
    /// let credential = Credential { access_token: Some("at-2".into()), ..Credential::default() };
    /// session.sign_in(credential).await?;
    /// assert_eq!(session.token().await?.value(), "at-2");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig for a credential that cannot be used; StoreUnavailable if it could not be saved: then
    /// it is served from memory and saved as soon as that is possible.
    pub async fn sign_in(&self, credential: Credential) -> Result<(), Error> {
        let credential = completed(credential, &self.setup);
        self.written(|machine, now| machine.sign_in(&credential, now)).await
    }

    /// The user signs out: nothing is served from now on, and the store is wiped but for a tombstone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// session.sign_out().await?;
    /// assert!(session.token().await.unwrap_err().is_signed_out());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable if the store could not be wiped: that is tried again as long as the process runs.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.written(|machine, now| Ok(machine.sign_out(now))).await
    }

    /// The user signs out, and the server is asked to revoke the refresh token, where the dialect has an endpoint for
    /// that (RFC 7009). Without this, what was stolen before stays valid to its end; some servers end every other
    /// session of the user with it, too. The session is signed out whatever the server says.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("json").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::session::Revocation;
    ///
    /// assert_eq!(session.sign_out_and_revoke().await?, Revocation::NotOffered);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable if the store could not be wiped: that is tried again as long as the process runs.
    pub async fn sign_out_and_revoke(&self) -> Result<Revocation, Error> {
        // What is stored may be newer than what is known; where it cannot be read it is signed out all the same.
        let _ = self.fresh_status().await;
        let token = self.engine.look(|machine, _| machine.revocable());
        self.sign_out().await?;
        let Some(token) = token else { return Ok(Revocation::NotOffered) };
        Ok(match self.engine.revoke(token).await {
            Some(true) => Revocation::Done,
            Some(false) => Revocation::Failed,
            None => Revocation::NotOffered,
        })
    }

    /// Moves a stored credential to this session's configuration: another token endpoint, dialect or other origins of
    /// the same client. Otherwise such a session is refused (spec 7.5, 7.10). Whether something had to be moved.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/v2/token");
    /// assert!(!builder.build()?.rebind().await?); // nothing is stored
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig where the tokens are those of another client, or bound to another key: sign in again. SignedOut;
    /// StoreUnavailable.
    pub async fn rebind(&self) -> Result<bool, Error> {
        let moved = self.engine.rebind().await?;
        if moved {
            self.read_store().await?;
        }
        Ok(moved)
    }

    /// How things stand, without a secret. Reads memory, not the store.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::session::StatusStanding;
    ///
    /// assert_eq!(session.status().standing, StatusStanding::Unread);
    /// session.token().await?;
    /// assert_eq!(session.status().standing, StatusStanding::Active);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        self.engine.look(Machine::status)
    }

    /// Reads the store if that has not been done yet, then says how things stand.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let status = session.fresh_status().await?;
    /// assert_eq!(status.standing.name(), "active");
    /// assert!(status.valid && status.refreshable && status.persisted);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable, InvalidConfig.
    pub async fn fresh_status(&self) -> Result<Status, Error> {
        if self.status().standing == StatusStanding::Unread {
            self.read_store().await?;
        }
        Ok(self.status())
    }

    /// What came with the tokens beside them: what the dialect keeps of an answer (`answer.keep`), and the `extra` of a
    /// credential. An instance's URL, a user's id, an ID token: it may be as secret as the tokens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// use rekindle::Credential;
    ///
    /// let extra = [("instance_url".to_owned(), "https://eu1.example.com".to_owned())].into();
    /// session.sign_in(Credential { access_token: Some("at-1".into()), extra, ..Credential::default() }).await?;
    /// assert_eq!(session.extra().await?["instance_url"], "https://eu1.example.com");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable, InvalidConfig.
    pub async fn extra(&self) -> Result<BTreeMap<String, String>, Error> {
        self.fresh_status().await?;
        let mut extra = self.engine.look(|machine, _| machine.extra());
        extra.remove(token_source::FALLBACK);
        Ok(extra)
    }

    pub(crate) fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    async fn read_store(&self) -> Result<(), Error> {
        let deadline = self.deadline(None);
        let (_, waiter) = self.engine.ask_and_wait(deadline, |machine, _| ((), Some(machine.open())));
        if let Some(waiter) = waiter
            && let Done::Failed(failure) = self.engine.wait(waiter).await?
        {
            return Err(failure.into());
        }
        Ok(())
    }

    /// How often things happened.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// session.refresh().await?;
    /// assert_eq!(session.stats().refreshes, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.events.stats()
    }

    /// The events from now on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// let events = session.events();
    /// session.refresh().await?;
    /// while let Some(event) = events.try_next() {
    ///     println!("{}", event.kind.name()); // RefreshStarted, RefreshSucceeded
    /// }
    /// # assert_eq!(session.stats().refreshes_started, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn events(&self) -> Events {
        self.engine.events.stream()
    }

    /// Waits for a refresh that is under way and for a credential that is not saved yet, at most that long.
    /// `true`: nothing is left to do. The session can be used on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use std::time::Duration;
    ///
    /// session.token().await?;
    /// assert!(session.shutdown(Duration::from_secs(5)).await);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown(&self, most: Duration) -> bool {
        let deadline = self.clock().now().mono.saturating_add(most);
        self.engine.settle(deadline).await
    }

    /// Whether nothing is under way and everything is saved: [`Session::shutdown`] would not wait.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// assert!(session.is_settled());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.engine.is_settled()
    }

    /// Whether the token is for this URL's origin.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// assert!(session.owns(&"https://api.example.com/data".parse().expect("a URL")));
    /// assert!(!session.owns(&"https://www.example.com/".parse().expect("a URL")));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        self.origins.find(url).is_some()
    }

    /// For adapters, as they are made: a session that lists no origin would do nothing in a client of one's own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// let builder = || rekindle::Session::builder("json").token_url("https://auth.example.com/token").tokens("at", "rt");
    /// assert!(builder().build()?.require_origins().is_err());
    /// assert!(builder().origin("https://api.example.com").build()?.require_origins().is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: there is none.
    pub fn require_origins(&self) -> Result<(), Error> {
        self.origins.require().map_err(Error::from)
    }

    /// The proof of possession that a request to that URL carries beside the token, in the header `DPoP`
    /// (RFC 9449 section 7): a new one for each send. `None`: the token is not bound to a key.
    pub(crate) fn proof(
        &self,
        token: &Token,
        method: &Method,
        url: &Url,
    ) -> Result<Option<HeaderValue>, Error> {
        let Some(proofs) = self.setup.proofs.as_ref().filter(|_| token.is_bound()) else { return Ok(None) };
        Ok(proofs.possession(method, url, Some(token.secret()), self.clock().now().wall)?)
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

    /// The clocks.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// let token = session.token().await?;
    /// let now = session.clock().now().wall.into();
    /// assert!(token.expires_at().is_none_or(|end| end > now));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.engine.setup.clock
    }

    /// How token requests travel; a client uses it for its own requests, too.
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

    /// The same session, whose token is for the origin of a client's base URL as well (spec 9.1).
    pub(crate) fn with_base(&self, url: &Url) -> Result<Self, Error> {
        if self.owns(url) {
            return Ok(self.clone());
        }
        let mut origins = Origins::clone(&self.origins);
        origins.check("base_url", url)?;
        if !origins::secure(url) {
            self.engine.warn(Warning::InsecureOrigin);
        }
        origins.list(self.engine.origin(url));
        Ok(Self { origins: Arc::new(origins), ..self.clone() })
    }

    /// A request is sent again because of that verdict. With a nonce it is the same token: no replay.
    pub(crate) fn sends_again(&self, verdict: &Verdict) {
        if !matches!(verdict, Verdict::NonceRequired(_)) {
            self.emit(EventKind::Replayed);
        }
    }

    /// Reports what happened to a request.
    pub(crate) fn emit(&self, kind: EventKind) {
        self.engine.report(kind);
    }

    fn fast(&self, origin: Option<OriginId>, now: Now) -> Option<Token> {
        let published = self.engine.published();
        match published.snapshot.fast(now, origin) {
            Fast::Serve => Token::borrowed(published),
            Fast::ServeAndReport => {
                self.engine
                    .ask(|machine, now| machine.acquire(TokenRequirements { origin, min_life: None }, now));
                Token::borrowed(published)
            }
            Fast::Ask => None,
        }
    }

    fn deadline(&self, given: Option<Duration>) -> Duration {
        let own = self.engine.setup.clock.now().mono.saturating_add(self.setup.wait);
        given.map_or(own, |given| given.min(own))
    }

    async fn acquire(
        &self,
        requirements: TokenRequirements,
        deadline: Option<Duration>,
    ) -> Result<Token, Error> {
        let ask = || {
            let question = move |machine: &mut Machine, now| machine.acquire(requirements, now);
            self.rounds(self.deadline(deadline), Some(requirements), question)
        };
        let served = match ask().await {
            Err(lost) if lost.is_login_required() => {
                self.signed_in_again(lost, deadline).await?;
                ask().await?
            }
            served => served?,
        };
        Ok(Token::owned(served))
    }

    /// What is served now.
    async fn current(&self, deadline: Option<Duration>) -> Result<Arc<Served>, Error> {
        let requirements = TokenRequirements::default();
        let question = move |machine: &mut Machine, now| machine.acquire(requirements, now);
        self.rounds(self.deadline(deadline), Some(requirements), question).await
    }

    /// Asks, waits, and asks again where the wait ended without a word. Who only wants a token is content
    /// with an old one; who asked for a refresh gets its error.
    async fn rounds(
        &self,
        deadline: Duration,
        requirements: Option<TokenRequirements>,
        question: impl Fn(&mut Machine, Now) -> Acquired,
    ) -> Result<Arc<Served>, Error> {
        for _ in 0..MOST_ROUNDS {
            let (acquired, waiter) = self.engine.ask_and_wait(deadline, |machine, now| {
                let acquired = question(machine, now);
                let ticket = ticket(&acquired);
                (acquired, ticket)
            });
            match (acquired, waiter) {
                (Acquired::Serve(current), _) => return Ok(self.engine.served(&current)?),
                (Acquired::Wait(_), Some(waiter)) => match self.engine.wait(waiter).await {
                    Ok(Done::Ready(served)) => return Ok(served),
                    Ok(Done::Again) => {}
                    Ok(Done::Failed(failure)) | Err(failure) => {
                        return match requirements {
                            Some(requirements) => self.fallback(requirements, failure),
                            None => Err(failure.into()),
                        };
                    }
                },
                (Acquired::Fail(failure), _) => return Err(failure.into()),
                (Acquired::Wait(_), None) => {}
            }
        }
        Err(unsteady().into())
    }

    /// A token that is still valid is served all the same (spec 1.2).
    fn fallback(&self, requirements: TokenRequirements, failure: Failure) -> Result<Arc<Served>, Error> {
        let lasting = !matches!(failure.kind, ErrorKind::SignedOut | ErrorKind::Misuse);
        let valid = self.engine.look(|machine, now| machine.fallback(requirements, now)).filter(|_| lasting);
        match valid {
            Some(current) => Ok(self.engine.served(&current)?),
            None => Err(failure.into()),
        }
    }

    async fn written(
        &self,
        begin: impl FnOnce(&mut Machine, Now) -> Result<Ticket, Failure>,
    ) -> Result<(), Error> {
        let (begun, waiter) = self.engine.ask_and_wait(self.deadline(None), |machine, now| {
            let begun = begin(machine, now);
            let ticket = begun.as_ref().ok().copied();
            (begun, ticket)
        });
        begun?;
        let Some(waiter) = waiter else { return Ok(()) };
        match self.engine.wait(waiter).await? {
            Done::Failed(failure) => Err(failure.into()),
            Done::Ready(_) | Done::Again => Ok(()),
        }
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

/// A credential that somebody brings, with what configuration and dialect say about it.
pub(crate) fn completed(mut credential: Credential, setup: &Setup) -> Credential {
    if setup.proofs.as_deref().is_some_and(Proofs::bind_tokens) {
        credential.token_type.get_or_insert_with(|| "DPoP".to_owned());
    }
    if let (None, Some(token)) = (credential.expiry, &credential.access_token) {
        credential.expiry = setup.dialect.end_by_jwt(token).map(Expiry::At);
    }
    credential
}

fn ticket(acquired: &Acquired) -> Option<Ticket> {
    match acquired {
        Acquired::Wait(ticket) => Some(*ticket),
        Acquired::Serve(_) | Acquired::Fail(_) => None,
    }
}

fn unsteady() -> Failure {
    Failure::new(
        ErrorKind::RefreshFailed,
        "the stored credential keeps changing under this session: find out what else writes it, then try again",
    )
}
