//! An HTTP client on top of a session: sends the session's token to the session's origins, replays requests whose token
//! was rejected, follows redirects without leaking credentials, and retries transient failures.

mod base;
mod body;
mod builder;
mod call;
#[cfg(feature = "cookies")]
mod cookies;
mod deadline;
mod graphql;
mod graphql_request;
mod idle_timeout;
mod incoming;
mod multipart;
mod request;
mod response;
mod send;
mod settings;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod telemetry;
#[cfg(test)]
mod tests;
mod trace_context;
mod upload;

use std::fmt;
use std::sync::Arc;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use self::body::Body;
pub use self::builder::RequestBuilder;
#[cfg(feature = "cookies")]
pub use self::cookies::Cookies;
pub use self::graphql_request::GraphqlRequest;
pub use self::multipart::{Form, Part};
pub use self::response::{BodyStream, Response};
pub use self::settings::ClientBuilder;
use self::settings::Options;
use crate::error::Error;
pub use crate::error::{GraphqlError, Redirected};
use crate::retries::Retries;
use crate::session::Session;
use crate::transport::Transport;

/// An HTTP client that keeps its session alive. Cheap to clone.
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
    /// Whether the dialect reports errors with a success status.
    judges_success: bool,
}

impl Client {
    /// Creates a client of `session`; relative URLs are resolved below `base_url`.
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

    /// Builds a client with other settings.
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
        ClientBuilder::new(session)
    }

    /// A GET request for a path below the base URL, or for an absolute URL.
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

    /// A POST request.
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

    /// A PUT request.
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

    /// A PATCH request.
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

    /// A DELETE request.
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

    /// A HEAD request.
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

    /// An OPTIONS request.
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

    /// A request with any method.
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

    /// The URL of a request for this path.
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
    /// InvalidConfig: neither a path below the base URL nor an absolute URL.
    pub fn url(&self, path_or_url: impl AsRef<str>) -> Result<Url, Error> {
        base::resolve(self.0.options.base.as_ref(), path_or_url.as_ref())
    }

    /// Runs a GraphQL query or mutation. Returns its data, or an error of kind `GraphQL` with the errors of the
    /// response.
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

    /// Builds a GraphQL request with an operation name, headers or its own deadline.
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

    /// The client's session.
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.0.options.base.as_ref().map(|base| crate::error::place(base.url()).to_owned());
        f.debug_struct("Client").field("base_url", &base).finish_non_exhaustive()
    }
}
