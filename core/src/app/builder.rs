//! Describing an app, or a session alone, which is an app with one key. Every setting is described once, for both.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::dialect::ClientAuth;
use rekindle_proto::sign_in::{RegisteredClient, ServerMetadata};
use rekindle_proto::{ClientCredentials, Credential, Expiry, Rotation, Secret};

use super::App;
use super::DialectSource;
use super::settings::{A_YEAR, Settings};
use crate::clock::Clock;
use crate::error::Error;
use crate::platform::host::Host;
use crate::proof::SigningKey;
use crate::session::{OnLoginRequired, Refresh, Session};
use crate::store::{DEFAULT_KEY, Store};
use crate::transport::Transport;

/// How many sessions that nobody holds an app keeps.
const MOST_IDLE: usize = 10_000;

/// Describes a [`Session`].
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

/// Describes an [`App`].
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

/// Describes an [`App`] or a [`Session`]. Every setting has the default of the spec.
#[must_use]
pub struct Builder<T> {
    settings: Settings,
    credential: Option<Credential>,
    key: Option<String>,
    most_idle: usize,
    made: PhantomData<fn() -> T>,
}

impl Session {
    /// Describes a session that speaks a dialect: a preset's name, a dialect file, or a
    /// [`Dialect`](crate::Dialect).
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
    /// Describes an app whose server speaks a dialect: a preset's name, a dialect file, or a
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
    /// Called with each event of each session, in order, on a thread of its own. The text is the session's key.
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

    /// How many sessions that nobody holds are kept in memory all the same, those that were used last. Default 10,000;
    /// each takes less than 2 KB. The others come back from the store when they are asked for.
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

    /// Makes the app. Nothing is read or sent yet.
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
    /// InvalidConfig, naming the setting that is wrong.
    pub fn build(self) -> Result<App, Error> {
        Ok(App::new(self.settings, self.most_idle, &BTreeSet::new())?)
    }
}

impl Builder<Session> {
    /// The credential to begin with, if the store has none (spec 7.3).
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

    /// Access and refresh token to begin with, if the store has none (spec 7.3).
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

    /// How long the access token to begin with still lives.
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

    /// Which of the store's records is this session's, where it keeps many. Default: `default`.
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

    /// Called with each event, in order, on a thread of its own.
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

    /// Makes the session. Nothing is read or sent yet.
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
    /// InvalidConfig, naming the setting that is wrong.
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

    /// The token endpoint, where the dialect does not name it.
    ///
    /// ```
    /// use rekindle::{ErrorKind, Session};
    ///
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/oauth/token").build()?;
    /// assert_eq!(session.dialect().name(), "oauth2");
    ///
    /// let mistake = Session::builder("oauth2").token_url("auth.example.com").build().unwrap_err();
    /// assert_eq!(mistake.kind(), ErrorKind::InvalidConfig);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.settings.token_url = Some(url.into());
        self
    }

    /// The authorization endpoint, where users sign in, if the dialect does not name it.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let builder = Session::builder("oauth2").token_url("https://auth.example.com/oauth/token").client_id("app");
    /// let session = builder.authorization_url("https://auth.example.com/oauth/authorize").build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn authorization_url(mut self, url: impl Into<String>) -> Self {
        self.settings.authorization_url = Some(url.into());
        self
    }

    /// What the server says of itself ([`discover`](crate::sign_in::discover)): its endpoints, for what is not set here and
    /// the dialect does not say.
    ///
    /// ```
    /// use rekindle::{Session, sign_in::ServerMetadata};
    ///
    /// let kept = br#"{"issuer": "https://auth.example.com", "token_endpoint": "https://auth.example.com/token",
    ///     "authorization_endpoint": "https://auth.example.com/authorize"}"#;
    /// let server = ServerMetadata::read("https://auth.example.com", kept)?;
    /// let session = Session::builder("oauth2").server(server).client_id("app").build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn server(mut self, server: ServerMetadata) -> Self {
        self.settings.server = Some(server);
        self
    }

    /// Whether authorization requests are pushed to the server where it takes that (RFC 9126), so that nobody else sees what
    /// is asked for, nor can change it on the way. Default: yes.
    ///
    /// ```
    /// let session = rekindle::Session::builder("google").client_id("app").pushed_requests(false).build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn pushed_requests(mut self, pushed: bool) -> Self {
        self.settings.pushes = pushed;
        self
    }

    /// A client that registered itself ([`register`](crate::sign_in::register)): its id, its secret, how it says who it is.
    ///
    /// ```
    /// use rekindle::{Session, sign_in::RegisteredClient};
    ///
    /// let kept = RegisteredClient::read(br#"{"client_id": "c-1", "token_endpoint_auth_method": "none"}"#)?;
    /// let session = Session::builder("google").registered_client(&kept)?.build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse: the server chose a way of client authentication that is not known here.
    pub fn registered_client(mut self, client: &RegisteredClient) -> Result<Self, Error> {
        self.settings.client_auth = Some(client.client_auth()?);
        self.settings.client_id = Some(client.client_id.clone());
        self.settings.client_secret.clone_from(&client.client_secret);
        Ok(self)
    }

    /// Signs the user in again when the session cannot be kept alive any more; meanwhile callers wait. It runs once in one
    /// process, however many of them there are, and not again within 30 s of its own failure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Credential, Error, OnLoginRequired, Session};
    ///
    /// struct Ask;
    /// #[async_trait::async_trait]
    /// impl OnLoginRequired for Ask {
    ///     async fn sign_in(&self, session: Session) -> Result<(), Error> {
    ///         session.sign_in(Credential { access_token: Some("at-1".into()), ..Credential::default() }).await
    ///     }
    /// }
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// let session = session.on_login_required(Ask).build()?;
    /// assert_eq!(session.token().await?.value(), "at-1");
    /// # Ok(()) }
    /// ```
    pub fn on_login_required(mut self, handler: impl OnLoginRequired) -> Self {
        self.settings.login = Some(Arc::new(handler));
        self
    }

    /// How long callers wait for [`on_login_required`](Self::on_login_required), within their own deadlines. Default: five
    /// minutes; zero: they get LoginRequired at once, while it runs.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// let session = builder.login_timeout(Duration::ZERO).build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn login_timeout(mut self, most: Duration) -> Self {
        self.settings.login_wait = most.min(A_YEAR);
        self
    }

    /// `client_id`.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.settings.client_id = Some(id.into());
        self
    }

    /// `client_secret`.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .client_secret("s3cret") // better: read from where you keep secrets
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.settings.client_secret = Some(secret.into());
        self
    }

    /// How the client says who it is to the token endpoint, where it is registered otherwise than the dialect says.
    ///
    /// ```
    /// use rekindle::{ClientAuth, Session};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .client_secret("s3cret")
    ///     .client_auth(ClientAuth::ClientSecretBasic)
    ///     .build()?;
    /// assert_eq!(session.dialect().client_auth(), ClientAuth::ClientSecretBasic);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.settings.client_auth = Some(auth);
        self
    }

    /// The key with which the client says who it is (`private_key_jwt`, RFC 7523), instead of a secret.
    ///
    /// ```
    /// use rekindle::{Session, SigningKey};
    ///
    /// # let (_, pem) = SigningKey::generate()?; let pem = pem.expose();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .client_key(SigningKey::from_pem(pem)?.key_id("2026-11"))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_key(mut self, key: SigningKey) -> Self {
        self.settings.client_key = Some(key);
        self
    }

    /// The key that the tokens are bound to (DPoP, RFC 9449): each request carries a proof made with it. It must
    /// be the one that the sign-in was made with.
    ///
    /// ```
    /// use rekindle::{Session, SigningKey};
    ///
    /// # let (_, pem) = SigningKey::generate()?; let pem = pem.expose();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .tokens("at-1", "rt-1")
    ///     .dpop_key(SigningKey::from_pem(pem)?)
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn dpop_key(mut self, key: SigningKey) -> Self {
        self.settings.dpop_key = Some(key);
        self
    }

    /// Whether, with a [`dpop_key`](Self::dpop_key), a token that the server says is not bound to it (`token_type`
    /// Bearer) is refused instead of served (default true; RFC 9449 section 5): whoever steals such a token can use
    /// it. False for servers that bind only the tokens of some clients.
    ///
    /// ```
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// builder.require_dpop(false).build()?;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn require_dpop(mut self, required: bool) -> Self {
        self.settings.require_dpop = required;
        self
    }

    /// A value for the dialect's URL templates: `tenant`, `instance`, ...
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("entra").variable("tenant", "contoso").client_id("app").build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.variables.insert(name.into(), value.into());
        self
    }

    /// Where the credential is stored. Default: in memory. An `Arc` of a store is a store, so one can be shared:
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

    /// An origin that the token is for, beside that of a client's base URL. Call it once for each.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .origin("https://api.example.com")
    ///     .build()?;
    /// let url = "https://api.example.com/data".parse().expect("a URL");
    /// assert!(session.owns(&url));
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.origins.push(origin.into());
        self
    }

    /// The origins that the token is for, beside that of a client's base URL, and no others (spec 9.1).
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .origins(["https://api.example.com", "https://files.example.com"])
    ///     .build()?;
    /// let url = "https://files.example.com/a.jpg".parse().expect("a URL");
    /// assert!(session.owns(&url));
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// An http origin, not on loopback, that tokens may be sent to all the same (`http://keycloak:8080` in Compose).
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("http://keycloak:8080/token")
    ///     .insecure_origin("http://keycloak:8080") // without this line: InvalidConfig
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn insecure_origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.insecure_origins.push(origin.into());
        self
    }

    /// What the server does with a used refresh token, where the dialect leaves it open (spec 6.1).
    ///
    /// ```
    /// use rekindle::{Rotation, Session};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .rotation(Rotation::Strict)
    ///     .build()?;
    /// assert_eq!(session.dialect().rotation(), Rotation::Strict);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.settings.rotation = Some(rotation);
        self
    }

    /// Whether tokens are refreshed in the background, before callers must wait (spec 1.2). Default: yes.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .background(false) // a command that runs once
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn background(mut self, background: bool) -> Self {
        self.settings.background = background;
        self
    }

    /// Whether a stored credential is used only if it was signed in for this dialect and these origins (default
    /// false). A program's own code decides where tokens go; where a file does that somebody else may have written,
    /// it must not lead a stored token to another place (spec 7.10). [`Session::rebind`] moves a credential.
    ///
    /// ```
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// builder.origin("https://api.example.com").strict_binding(true).build()?;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn strict_binding(mut self, strict: bool) -> Self {
        self.settings.strict_binding = strict;
        self
    }

    /// How long a caller waits for a token at most, to the next hundredth of a second. Default 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .wait_timeout(Duration::from_secs(5))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn wait_timeout(mut self, most: Duration) -> Self {
        self.settings.wait = most.min(A_YEAR);
        self
    }

    /// How long one token request may take at most. Default 60 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .send_timeout(Duration::from_secs(20))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn send_timeout(mut self, most: Duration) -> Self {
        self.settings.send = most.min(A_YEAR);
        self
    }

    /// How long a lease lasts without being renewed. Default 90 s; at least 1.5 times the send timeout.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let lease = |seconds| {
    ///     Session::builder("oauth2")
    ///         .token_url("https://auth.example.com/oauth/token")
    ///         .send_timeout(Duration::from_secs(20))
    ///         .lease(Duration::from_secs(seconds))
    ///         .build()
    /// };
    /// assert!(lease(30).is_ok());
    /// assert!(lease(29).is_err());
    /// ```
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.min(2 * A_YEAR);
        self
    }

    /// The client asks for tokens on its own behalf, without a user (RFC 6749 section 4.4): nobody signs in, the first
    /// token is asked for when it is needed. It needs a client secret or a client key.
    ///
    /// ```
    /// use rekindle::{ClientCredentials, Session};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("service")
    ///     .client_secret("s3cret") // better: read from where you keep secrets
    ///     .client_credentials(ClientCredentials::new().scope("read write"))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_credentials(mut self, request: ClientCredentials) -> Self {
        self.settings.client_credentials = Some(Arc::new(request));
        self
    }

    /// A refresh of your own instead of the dialect's request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Refresh, RefreshError, RefreshInput, Session, TokenResponse};
    ///
    /// struct ByHand;
    /// #[async_trait::async_trait]
    /// impl Refresh for ByHand {
    ///     async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
    ///         // ask your own service, with input.refresh_token
    ///         Ok(TokenResponse::new("at-2"))
    ///     }
    /// }
    ///
    /// let session = Session::builder("oauth2").tokens("at-1", "rt-1").refresh_with(ByHand).build()?;
    /// assert_eq!(session.refresh().await?.value(), "at-2");
    /// # Ok(()) }
    /// ```
    pub fn refresh_with(mut self, refresh: impl Refresh) -> Self {
        self.settings.refresh = Some(Arc::new(refresh));
        self
    }

    /// How token requests are sent. Default: reqwest; without the feature `http` there is none, and this must be given.
    /// An `Arc` of a transport is a transport, so one can be shared.
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

    /// The clocks; tests bring a [`ManualClock`](crate::clock::ManualClock).
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

    /// Driven by a host, in its turns and by its clock: no thread is started. Store and transport are then the host's too.
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

    /// Shares no state with other sessions of this process: a stand-in for another process, in tests.
    #[doc(hidden)]
    pub fn alone(mut self) -> Self {
        self.settings.alone = true;
        self
    }
}
