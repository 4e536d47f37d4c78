//! Builds a request. Invalid arguments are reported by `send`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rekindle_proto::Failure;
use rekindle_proto::retry::RetryPolicy;
use serde::Serialize;
use url::Url;

use super::body::Body;
use super::multipart::Form;
use super::request::{IDEMPOTENCY_KEY, Reading, Request, add, checked};
use super::response::{Parts, Response};
#[cfg(not(any(feature = "metrics", feature = "tracing")))]
use super::send;
use super::{Client, Options};
use crate::error::{Error, place};
use crate::transport::BoxError;

/// Builds a request; [`send`](Self::send) reports invalid arguments.
#[must_use = "nothing happens before `send`"]
pub struct RequestBuilder {
    client: Client,
    /// With space for the response.
    made: Result<Box<Parts>, Error>,
}

impl RequestBuilder {
    pub(super) fn new(client: &Client, method: Method, url: Result<Url, Error>) -> Self {
        let Options { timeout, max_body_bytes, .. } = *client.settings();
        let request = |url| Request { max_body_bytes, ..Request::new(method, url, timeout) };
        let made = url.map(|url| Box::new(Parts::of(request(url))));
        Self { client: client.clone(), made }
    }

    /// Adds a header. A credential header (`Authorization`, or the dialect's own) replaces the session's: the response
    /// to such a request is not judged, and the request is not replayed (spec 2.2).
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
    /// let response = client.get("/pupils").header("accept-language", "de").send().await?;
    /// # let sent = |name: &str, value: &str| server.log()[0].headers.contains(&(name.into(), value.into()));
    /// # assert!(sent("accept-language", "de"));
    /// # let _ = response;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.change(|request| {
            let name = name
                .try_into()
                .map_err(|_| Error::config("header", "not a header name, use letters, digits and hyphens"))?;
            let value = value.try_into().map_err(|_| {
                Failure::config("header", format_args!(" `{name}`: not a header value: remove line breaks"))
            })?;
            add(&mut request.headers, "header", name, value)
        })
    }

    /// Sets headers; existing headers with the same names are replaced.
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
    /// use http::{HeaderMap, HeaderValue, header};
    ///
    /// let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/csv"))]);
    /// let response = client.get("/pupils").headers(headers).send().await?;
    /// # let sent = |name: &str, value: &str| server.log()[0].headers.contains(&(name.into(), value.into()));
    /// # assert!(sent("accept", "text/csv"));
    /// # let _ = response;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.change(|request| {
            let names: Vec<HeaderName> = headers.keys().cloned().collect();
            names.iter().for_each(|name| drop(request.headers.remove(name)));
            request.headers.extend(headers);
            Ok(())
        })
    }

    /// Adds parameters to the query string: a struct, a map or pairs.
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
    /// let request = client.get("/pupils").query(&[("class", "4b"), ("page", "2")]);
    /// let response = request.send().await?;
    /// assert_eq!(response.url().query(), Some("class=4b&page=2"));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.change(|request| {
            let text = serde_urlencoded::to_string(query).map_err(|_| {
                Error::config("query", "not name and value pairs: a query cannot hold nested values")
            })?;
            if !text.is_empty() {
                let whole =
                    request.url.query().filter(|old| !old.is_empty()).map(|old| format!("{old}&{text}"));
                request.url.set_query(Some(&whole.unwrap_or(text)));
            }
            Ok(())
        })
    }

    /// Sends `value` as JSON.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").body_contains("4b").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// #[derive(serde::Serialize)]
    /// struct Pupil { class: &'static str }
    ///
    /// client.post("/pupils").json(&Pupil { class: "4b" }).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|request| {
            let json = serde_json::to_vec(value).map_err(|_| {
                Error::config("json", "cannot be written as JSON: use strings for the keys of maps")
            })?;
            request.set_body(json.into(), Some(HeaderValue::from_static("application/json")));
            Ok(())
        })
    }

    /// Sends a form as `application/x-www-form-urlencoded`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").body_contains("4b&year").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let form = [("class", "4b"), ("year", "2030")];
    /// client.post("/pupils").form(&form).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.change(|request| {
            let text = serde_urlencoded::to_string(form).map_err(|_| {
                Error::config("form", "not name and value pairs: a form cannot hold nested values")
            })?;
            let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.set_body(text.into(), Some(media_type));
            Ok(())
        })
    }

    /// Sends a multipart form.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").body_contains("4b").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use rekindle::client::{Form, Part};
    ///
    /// let form = Form::new().text("class", "4b").part("list", Part::bytes("a;b").file_name("list.csv"));
    /// client.post("/pupils").multipart(form).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn multipart(self, form: Form) -> Self {
        self.change(|request| {
            let (media_type, body) = form.encode()?;
            request.headers.remove(CONTENT_TYPE);
            request.set_body(body, Some(media_type));
            Ok(())
        })
    }

    /// Sends bytes or text, or a [`Body`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").body_contains("4b").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// client.post("/pupils").header("content-type", "text/csv").body("class\n4b\n").send().await?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.change(|request| {
            request.set_body(body.into(), None);
            Ok(())
        })
    }

    /// Sends a stream that can be read once. If the token is rejected, the token is refreshed, but this request is not
    /// sent again (spec 3.4).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").body_contains("4b").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use bytes::Bytes;
    /// use futures_util::stream;
    ///
    /// let lines = stream::iter(["class\n", "4b\n"].map(|line| Ok::<_, std::io::Error>(Bytes::from(line))));
    /// client.post("/pupils").body_stream(lines).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn body_stream<S, E>(self, chunks: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.body(Body::once(chunks, None))
    }

    /// Sends a stream that can be created again, so that the request can be sent again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").body_contains("4b").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use bytes::Bytes;
    /// use futures_util::stream;
    ///
    /// let line = |text: &'static str| Ok::<_, std::io::Error>(Bytes::from(text));
    /// let lines = move || stream::iter([line("class\n"), line("4b\n")]);
    /// client.post("/pupils").body_factory(lines).send().await?.error_for_status()?;
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn body_factory<F, S, E>(self, make: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.body(Body::factory(make, None))
    }

    /// The deadline for the whole request: refreshes, replays, retries, redirects, and reading the whole body.
    /// `Duration::MAX` means none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils").delay_ms(2_000).text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use std::time::Duration;
    ///
    /// let late = client.get("/pupils").timeout(Duration::from_millis(50)).send().await;
    /// assert!(late.unwrap_err().is_timeout());
    /// # Ok(()) }
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|request| {
            request.timeout = Some(timeout);
            Ok(())
        })
    }

    /// Overrides the client's connect timeout
    /// ([`ClientBuilder::connect_timeout`](super::ClientBuilder::connect_timeout)).
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
    /// use std::time::Duration;
    ///
    /// let response = client.get("/pupils").connect_timeout(Duration::from_secs(3)).send().await?;
    /// assert_eq!(response.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.change(|request| {
            request.own().connect_timeout = Some(timeout);
            Ok(())
        })
    }

    /// Overrides the client's read timeout ([`ClientBuilder::read_timeout`](super::ClientBuilder::read_timeout)).
    /// `Duration::MAX` means no limit other than `timeout`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/pupils").delay_ms(2_000).text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use std::time::Duration;
    ///
    /// let silent = client.post("/pupils").read_timeout(Duration::from_millis(50)).send().await;
    /// assert!(silent.unwrap_err().is_timeout());
    /// # Ok(()) }
    /// ```
    pub fn read_timeout(self, timeout: Duration) -> Self {
        self.change(|request| {
            request.own().read_timeout = Some(timeout);
            Ok(())
        })
    }

    /// Sends an `Idempotency-Key`: the server applies the request once even if it is sent several times, so it may be
    /// retried (spec 8.1).
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
    /// let key = "2c1f6a0e-order-17"; // one for each thing that is to happen once
    /// client.post("/pupils").idempotency_key(key).send().await?.error_for_status()?;
    /// # let sent = |name: &str, value: &str| server.log()[0].headers.contains(&(name.into(), value.into()));
    /// # assert!(sent("idempotency-key", key));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        self.change(|request| {
            let value = HeaderValue::from_str(key.as_ref())
                .map_err(|_| Error::config("idempotency_key", "not a header value: remove line breaks"))?;
            request.headers.insert(IDEMPOTENCY_KEY, value);
            Ok(())
        })
    }

    /// Overrides the client's retry policy for this request. Retries still count against the client's budget.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils").text(500, "")).step(Step::on("GET", "/pupils").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// use rekindle::{RetryPolicy, RetryStatuses};
    ///
    /// let policy = RetryPolicy { statuses: RetryStatuses::of([500, 503])?, ..RetryPolicy::default() };
    /// assert_eq!(client.get("/pupils").retry(policy).send().await?.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.change(|request| {
            checked(&policy)?;
            request.own().retry = Some(policy);
            Ok(())
        })
    }

    /// Whether the request may be sent again if the server may already have applied it. By default the method and the
    /// operation decide: a GET may, a POST may not. Use `true` for a POST that only reads, `false` for a request that
    /// must be sent only once, even if the token was rejected.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("POST", "/search").text(503, "")).step(Step::on("POST", "/search").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let search = client.post("/search").json(&serde_json::json!({ "class": "4b" })).replay(true);
    /// assert_eq!(search.send().await?.status(), 200);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn replay(self, may_be_applied_twice: bool) -> Self {
        self.change(|request| {
            request.own().replay = Some(may_be_applied_twice);
            Ok(())
        })
    }

    /// Sends the request without the session's token, and without waiting for one. The response says nothing about the
    /// token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/health").text(200, ""));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.get("/health").without_token().send().await?;
    /// assert_eq!(response.verdict(), None);
    /// # assert!(!server.log()[0].headers.iter().any(|(name, _)| name == "authorization"));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn without_token(self) -> Self {
        self.change(|request| {
            request.own().without_token = true;
            Ok(())
        })
    }

    /// Whether to follow redirects. Defaults to true.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/old").text(302, "").header("location", "/new"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.get("/old").follow_redirects(false).send().await?;
    /// assert_eq!(response.status(), 302);
    /// assert_eq!(response.headers()["location"], "/new");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn follow_redirects(self, follow: bool) -> Self {
        self.change(|request| {
            request.follow_redirects = follow;
            Ok(())
        })
    }

    /// Returns the body as a stream, even if the dialect reports errors in the body: for downloads and event streams.
    /// An expired token that is detected in the body affects only the next request (spec 2.6).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/export").text(200, "a;b\nc;d\n"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let mut response = client.get("/export").streamed().send().await?;
    /// let mut size = 0;
    /// while let Some(chunk) = response.chunk().await? {
    ///     size += chunk.len();
    /// }
    /// assert_eq!(size, 8);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn streamed(self) -> Self {
        self.reading(Reading::Streamed)
    }

    /// A header, unless the caller has set it.
    pub(super) fn or_header(self, name: &'static str, value: &'static str) -> Self {
        self.change(|request| {
            request.headers.entry(name).or_insert(HeaderValue::from_static(value));
            Ok(())
        })
    }

    pub(super) fn reading(self, reading: Reading) -> Self {
        self.change(|request| {
            request.reading = reading;
            Ok(())
        })
    }

    /// Sends the request, with the session's token if the URL belongs to the session's origins. Returns when the head
    /// of the final response has arrived.
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
    ///
    /// // a mistake in the making is told here, and nothing is sent
    /// let mistake = client.get("/pupils").header("no header name", "x").send().await.unwrap_err();
    /// assert_eq!(mistake.kind(), rekindle::ErrorKind::InvalidConfig);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub async fn send(self) -> Result<Response, Error> {
        #[cfg(not(any(feature = "metrics", feature = "tracing")))]
        return send::send(self.client, self.made?).await;
        #[cfg(any(feature = "metrics", feature = "tracing"))]
        return super::telemetry::send(self.client, self.made?).await;
    }

    fn change(mut self, change: impl FnOnce(&mut Request) -> Result<(), Error>) -> Self {
        if let Ok(made) = &mut self.made
            && let Err(error) = change(&mut made.request)
        {
            self.made = Err(error);
        }
        self
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.made {
            Ok(made) => write!(f, "RequestBuilder({} {})", made.request.method, place(&made.request.url)),
            Err(error) => write!(f, "RequestBuilder({error})"),
        }
    }
}
