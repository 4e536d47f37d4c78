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

/// Makes a [`Client`].
#[must_use]
pub struct ClientBuilder {
    session: Session,
    options: Result<Options, Error>,
}

impl ClientBuilder {
    pub(super) fn new(session: Session) -> Self {
        Self { session, options: Ok(Options::default()) }
    }

    /// What relative URLs are below; the session's token is for its origin as well. Its path is kept: `/pupils` below `https://a.test/v1` is
    /// `https://a.test/v1/pupils`.
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

    /// Where [`Client::graphql`] asks; `/graphql` unless told otherwise.
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

    /// A header of every request that does not set it itself.
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

    /// The deadline of each request, 60 s unless told otherwise; `Duration::MAX` means none.
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

    /// How long a connection may take to come about, within `timeout`; the transport's own (10 s) unless told otherwise.
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

    /// How long a server may be silent, within `timeout`: before its response, and between two pieces of the response's
    /// body. Neither connecting nor sending a body counts. No limit unless told otherwise.
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

    /// How many redirects are followed, 10 unless told otherwise.
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

    /// How long a body may be that is read whole, after decompression; 256 MiB unless told otherwise. A longer one is an
    /// error, for a few bytes of gzip become a thousand times as many. What is read as a stream has no limit.
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

    /// Whether a request without the header `traceparent` (W3C Trace Context) gets one, with a trace of its own. It is the same for
    /// each send of the request: replays, retries and redirects are one trace. One that you give is passed on as it is.
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

    /// How requests are sent again after transient failures.
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

    /// Keeps cookies, and sends each back to the origin that set it (feature `cookies`). A client without a jar keeps none.
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

    /// How this client's requests travel, where that is not how the session's token requests do: with a proxy,
    /// or roots of its own.
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

    /// The client; or what was wrong, by the argument's name.
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

/// More is hardly meant to be held in memory; a decompression bomb is.
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
