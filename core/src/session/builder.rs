//! Making a session: what is wrong is an error here, not at the first request.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
#[cfg(feature = "runtime")]
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rekindle_proto::dialect::{ClientAuth, ClientIdentity, Dialect};
use rekindle_proto::event::Warning;
use rekindle_proto::machine::{Binding, MachineConfig};
use rekindle_proto::{Credential, ErrorKind, Expiry, Failure, Rotation, Secret};
use url::Url;

use super::Session;
use super::engine::Engine;
use super::events::OnEvent;
use super::origins::{Origins, same, secure};
use super::setup::Setup;
use super::source::{Custom, Endpoint, Refresh, Source};
use crate::clock::Clock;
#[cfg(feature = "runtime")]
use crate::clock::SystemClock;
use crate::error::Error;
use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::platform::{Platform, files, host::Host};
use crate::proof::{Proofs, SigningKey};
use crate::store::{MemoryStore, Store};
use crate::transport::Transport;

/// Sessions of this process, by store and configuration: they share one state (spec 4.2).
static ENGINES: PerProcess<Mutex<Engines>> = PerProcess::new();

/// What is longer means "for ever", and a moment that far off can still be added to any other.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The presets that were asked for: read once for all sessions.
static PRESETS: PerProcess<Mutex<BTreeMap<String, Dialect>>> = PerProcess::new();

#[cfg(feature = "runtime")]
static SYSTEM_CLOCK: LazyLock<Arc<dyn Clock>> = LazyLock::new(|| Arc::new(SystemClock));

type Engines = BTreeMap<String, Weak<Engine>>;

/// Where a dialect comes from: a preset's name, a file, or one that was made before.
#[derive(Clone, Debug)]
pub enum DialectSource {
    /// A preset's name, or the path of a dialect file (it ends in `.toml` or has a `/`).
    NameOrPath(String),
    /// A dialect file.
    File(PathBuf),
    /// A dialect.
    Dialect(Box<Dialect>),
}

impl From<&str> for DialectSource {
    fn from(name: &str) -> Self {
        Self::NameOrPath(name.to_owned())
    }
}

impl From<String> for DialectSource {
    fn from(name: String) -> Self {
        Self::NameOrPath(name)
    }
}

impl From<&Path> for DialectSource {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<Dialect> for DialectSource {
    fn from(dialect: Dialect) -> Self {
        Self::Dialect(Box::new(dialect))
    }
}

impl DialectSource {
    fn resolve(self) -> Result<Dialect, Failure> {
        match self {
            Self::NameOrPath(name) if name.ends_with(".toml") || name.contains('/') => read(Path::new(&name)),
            Self::NameOrPath(name) => preset(&name),
            Self::File(path) => read(&path),
            Self::Dialect(dialect) => Ok(*dialect),
        }
    }
}

fn read(path: &Path) -> Result<Dialect, Failure> {
    let text = files::text(path).map_err(|error| {
        let message = format!("dialect: {} cannot be read ({error})", path.display());
        Failure::new(ErrorKind::InvalidConfig, message)
    })?;
    parse(&text, path)
}

#[cfg(feature = "toml")]
fn parse(text: &str, path: &Path) -> Result<Dialect, Failure> {
    Dialect::from_toml(text, &path.display().to_string())
}

#[cfg(not(feature = "toml"))]
fn parse(_: &str, _: &Path) -> Result<Dialect, Failure> {
    Err(config("dialect", "is a TOML file, which this build does not read (feature `toml`): give it as data"))
}

/// Describes a session. Every setting has the default of the spec.
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
#[must_use]
pub struct SessionBuilder {
    dialect: DialectSource,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    client_key: Option<SigningKey>,
    dpop_key: Option<SigningKey>,
    variables: BTreeMap<String, String>,
    credential: Option<Credential>,
    store: Option<Arc<dyn Store>>,
    origins: Vec<String>,
    insecure_origins: Vec<String>,
    rotation: Option<Rotation>,
    client_auth: Option<ClientAuth>,
    background: bool,
    wait: Duration,
    send: Duration,
    lease: Duration,
    refresh: Option<Arc<dyn Refresh>>,
    on_event: Option<OnEvent>,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    host: Option<Host>,
    alone: bool,
}

impl SessionBuilder {
    pub(super) fn new(dialect: DialectSource) -> Self {
        Self {
            dialect,
            token_url: None,
            client_id: None,
            client_secret: None,
            client_key: None,
            dpop_key: None,
            variables: BTreeMap::new(),
            credential: None,
            store: None,
            origins: Vec::new(),
            insecure_origins: Vec::new(),
            rotation: None,
            client_auth: None,
            background: true,
            wait: Duration::from_secs(30),
            send: Duration::from_secs(60),
            lease: Duration::from_secs(90),
            refresh: None,
            on_event: None,
            transport: None,
            clock: None,
            host: None,
            alone: false,
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
        self.token_url = Some(url.into());
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
        self.client_id = Some(id.into());
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
        self.client_secret = Some(secret.into());
        self
    }

    /// How the client says who it is to the token endpoint, where it is registered otherwise than the dialect says.
    ///
    /// ```
    /// use rekindle::{Session, dialect::ClientAuth};
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
        self.client_auth = Some(auth);
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
        self.client_key = Some(key);
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
        self.dpop_key = Some(key);
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
        self.variables.insert(name.into(), value.into());
        self
    }

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

    /// Where the credential is kept. Default: in memory.
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
        self.store = Some(Arc::new(store));
        self
    }

    /// As [`SessionBuilder::store`], for a store that others hold too.
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
    ///     .shared_store(store.clone())
    ///     .build()?;
    /// session.token().await?;
    /// assert!(matches!(store.load().await, Ok(Loaded::Present(..))));
    /// # Ok(()) }
    /// ```
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
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
        self.origins.push(origin.into());
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
        self.origins.extend(origins.into_iter().map(Into::into));
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
        self.insecure_origins.push(origin.into());
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
        self.rotation = Some(rotation);
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
        self.background = background;
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
        self.wait = most.min(A_YEAR);
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
        self.send = most.min(A_YEAR);
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
        self.lease = lease.min(2 * A_YEAR);
        self
    }

    /// A refresh of your own instead of the dialect's request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Refresh, RefreshError, Session, Spend, proto::Grant};
    ///
    /// struct ByHand;
    /// #[async_trait::async_trait]
    /// impl Refresh for ByHand {
    ///     async fn refresh(&self, spend: Spend) -> Result<Grant, RefreshError> {
    ///         // ask your own service, with spend.refresh_token
    ///         Ok(Grant::new("at-2"))
    ///     }
    /// }
    ///
    /// let session = Session::builder("oauth2").tokens("at-1", "rt-1").refresh_with(ByHand).build()?;
    /// assert_eq!(session.refresh(false).await?.value(), "at-2");
    /// # Ok(()) }
    /// ```
    pub fn refresh_with(mut self, refresh: impl Refresh) -> Self {
        self.refresh = Some(Arc::new(refresh));
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
        self.on_event = Some(Arc::new(call));
        self
    }

    /// How token requests travel. Default: reqwest; without the feature `http` there is none, and this must be given.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use rekindle::{Session, transport::{ProxyChoice, ReqwestTransport, TransportOptions}};
    ///
    /// let options = TransportOptions { proxy: ProxyChoice::None, ..TransportOptions::default() };
    /// let transport = ReqwestTransport::new(options)?;
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .transport(Arc::new(transport))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The clocks; tests bring a [`ManualClock`](crate::clock::ManualClock).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use std::{sync::Arc, time::Duration};
    /// use rekindle::{Session, clock::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .tokens("at-1", "rt-1")
    ///     .expires_in(Duration::from_secs(900))
    ///     .background(false)
    ///     .clock(Arc::new(clock.clone()))
    ///     .build()?;
    /// session.token().await?;
    /// clock.advance(Duration::from_secs(900));
    /// assert!(session.token_if_valid().is_none()); // it ended
    /// # Ok(()) }
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
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
        self.host = Some(host.clone());
        self
    }

    /// Shares no state with other sessions of this process: a stand-in for another process, in tests.
    #[doc(hidden)]
    pub fn alone(mut self) -> Self {
        self.alone = true;
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
        Ok(self.make()?)
    }

    fn make(self) -> Result<Session, Failure> {
        let mut dialect = self.dialect.resolve()?;
        if let Some(rotation) = self.rotation {
            dialect = dialect.with_rotation(rotation);
        }
        if let Some(auth) = self.client_auth {
            if auth != ClientAuth::PrivateKeyJwt && self.client_key.is_some() {
                let what = "must be private_key_jwt where there is a client_key: leave one of them out";
                return Err(config("client_auth", what));
            }
            dialect = dialect.with_client_auth(auth);
        }
        match &self.client_key {
            Some(_) => dialect = dialect.with_client_auth(ClientAuth::PrivateKeyJwt),
            None if dialect.client_auth() == ClientAuth::PrivateKeyJwt && self.refresh.is_none() => {
                let what = "is missing: the dialect says `client_auth = \"private_key_jwt\"`";
                return Err(config("client_key", what));
            }
            None => {}
        }
        if let Some(credential) = &self.credential {
            credential.check()?;
        }
        if self.lease < self.send * 3 / 2 {
            return Err(config(
                "lease",
                "must be at least 1.5 times send_timeout, or it could end during a send",
            ));
        }
        let insecure = urls("insecure_origins", &self.insecure_origins)?;
        let listed = urls("origins", &self.origins)?;
        let origins = Origins::listing(&listed, insecure.clone())?;
        let token_url = self.token_url.as_deref().map(|text| url("token_url", text)).transpose()?;
        let identity = ClientIdentity {
            token_url,
            client_id: self.client_id,
            client_secret: self.client_secret,
            client_assertion: None,
            variables: self.variables,
        };
        let custom = self.refresh.is_some();
        if !custom {
            let kept =
                self.credential.iter().flat_map(|credential| credential.extra.keys().cloned()).collect();
            dialect.check_variables(&identity, &kept)?;
        }
        let thumbprint = self.dpop_key.as_ref().map(SigningKey::thumbprint);
        let client_key = self.client_key.as_ref().map(SigningKey::thumbprint);
        let binding =
            Binding { key_thumbprint: thumbprint, ..binding(&dialect, &identity, &insecure, custom)? };
        let proofs = Proofs::of(self.client_key, self.dpop_key);
        let transport = match self.transport {
            Some(transport) => transport,
            None => built_in()?,
        };
        let (platform, clock) = platform(self.host, self.clock)?;
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let secret = identity.client_secret.as_ref().map(Secret::fingerprint);
        let config = format!(
            "{binding:?}\n{secret:?}{client_key:?}\n{:?}\n{listed:?}{insecure:?}\n{:?}{:?}\n{:?}",
            dialect.fingerprint(),
            identity.token_url,
            identity.variables,
            (self.background, platform.id())
        );
        // Kept for as long as the session: a fingerprint is enough to tell two apart.
        let tag = |text: String| Secret::new(text).fingerprint().0;
        let key =
            store.identity().filter(|_| !self.alone && !custom).map(|store| format!("{store}\n{config}"));
        // Keys have a state of their own: nonces, and the server's clock.
        let made_from = (!custom && proofs.is_none()).then(|| {
            let times = (self.send, self.lease);
            tag(format!("{config}\n{times:?}{}", store.shared()))
        });
        let dialect = Arc::new(dialect);
        let mut machine = MachineConfig::new(dialect.rotation(), binding);
        machine.old_token_dies = dialect.old_token_dies();
        machine.background = self.background && dialect.proactive();
        machine.shared = store.shared();
        machine.boot = platform.boot_id();
        machine.send_cap = self.send;
        machine.lease = self.lease;
        machine.uncapped = custom;
        let placed = dialect.clone();
        machine.servable = Arc::new(move |token, kind| placed.place(token, kind).map(drop));
        let source: Arc<dyn Source> = match self.refresh {
            Some(refresh) => Arc::new(Custom(refresh)),
            None => Arc::new(Endpoint {
                dialect: dialect.clone(),
                identity,
                proofs: proofs.clone(),
                transport: transport.clone(),
                clock: clock.clone(),
                falls_back: AtomicBool::new(false),
            }),
        };
        let setup = Setup {
            dialect,
            machine: Arc::new(machine),
            source,
            known: Arc::new(origins.urls()),
            origins: Arc::new(origins),
            transport: transport.clone(),
            clock,
            platform,
        };
        let setup = setup.shared(made_from);
        let origins = setup.origins.clone();
        let credential = self.credential.map(|credential| bound(credential, proofs.as_deref()));
        let make = || {
            let entropy = setup.platform.entropy()?;
            Ok(Engine::new(setup, credential, entropy, store))
        };
        let engine = match key {
            Some(key) => shared(tag(key), make)?,
            None => make()?,
        };
        if let Some(call) = self.on_event {
            engine.events.subscribe(call);
        }
        if origins.any_insecure() {
            engine.warn(Warning::InsecureOrigin);
        }
        Ok(Session { engine, origins, transport, proofs, wait: self.wait })
    }
}

fn preset(name: &str) -> Result<Dialect, Failure> {
    let presets = PRESETS.get_checked(|_| Mutex::default());
    let mut presets = presets.lock();
    if let Some(known) = presets.get(name) {
        return Ok(known.clone());
    }
    let dialect = Dialect::preset(name)?;
    presets.insert(name.to_owned(), dialect.clone());
    Ok(dialect)
}

/// A user's token that is bound to a key says so, even if the user does not.
pub(super) fn bound(mut credential: Credential, proofs: Option<&Proofs>) -> Credential {
    if proofs.is_some_and(Proofs::bind_tokens) {
        credential.token_type.get_or_insert_with(|| "DPoP".to_owned());
    }
    credential
}

/// The engine of that key, made if there is none.
fn shared(key: String, make: impl FnOnce() -> Result<Arc<Engine>, Failure>) -> Result<Arc<Engine>, Failure> {
    // A forked child's sessions share the state of those that it inherited, if nobody was just making one.
    let inherit = |engines: &Mutex<Engines>| engines.try_lock().map(|engines| engines.clone());
    let engines = ENGINES.get_checked(|old| Mutex::new(old.and_then(inherit).unwrap_or_default()));
    let mut engines = engines.lock();
    engines.retain(|_, engine| engine.strong_count() > 0);
    if let Some(engine) = engines.get(&key).and_then(Weak::upgrade) {
        return Ok(engine);
    }
    let engine = make()?;
    engines.insert(key, Arc::downgrade(&engine));
    Ok(engine)
}

/// Whom the records of this session belong to (spec 7.5); checks that the endpoint may be asked (spec 5.6).
fn binding(
    dialect: &Dialect,
    identity: &ClientIdentity,
    insecure: &[Url],
    custom: bool,
) -> Result<Binding, Failure> {
    let token_endpoint = if custom {
        "custom".to_owned()
    } else {
        let url = dialect.token_url(identity)?;
        if !secure(&url) && !insecure.iter().any(|allowed| same(allowed, &url)) {
            let what = "is neither https nor loopback: use https, or list its origin in insecure_origins";
            return Err(config("token_url", what));
        }
        without_query(url)
    };
    Ok(Binding { token_endpoint, client_id: identity.client_id.clone(), key_thumbprint: None })
}

#[cfg(feature = "http")]
fn built_in() -> Result<Arc<dyn Transport>, Failure> {
    use crate::transport::{ReqwestTransport, TransportOptions};
    let made = ReqwestTransport::new(TransportOptions::default());
    Ok(Arc::new(made.map_err(|error| error.failure().clone())?))
}

#[cfg(not(feature = "http"))]
fn built_in() -> Result<Arc<dyn Transport>, Failure> {
    Err(config("transport", "is missing: this build has no HTTP stack of its own (feature `http`)"))
}

/// Where it runs, and by which clock.
#[cfg(feature = "runtime")]
fn platform(
    host: Option<Host>,
    clock: Option<Arc<dyn Clock>>,
) -> Result<(Platform, Arc<dyn Clock>), Failure> {
    Ok(match host {
        Some(host) => (Platform::Host(host.clone()), host.clock()),
        None => (Platform::Thread, clock.unwrap_or_else(|| SYSTEM_CLOCK.clone())),
    })
}

/// Where it runs, and by which clock.
#[cfg(not(feature = "runtime"))]
fn platform(host: Option<Host>, _: Option<Arc<dyn Clock>>) -> Result<(Platform, Arc<dyn Clock>), Failure> {
    let host = host.ok_or_else(|| {
        config("host", "is missing: this build has no threads and clocks of its own (feature `runtime`)")
    })?;
    Ok((Platform::Host(host.clone()), host.clock()))
}

fn without_query(mut url: Url) -> String {
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn urls(setting: &str, texts: &[String]) -> Result<Vec<Url>, Failure> {
    texts.iter().map(|text| url(setting, text)).collect()
}

fn url(setting: &str, text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|error| {
        config(setting, &format!("is not a URL ({error}): write it with its scheme, https://..."))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(config(setting, "must be an http or https URL with a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config(setting, "must not carry user name or password"));
    }
    Ok(url)
}

fn config(setting: &str, what: &str) -> Failure {
    Failure::new(ErrorKind::InvalidConfig, format!("{setting} {what}"))
}
