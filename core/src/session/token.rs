//! An access token, as served to callers.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::Guard;
use http::{HeaderName, HeaderValue};
use rekindle_proto::dialect::Placement;
use rekindle_proto::machine::{Current, Snapshot, Stamp};
use rekindle_proto::{Now, Secret};

/// A token with the header that carries it, made once for all requests.
pub(crate) struct Served {
    pub(crate) current: Arc<Current>,
    pub(crate) placement: Placement,
}

/// What the fast path reads.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) snapshot: Snapshot,
    pub(crate) served: Option<Arc<Served>>,
}

/// An access token (spec 1.7). Pass `value()` or `authorization()` only to code that needs them: Debug is redacted, and
/// there is no Display.
///
/// For requests through your own HTTP client use [`Session::call`](crate::Session::call), which also judges the response.
///
/// ```
/// # use rekindle::{Session, Credential};
/// # async fn f(session: Session) -> Result<(), rekindle::Error> {
/// let token = session.token().await?;
/// println!("generation {}, {token:?}", token.generation());
/// # Ok(()) }
/// ```
pub struct Token {
    storage: Storage,
    /// How often the request was sent again, and when it was first rejected.
    pub(crate) replays: u8,
    pub(crate) rejected: Option<u64>,
    /// Whether the request was sent again with the nonce that the server asked for.
    pub(crate) renonced: bool,
    /// How often it was sent again because the API may not know it yet; 0 if this send has another reason.
    pub(crate) settled: u8,
}

enum Storage {
    /// Borrowed from the published one, without writing shared memory.
    Borrowed(Guard<Arc<Published>>),
    Owned(Arc<Served>),
}

impl Token {
    /// The access token itself.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// assert_eq!(session.token().await?.value(), "at-1");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn value(&self) -> &str {
        self.served().current.value.expose()
    }

    pub(crate) fn is_past_end(&self, now: Now) -> bool {
        self.served().current.is_past_end(now)
    }

    /// The value of the token's header, `Bearer ...` unless the dialect defines another. Marked sensitive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let token = session.token().await?;
    /// assert_eq!(token.authorization(), "Bearer at-1");
    /// assert!(token.authorization().is_sensitive());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn authorization(&self) -> &HeaderValue {
        &self.served().placement.value
    }

    /// The name of the token's header, `authorization` unless the dialect defines another.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let token = session.token().await?;
    /// let mut request = http::Request::get("https://api.example.com/data").body(()).expect("a request");
    /// request.headers_mut().insert(token.header_name(), token.authorization().clone());
    /// assert_eq!(request.headers()["authorization"], "Bearer at-1");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn header_name(&self) -> &HeaderName {
        &self.served().placement.name
    }

    /// A number that increases with each new access token of a sign-in.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// let token = session.token().await?;
    /// assert!(session.refresh().await?.generation() > token.generation());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.served().current.generation
    }

    /// When the token expires, on the wall clock. `None` if unknown.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1")
    /// #     .expires_in(std::time::Duration::from_secs(900)).build()?;
    /// use std::time::Duration;
    ///
    /// let token = session.token().await?;
    /// let left = token.expires_at().expect("known").duration_since(std::time::SystemTime::now());
    /// assert!(left.is_ok_and(|left| left <= Duration::from_secs(900)));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.served().current.expires_at.map(SystemTime::from)
    }
}

impl Token {
    pub(crate) fn owned(served: Arc<Served>) -> Self {
        Self { storage: Storage::Owned(served), replays: 0, rejected: None, renonced: false, settled: 0 }
    }

    /// `None` if nothing is published.
    pub(crate) fn borrowed(published: Guard<Arc<Published>>) -> Option<Self> {
        let some = published.served.is_some();
        some.then(|| Self {
            storage: Storage::Borrowed(published),
            replays: 0,
            rejected: None,
            renonced: false,
            settled: 0,
        })
    }

    /// The same, to be kept: a borrowed one occupies one of the few slots of its thread.
    pub(crate) fn into_owned(self) -> Self {
        match self.storage {
            Storage::Borrowed(_) => self.clone(),
            Storage::Owned(_) => self,
        }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { replays: self.replays, rejected: self.rejected, ..Stamp::new(&self.served().current) }
    }

    /// The token for the replay of the request that carried this one and has this `stamp`.
    pub(crate) fn replay(&self, served: Arc<Served>, stamp: &Stamp) -> Self {
        let stamp = stamp.replayed(&served.current);
        let (replays, rejected) = (stamp.replays, stamp.rejected);
        Self { storage: Storage::Owned(served), replays, rejected, renonced: self.renonced, settled: 0 }
    }

    /// The same, for the one resend with a nonce (RFC 9449 section 9).
    pub(crate) fn renonced(&self) -> Self {
        Self { renonced: true, settled: 0, ..self.clone() }
    }

    /// The same, once more, for an API that may not know it yet.
    pub(crate) fn settling(&self) -> Self {
        Self { settled: self.settled.saturating_add(1), ..self.clone() }
    }

    pub(crate) fn settles_for(&self, settle: Duration, now: Now) -> Option<Duration> {
        self.served().current.settles_for(settle, now)
    }

    /// Whether it is bound to a key (RFC 9449).
    pub(crate) fn is_bound(&self) -> bool {
        self.served().current.token_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("DPoP"))
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.served().current.value
    }

    fn served(&self) -> &Served {
        match &self.storage {
            Storage::Borrowed(published) => {
                published.served.as_ref().expect("a token is borrowed only where one is published")
            }
            Storage::Owned(served) => served,
        }
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        let served = match &self.storage {
            Storage::Borrowed(published) => published.served.clone(),
            Storage::Owned(served) => Some(served.clone()),
        };
        let served = served.expect("a token is borrowed only where one is published");
        Self {
            storage: Storage::Owned(served),
            replays: self.replays,
            rejected: self.rejected,
            renonced: self.renonced,
            settled: self.settled,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("value", &"***")
            .field("generation", &self.generation())
            .field("expires_at", &self.expires_at())
            .finish()
    }
}
