//! The settings of a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use rekindle_proto::Failure;
use rekindle_proto::retry::RetryPolicy;

#[cfg(feature = "cookies")]
use super::Cookies;
use super::base::{self, Base};
use super::{Client, Inner, request};
use crate::error::Error;
use crate::retries::Retries;
use crate::session::Session;
use crate::transport::Transport;

/// Builds a [`Client`].
#[must_use]
pub struct ClientBuilder {
    session: Session,
    options: Result<Options, Error>,
}

impl ClientBuilder {
    pub(super) fn new(session: Session) -> Self {
        Self { session, options: Ok(Options::default()) }
    }

    /// The base of relative URLs; the session's token is also sent to its origin. The path is kept: `/pupils` below
    /// `https://a.test/v1` is `https://a.test/v1/pupils`.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .build()?;
    /// let request = format!("{:?}", client.get("/pupils"));
    /// assert_eq!(request, "RequestBuilder(GET https://api.example.com/v1/pupils)");
    /// # Ok(()) }
    /// ```
    pub fn base_url(self, url: impl AsRef<str>) -> Self {
        self.change(|options| {
            options.base = Some(Base::new(base::absolute("base_url", url.as_ref())?));
            Ok(())
        })
    }

    /// Where [`Client::graphql`] sends requests. Defaults to `/graphql`.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .graphql_path("/api/graphql")
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn graphql_path(self, path_or_url: impl Into<String>) -> Self {
        self.change(|options| {
            options.graphql_path = path_or_url.into();
            Ok(())
        })
    }

    /// A header for every request that does not set it itself.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .default_header("accept-language", "de")
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn default_header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.change(|options| {
            let name = name.try_into().map_err(|_| Error::config("default_header", "not a header name"))?;
            let value = value.try_into().map_err(|_| {
                let what = format_args!(" `{name}`: not a header value: remove line breaks");
                Failure::config("default_header", what)
            })?;
            request::add(&mut options.default_headers, "default_header", name, value)
        })
    }

    /// The deadline of each request. Defaults to 60 s; `Duration::MAX` means none.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use std::time::Duration;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .timeout(Duration::from_secs(10))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|options| {
            options.timeout = Some(timeout);
            Ok(())
        })
    }

    /// The connect timeout, within `timeout`. Defaults to the transport's (10 s).
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use std::time::Duration;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .connect_timeout(Duration::from_secs(3))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.change(|options| {
            options.connect_timeout = Some(timeout);
            Ok(())
        })
    }

    /// The longest time the server may be silent, within `timeout`: before its response, and between two chunks of the
    /// response body. Connecting and sending a body do not count. No limit by default.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use std::time::Duration;
    /// use rekindle::Client;
    ///
    /// // A long download, from a server that may not stop in the middle of it.
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .timeout(Duration::MAX)
    ///     .read_timeout(Duration::from_secs(20))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn read_timeout(self, timeout: Duration) -> Self {
        self.change(|options| {
            options.read_timeout = Some(timeout);
            Ok(())
        })
    }

    /// The maximum number of redirects. Defaults to 10.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .max_redirects(3)
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn max_redirects(self, most: usize) -> Self {
        self.change(|options| {
            options.max_redirects = most;
            Ok(())
        })
    }

    /// The maximum size, after decompression, of a body that is read completely. Defaults to 256 MiB. A longer body is
    /// an error, because a few bytes of gzip can expand a thousandfold. Bodies that are read as a stream have no limit.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .max_body_bytes(16 * 1024 * 1024)
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn max_body_bytes(self, most: usize) -> Self {
        self.change(|options| {
            options.max_body_bytes = most;
            Ok(())
        })
    }

    /// Whether to add a `traceparent` header (W3C Trace Context) with a new trace to requests without one. All sends of
    /// a request share it: replays, retries and redirects are one trace. A header that you set is sent unchanged.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let server = TestServer::start(Script::new().step(Step::on("GET", "/data").text(200, "")))?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// let client = rekindle::Client::builder(session).base_url(&api).traceparent(true).build()?;
    /// client.get("/data").send().await?;
    /// # assert!(server.log()[0].headers.iter().any(|(name, value)| name == "traceparent" && value.len() == 55));
    /// # Ok(()) }
    /// ```
    pub fn traceparent(self, generate: bool) -> Self {
        self.change(|options| {
            options.traceparent = generate;
            Ok(())
        })
    }

    /// How transient failures are retried.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::RetryPolicy;
    /// use rekindle::Client;
    ///
    /// let client = Client::builder(session)
    ///     .base_url("https://api.example.com/v1")
    ///     .retry(RetryPolicy { max_sends: 5, ..RetryPolicy::default() })
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.change(|options| {
            request::checked(&policy)?;
            options.retry = policy;
            Ok(())
        })
    }

    /// Stores cookies and returns each to the origin that set it (feature `cookies`). Without a jar, a client stores no
    /// cookies.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/enter").text(200, "").header("set-cookie", "id=7; Path=/"));
    /// # let server = TestServer::start(script.step(Step::on("GET", "/data").text(200, "")))?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// use rekindle::Client;
    /// use rekindle::client::Cookies;
    ///
    /// let client = Client::builder(session).base_url(&api).cookies(Cookies::new()).build()?;
    /// client.get("/enter").send().await?;
    /// client.get("/data").send().await?;
    /// # assert!(server.log()[1].headers.contains(&("cookie".into(), "id=7".into())));
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "cookies")]
    pub fn cookies(self, cookies: Cookies) -> Self {
        self.change(|options| {
            options.cookies = Some(cookies);
            Ok(())
        })
    }

    /// The transport of this client's requests, if it differs from that of the session's token requests: for example
    /// with a proxy or its own root certificates.
    ///
    /// ```no_run
    /// # fn make(session: rekindle::Session) -> Result<rekindle::Client, rekindle::Error> {
    /// use rekindle::transport::{ReqwestTransport, TransportOptions};
    ///
    /// let options = TransportOptions { http2: false, ..TransportOptions::default() };
    /// rekindle::Client::builder(session).transport(ReqwestTransport::new(options)?).build()
    /// # }
    /// ```
    pub fn transport(self, transport: impl Transport) -> Self {
        self.change(|options| {
            options.transport = Some(Arc::new(transport));
            Ok(())
        })
    }

    /// Builds the client; an error names the invalid argument.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// use rekindle::{Client, ErrorKind};
    ///
    /// let mistake = Client::builder(session)
    ///     .base_url("/v1")
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(mistake.kind(), ErrorKind::InvalidConfig);
    /// # Ok(()) }
    /// ```
    pub fn build(self) -> Result<Client, Error> {
        let (options, mut session) = (self.options?, self.session);
        match &options.base {
            Some(base) => session = session.with_base(base.url())?,
            None => session.require_origins().map_err(|_| {
                let problem = "is missing, and the session lists no origins: no request would carry its token; give base_url, \
                               or list the API's origin in origins";
                Error::config("base_url", problem)
            })?,
        }
        let judges_success = session.dialect().errors_with_success_status();
        let retries = Arc::new(Retries::new(options.retry));
        Ok(Client(Arc::new(Inner { session, options, retries, judges_success })))
    }

    fn change(mut self, change: impl FnOnce(&mut Options) -> Result<(), Error>) -> Self {
        if let Ok(options) = &mut self.options
            && let Err(error) = change(options)
        {
            self.options = Err(error);
        }
        self
    }
}

/// A larger body is hardly meant to be held in memory, but a decompression bomb is larger.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Options {
    pub(super) base: Option<Base>,
    pub(super) graphql_path: String,
    pub(crate) default_headers: HeaderMap,
    pub(crate) timeout: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
    pub(crate) max_redirects: usize,
    pub(crate) max_body_bytes: usize,
    pub(super) traceparent: bool,
    pub(super) retry: RetryPolicy,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "cookies")]
    pub(super) cookies: Option<Cookies>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base: None,
            graphql_path: "/graphql".to_owned(),
            default_headers: HeaderMap::new(),
            timeout: Some(Duration::from_secs(60)),
            connect_timeout: None,
            read_timeout: None,
            max_redirects: 10,
            max_body_bytes: MAX_BODY_BYTES,
            traceparent: false,
            retry: RetryPolicy::default(),
            transport: None,
            #[cfg(feature = "cookies")]
            cookies: None,
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
