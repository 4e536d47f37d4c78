//! Many sessions of one configuration: one for each user. A single session is an app with one key.

mod builder;
mod dialect_source;
mod settings;
mod stores;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::dialect::Dialect;
use rekindle_proto::event::Warning;
use rekindle_proto::{Credential, Failure};

pub use builder::{AppBuilder, Builder, SessionBuilder};
pub use dialect_source::DialectSource;

use crate::error::Error;
use crate::session::engine::Engine;
use crate::session::registry::Registry;
use crate::session::setup::Setup;
use crate::session::{Session, Stats, completed};
use settings::{Settings, config};

/// A longer key is not an identifier of a user.
const LONGEST_KEY: usize = 1_024;

/// Keeps the sign-ins of many users alive, with one configuration, one transport and one store.
///
/// Cheap to clone; clones are the same app. Of the sessions that the program no longer holds, the app keeps the most
/// recently used ones; the others are dropped, and are loaded from the store again when needed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rekindle::Error> {
/// use rekindle::{App, Credential};
///
/// let app = App::builder("oauth2")
///     .token_url("https://auth.example.com/oauth/token")
///     .client_id("app")
///     .origin("https://api.example.com")
///     // .store(FileStore::folder("sessions")), or a store of your own
///     .build()?;
/// let tokens = Credential { access_token: Some("at-1".into()), ..Credential::default() };
/// app.session("user-42")?.sign_in(tokens).await?;
///
/// // in each request of that user's
/// let session = app.session("user-42")?;
/// assert_eq!(session.token().await?.authorization(), "Bearer at-1");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    setup: Arc<Setup>,
    /// `None`: the app of a single session.
    sessions: Option<Arc<Registry<Engine>>>,
    most_idle: usize,
}

impl App {
    /// Returns the session with this key; the same key always gives the same session. Does no I/O yet.
    ///
    /// A key identifies a user: not empty, at most 1,024 bytes, without control characters. The store keeps one record
    /// per key.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # use rekindle::{App, Credential};
    /// # let app = App::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// # let tokens = Credential { access_token: Some("at-1".into()), ..Credential::default() };
    /// app.session("ada")?.sign_in(tokens).await?;
    /// assert!(app.session("ada")?.token_if_valid().is_some());
    /// assert!(app.session("bob")?.token_if_valid().is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the key is invalid, or the store keeps only one record.
    pub fn session(&self, key: &str) -> Result<Session, Error> {
        Ok(self.session_of(key, None)?)
    }

    /// As [`App::session`], with an initial credential, used if the store has none (spec 7.3).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # use rekindle::{App, Credential};
    /// # let app = App::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// let tokens = Credential { access_token: Some("at-1".into()), ..Credential::default() };
    /// let session = app.seeded_session("ada", tokens)?;
    /// assert_eq!(session.token().await?.value(), "at-1");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`App::session`]; InvalidConfig if the session is in use and started with another credential.
    pub fn seeded_session(&self, key: &str, credential: Credential) -> Result<Session, Error> {
        Ok(self.session_of(key, Some(credential))?)
    }

    /// The number of sessions in memory: those that the program holds, and those most recently used.
    ///
    /// ```
    /// let app = rekindle::App::builder("google").build()?;
    /// app.session("ada")?;
    /// assert_eq!(app.sessions_in_memory(), 1);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn sessions_in_memory(&self) -> usize {
        self.0.sessions.as_ref().map_or(0, |sessions| sessions.len())
    }

    /// The counters of all sessions combined, including sessions that were dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let app = rekindle::App::builder("google").build()?;
    /// app.session("ada")?.sign_out().await?;
    /// app.session("bob")?.sign_out().await?;
    /// assert_eq!(app.stats().sign_outs, 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.setup.totals.read()
    }

    /// As [`Session::shutdown`], for all sessions.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let app = rekindle::App::builder("google").build()?;
    /// use std::time::Duration;
    ///
    /// assert!(app.shutdown(Duration::from_secs(5)).await);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown(&self, most: Duration) -> bool {
        let deadline = self.0.setup.clock.mono().saturating_add(most);
        let mut settled = true;
        for engine in self.0.sessions.iter().flat_map(|sessions| sessions.alive()) {
            settled &= engine.settle(deadline).await;
        }
        settled
    }

    /// Whether no work is in progress and everything is saved, in all sessions.
    ///
    /// ```
    /// let app = rekindle::App::builder("google").build()?;
    /// assert!(app.is_settled());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.0.sessions.iter().flat_map(|sessions| sessions.alive()).all(|engine| engine.is_settled())
    }

    /// The dialect.
    ///
    /// ```
    /// let app = rekindle::App::builder("google").build()?;
    /// assert_eq!(app.dialect().name(), "google");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.0.setup.dialect
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.0.setup
    }

    fn new(settings: Settings, most_idle: usize, kept: &BTreeSet<String>) -> Result<Self, Failure> {
        let (setup, scope) = settings.setup(kept)?;
        let sessions = match scope {
            Some(scope) => Some(stores::sessions(&scope)),
            None => (most_idle > 0).then(|| Arc::new(Registry::new(None))),
        };
        Ok(Self(Arc::new(Shared { setup: Arc::new(setup), sessions, most_idle })))
    }

    fn session_of(&self, key: &str, seed: Option<Credential>) -> Result<Session, Failure> {
        let setup = &self.0.setup;
        check_key(key, setup)?;
        let seed = seed.map(|seed| completed(seed, setup));
        if let Some(seed) = &seed {
            setup.machine.check(seed)?;
        }
        let engine = match &self.0.sessions {
            Some(sessions) => self.shared(sessions, key, seed)?,
            None => self.engine(key.into(), seed, None)?,
        };
        if setup.origins.any_insecure() {
            engine.warn(Warning::InsecureOrigin);
        }
        Ok(Session::of(engine, setup.clone()))
    }

    fn shared(
        &self,
        sessions: &Arc<Registry<Engine>>,
        key: &str,
        seed: Option<Credential>,
    ) -> Result<Arc<Engine>, Failure> {
        let setup = &self.0.setup;
        let make = |key| self.engine(key, seed.clone(), Some(sessions.clone()));
        let (engine, made) = sessions.get_or_make(key, self.0.most_idle, make)?;
        if made {
            return Ok(engine);
        }
        let ended = |engine: &Engine| self.0.most_idle == 0 && !engine.is_held();
        if let Err(failure) = engine.setup.agrees_with(setup) {
            return if ended(&engine) { sessions.replace(key, make) } else { Err(failure) };
        }
        if engine.setup.instance != setup.instance {
            // Two stores with the same identity. It is unknown whether they really are the same store, so each has
            // its own state, as if there were two processes.
            match engine.check_seed(seed.as_ref()) {
                Err(failure) if !ended(&engine) => return Err(failure),
                _ => return self.engine(key.into(), seed, None),
            }
        }
        if let Err(failure) = engine.accept_seed(seed.clone()) {
            return if ended(&engine) { sessions.replace(key, make) } else { Err(failure) };
        }
        if let Some(subscribers) = setup.subscribers.as_ref().filter(|_| !Arc::ptr_eq(&engine.setup, setup)) {
            engine.events.subscribe(subscribers);
        }
        Ok(engine)
    }

    fn engine(
        &self,
        key: Arc<str>,
        seed: Option<Credential>,
        sessions: Option<Arc<Registry<Engine>>>,
    ) -> Result<Arc<Engine>, Failure> {
        let entropy = self.0.setup.platform.entropy()?;
        Ok(Engine::new(self.0.setup.clone(), seed, entropy, key, sessions))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Sessions that are kept hold the registry; they are no longer needed.
        if let Some(sessions) = self.sessions.as_ref().filter(|_| self.most_idle > 0) {
            sessions.let_go();
        }
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("dialect", &self.dialect().name())
            .field("sessions_in_memory", &self.sessions_in_memory())
            .finish_non_exhaustive()
    }
}

fn check_key(key: &str, setup: &Setup) -> Result<(), Failure> {
    if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
        let what = format!("must be 1 to {LONGEST_KEY} bytes of text without control characters");
        return Err(config("key", &what));
    }
    if !setup.store.keyed() && key != crate::store::DEFAULT_KEY {
        let what = format!(
            "keeps one record, and the session's key is {key:?}: give a store that keeps one for each key, such as a \
             folder of files"
        );
        return Err(config("store", &what));
    }
    Ok(())
}
