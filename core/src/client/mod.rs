//! An HTTP client on top of a session: it sends the session's token where it belongs, replays what a
//! server turned away for an old one, follows redirects without leaking, and retries what passes by itself.

mod base;
mod body;
mod builder;
mod call;
#[cfg(feature = "cookies")]
mod cookies;
mod deadline;
mod graphql;
mod graphql_request;
mod incoming;
mod multipart;
mod request;
mod response;
mod send;
mod silence;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod telemetry;
#[cfg(test)]
mod tests;
mod trace_context;
mod upload;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use rekindle_proto::Failure;
use rekindle_proto::retry::RetryPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use self::base::Base;
pub use self::body::Body;
pub use self::builder::RequestBuilder;
#[cfg(feature = "cookies")]
pub use self::cookies::Cookies;
pub use self::graphql_request::GraphqlRequest;
pub use self::multipart::{Form, Part};
pub use self::response::{BodyStream, Response};
use crate::error::Error;
pub use crate::error::{GraphqlError, Redirected};
use crate::retries::Retries;
use crate::session::Session;
use crate::transport::Transport;

/// An HTTP client whose session stays alive. Cheap to clone.
///
/// ```no_run
/// # async fn run(session: rekindle::Session) -> Result<(), rekindle::Error> {
/// use rekindle::Client;
///
/// let client = Client::new(session, "https://api.school.test/v1")?;
/// let pupils: serde_json::Value = client.get("/pupils").query(&[("class", "4b")]).send().await?.json().await?;
/// let made = client.post("/pupils").json(&serde_json::json!({ "name": "Ada" })).send().await?;
/// assert_eq!(made.error_for_status()?.status(), 201);
/// # let _ = pupils;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    session: Session,
    options: Options,
    retries: Arc<Retries>,
    /// The dialect tells errors with success status.
    judges_success: bool,
}

/// More is hardly meant to be held in memory; a decompression bomb is.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Options {
    base: Option<Base>,
    graphql_path: String,
    pub(crate) default_headers: HeaderMap,
    pub(crate) timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    pub(crate) max_redirects: usize,
    pub(crate) max_body_bytes: usize,
    traceparent: bool,
    retry: RetryPolicy,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    #[cfg(feature = "cookies")]
    cookies: Option<Cookies>,
}

/// Makes a [`Client`].
#[must_use]
pub struct ClientBuilder {
    session: Session,
    options: Result<Options, Error>,
}

impl Client {
    /// A client of `session`; relative URLs are below `base_url`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::Client;
    ///
    /// let client = Client::new(session, "https://api.example.com/v1")?;
    /// let request = format!("{:?}", client.get("/pupils"));
    /// assert_eq!(request, "RequestBuilder(GET https://api.example.com/v1/pupils)");
    /// # Ok(()) }
    /// ```
    pub fn new(session: Session, base_url: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(session).base_url(base_url).build()
    }

    /// A client with other settings.
    ///
    /// ```no_run
    /// # fn make(session: rekindle::Session) -> Result<rekindle::Client, rekindle::Error> {
    /// use std::time::Duration;
    ///
    /// rekindle::Client::builder(session)
    ///     .base_url("https://api.school.test/v1")
    ///     .default_header("accept-language", "de")
    ///     .timeout(Duration::from_secs(10))
    ///     .build()
    /// # }
    /// ```
    pub fn builder(session: Session) -> ClientBuilder {
        let options = Options {
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
        };
        ClientBuilder { session, options: Ok(options) }
    }

    /// A GET of a path below the base URL, or of a whole URL.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.get("/pupils").send().await?;
    /// assert_eq!(response.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn get(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::GET, path_or_url)
    }

    /// A POST.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.post("/pupils").json(&serde_json::json!({ "class": "4b" })).send().await?;
    /// assert_eq!(response.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn post(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::POST, path_or_url)
    }

    /// A PUT.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("PUT", "/pupils/7").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.put("/pupils/7").json(&serde_json::json!({ "class": "4b" })).send().await?;
    /// assert_eq!(response.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn put(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PUT, path_or_url)
    }

    /// A PATCH.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("PATCH", "/pupils/7").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.patch("/pupils/7").json(&serde_json::json!({ "class": "5b" })).send().await?;
    /// assert_eq!(response.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn patch(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PATCH, path_or_url)
    }

    /// A DELETE.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("DELETE", "/pupils/7").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// client.delete("/pupils/7").send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn delete(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::DELETE, path_or_url)
    }

    /// A HEAD.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("HEAD", "/pupils").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.head("/pupils").send().await?;
    /// println!("{:?} bytes", response.content_length());
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn head(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::HEAD, path_or_url)
    }

    /// An OPTIONS.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("OPTIONS", "/pupils").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.options("/pupils").send().await?;
    /// println!("{:?}", response.headers().get("allow"));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn options(&self, path_or_url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::OPTIONS, path_or_url)
    }

    /// A request of any method.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("REPORT", "/calendar").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let method = http::Method::from_bytes(b"REPORT")?;
    /// let response = client.request(method, "/calendar").send().await?;
    /// assert_eq!(response.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn request(&self, method: Method, path_or_url: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder::new(self, method, base::resolve(self.0.options.base.as_ref(), path_or_url.as_ref()))
    }

    /// Where a request of that path would go.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.build()?;
    /// let client = rekindle::Client::new(session, "https://api.example.com/v1")?;
    /// assert_eq!(client.url("/pupils")?.as_str(), "https://api.example.com/v1/pupils");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: it is no path below the base URL, and no whole URL.
    pub fn url(&self, path_or_url: impl AsRef<str>) -> Result<Url, Error> {
        base::resolve(self.0.options.base.as_ref(), path_or_url.as_ref())
    }

    /// Runs a GraphQL query or mutation; gives its data, or an error of kind `GraphQL` with the answer's errors.
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Data { me: Me }
    /// #[derive(serde::Deserialize)]
    /// struct Me { name: String }
    ///
    /// let data: Data = client.graphql("query Me { me { name } }", ()).await?;
    /// println!("{}", data.me.name);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn graphql<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: impl Serialize,
    ) -> Result<T, Error> {
        self.graphql_request(query).variables(variables).send().await
    }

    /// A GraphQL request with more to it: an operation's name, headers, a deadline of its own.
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// use std::time::Duration;
    ///
    /// let query = client.graphql_request("query Me { me { name } }").operation_name("Me");
    /// let data: serde_json::Value = query.timeout(Duration::from_secs(5)).send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn graphql_request<'a>(&self, query: &'a str) -> GraphqlRequest<'a> {
        GraphqlRequest::new(self, query)
    }

    /// The session that it stands on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let client = rekindle::Client::new(session, "https://api.example.com")?;
    /// let token = client.session().token().await?;
    /// assert_eq!(token.value(), "at-1");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        self.0.options.transport.as_ref().unwrap_or_else(|| self.0.session.transport())
    }

    pub(crate) fn settings(&self) -> &Options {
        &self.0.options
    }

    fn judges_success(&self) -> bool {
        self.0.judges_success
    }
}

impl ClientBuilder {
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
                let what = format_args!(" `{name}`: not a header value, leave out line breaks");
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.0.options.base.as_ref().map(|base| crate::error::place(base.url()).to_owned());
        f.debug_struct("Client").field("base_url", &base).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
