//! Builders of an app, and of a single session, which is an app with one key. Every setting is defined once, for both.

mod behaviour;
mod parts;
mod server;

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::{Credential, Expiry, Secret};

use super::App;
use super::DialectSource;
use super::settings::Settings;
use crate::error::Error;
use crate::session::Session;
use crate::store::DEFAULT_KEY;

/// The default number of idle sessions that an app keeps.
const MOST_IDLE: usize = 10_000;

/// Builds a [`Session`].
///
/// ```
/// use std::time::Duration;
/// use rekindle::Session;
///
/// let session = Session::builder("oauth2")
///     .token_url("https://auth.example.com/oauth/token")
///     .client_id("app")
///     .tokens("at-1", "rt-1")
///     .expires_in(Duration::from_secs(900))
///     .origin("https://api.example.com")
///     .build()?;
/// # let _ = session;
/// # Ok::<(), rekindle::Error>(())
/// ```
pub type SessionBuilder = Builder<Session>;

/// Builds an [`App`].
///
/// ```
/// use rekindle::{App, store::FileStore};
///
/// let app = App::builder("oauth2")
///     .token_url("https://auth.example.com/oauth/token")
///     .client_id("app")
///     .origin("https://api.example.com")
///     .store(FileStore::folder("sessions"))
///     .build()?;
/// # let _ = app;
/// # Ok::<(), rekindle::Error>(())
/// ```
pub type AppBuilder = Builder<App>;

/// Builds an [`App`] or a [`Session`]. Every setting has the default of the spec.
#[must_use]
pub struct Builder<T> {
    settings: Settings,
    credential: Option<Credential>,
    key: Option<String>,
    most_idle: usize,
    made: PhantomData<fn() -> T>,
}

impl Session {
    /// Builds a session that uses a dialect: the name of a preset, a dialect file, or a [`Dialect`](crate::Dialect).
    ///
    /// ```
    /// use rekindle::{Session, Dialect};
    ///
    /// let preset = Session::builder("google").build()?;
    /// let dialect = Session::builder(Dialect::preset("google").expect("a preset")).build()?;
    /// assert_eq!(preset.dialect().name(), dialect.dialect().name());
    ///
    /// let mistake = Session::builder("gogle").build().unwrap_err();
    /// assert!(mistake.message().contains("there is no preset `gogle`"));
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn builder(dialect: impl Into<DialectSource>) -> SessionBuilder {
        Builder::new(dialect.into())
    }
}

impl App {
    /// Builds an app whose server uses a dialect: the name of a preset, a dialect file, or a
    /// [`Dialect`](crate::Dialect).
    ///
    /// ```
    /// use rekindle::App;
    ///
    /// let app = App::builder("google").client_id("app").build()?;
    /// assert_eq!(app.dialect().name(), "google");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn builder(dialect: impl Into<DialectSource>) -> AppBuilder {
        Builder::new(dialect.into())
    }
}

impl Builder<App> {
    /// Called with each event of each session, in order, on its own thread. The text is the session's key.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use std::sync::mpsc;
    /// use rekindle::App;
    ///
    /// let (report, reported) = mpsc::channel();
    /// let app = App::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .on_event(move |key, event| drop(report.send((key.to_owned(), event.kind.name()))))
    ///     .build()?;
    /// app.session("user-42")?.sign_out().await?;
    /// assert_eq!(reported.recv(), Ok(("user-42".to_owned(), "SignedOut")));
    /// # Ok(()) }
    /// ```
    pub fn on_event(mut self, call: impl Fn(&str, &rekindle_proto::Event) + Send + Sync + 'static) -> Self {
        self.settings.on_event = Some(Arc::new(call));
        self
    }

    /// How many sessions that the program no longer holds stay in memory: the most recently used ones. Defaults to
    /// 10,000; each takes less than 2 KB. The others are loaded from the store again when needed.
    ///
    /// ```
    /// use rekindle::App;
    ///
    /// let app = App::builder("google").idle_sessions(100).build()?;
    /// for user in 0..1_000 {
    ///     app.session(&format!("user-{user}"))?;
    /// }
    /// assert_eq!(app.sessions_in_memory(), 100);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn idle_sessions(mut self, most: usize) -> Self {
        self.most_idle = most;
        self
    }

    /// Builds the app. Does no I/O yet.
    ///
    /// ```
    /// use rekindle::App;
    ///
    /// let missing = App::builder("oauth2").build().unwrap_err();
    /// assert!(missing.message().contains("token_url"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the invalid setting.
    pub fn build(self) -> Result<App, Error> {
        Ok(App::new(self.settings, self.most_idle, &BTreeSet::new())?)
    }
}

impl Builder<Session> {
    /// The initial credential, used if the store has none (spec 7.3).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Credential, Session};
    ///
    /// let credential = Credential {
    ///     access_token: Some("at-1".into()),
    ///     refresh_token: Some("rt-1".into()),
    ///     ..Credential::default()
    /// };
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .credential(credential)
    ///     .build()?;
    /// assert_eq!(session.token().await?.value(), "at-1");
    /// # Ok(()) }
    /// ```
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The initial access token and refresh token, used if the store has none (spec 7.3).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .tokens("at-1", "rt-1")
    ///     .build()?;
    /// assert_eq!(session.token().await?.value(), "at-1");
    /// # Ok(()) }
    /// ```
    pub fn tokens(mut self, access_token: impl Into<Secret>, refresh_token: impl Into<Secret>) -> Self {
        let credential = self.credential.get_or_insert_default();
        credential.access_token = Some(access_token.into());
        credential.refresh_token = Some(refresh_token.into());
        self
    }

    /// The remaining lifetime of the initial access token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .tokens("at-1", "rt-1")
    ///     .expires_in(Duration::from_secs(900))
    ///     .build()?;
    /// assert!(session.token().await?.expires_at().is_some());
    /// # Ok(()) }
    /// ```
    pub fn expires_in(mut self, left: Duration) -> Self {
        self.credential.get_or_insert_default().expiry = Some(Expiry::In(left));
        self
    }

    /// The key of this session's record in a store with several records. Defaults to `default`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use std::sync::Arc;
    /// use rekindle::{Session, store::{Loaded, MemoryStore, Store}};
    ///
    /// let store = Arc::new(MemoryStore::new());
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .tokens("at-1", "rt-1")
    ///     .store(store.clone())
    ///     .key("user-42")
    ///     .build()?;
    /// session.token().await?;
    /// assert!(matches!(store.load("user-42").await, Ok(Loaded::Present(..))));
    /// # Ok(()) }
    /// ```
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Called with each event, in order, on its own thread.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use std::sync::mpsc;
    /// use rekindle::Session;
    ///
    /// let (report, reported) = mpsc::channel();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .on_event(move |event| drop(report.send(event.kind.name())))
    ///     .build()?;
    /// session.sign_out().await?;
    /// assert_eq!(reported.recv(), Ok("SignedOut"));
    /// # Ok(()) }
    /// ```
    pub fn on_event(mut self, call: impl Fn(&rekindle_proto::Event) + Send + Sync + 'static) -> Self {
        self.settings.on_event = Some(Arc::new(move |_: &str, event: &rekindle_proto::Event| call(event)));
        self
    }

    /// Builds the session. Does no I/O yet.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let missing = Session::builder("oauth2").build().unwrap_err();
    /// assert!(missing.message().contains("token_url"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the invalid setting.
    pub fn build(self) -> Result<Session, Error> {
        let kept = self.credential.iter().flat_map(|credential| credential.extra.keys().cloned()).collect();
        let app = App::new(self.settings, 0, &kept)?;
        let key = self.key.as_deref().unwrap_or(DEFAULT_KEY);
        Ok(app.session_of(key, self.credential)?)
    }
}

impl<T> Builder<T> {
    fn new(dialect: DialectSource) -> Self {
        Self {
            settings: Settings::new(dialect),
            credential: None,
            key: None,
            most_idle: MOST_IDLE,
            made: PhantomData,
        }
    }
}
