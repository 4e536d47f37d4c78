//! The response that the caller gets (spec 3.5).

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode, Version};
use rekindle_proto::dialect::is_html;
use rekindle_proto::{ErrorKind, Verdict};
use serde::de::DeserializeOwned;
use url::Url;

use super::deadline::Deadline;
use super::incoming::{Incoming, Unread};
use super::request::Request;
use crate::error::{Error, ErrorResponse, Redirected, place};
use crate::session::ReplayRefused;
use crate::transport::TransportResponse;

/// A response: its head, and its body as a stream.
///
/// An error status is not an error by itself: see [`error_for_status`](Self::error_for_status).
pub struct Response(pub(super) Box<Parts>);

/// A request and its result share one box from the start of the request to the last byte of its response: both are
/// moved several times, and a box costs more than most other steps of a request.
pub(super) struct Parts {
    pub(super) request: Request,
    pub(super) history: Vec<Redirected>,
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
    pub(super) verdict: Found,
    pub(super) replay_refused: Option<ReplayRefused>,
    pub(super) elapsed: Duration,
    /// For reading the rest of the body.
    pub(super) deadline: Deadline,
}

/// The judgement of a response to a request with our token. Boxed: nearly all are accepted.
pub(super) enum Found {
    Not,
    Accepted,
    Otherwise(Box<Verdict>),
}

impl Found {
    pub(super) fn of(verdict: Option<Verdict>) -> Self {
        match verdict {
            None => Self::Not,
            Some(Verdict::Accepted) => Self::Accepted,
            Some(verdict) => Self::Otherwise(Box::new(verdict)),
        }
    }

    pub(super) fn get(&self) -> Option<&Verdict> {
        match self {
            Self::Not => None,
            Self::Accepted => Some(&Verdict::Accepted),
            Self::Otherwise(verdict) => Some(verdict),
        }
    }
}

impl Parts {
    /// There is no response yet.
    pub(super) fn of(request: Request) -> Self {
        Self {
            request,
            history: Vec::new(),
            status: StatusCode::default(),
            version: Version::default(),
            headers: HeaderMap::new(),
            body: Incoming::of(Bytes::new()),
            verdict: Found::Not,
            replay_refused: None,
            elapsed: Duration::ZERO,
            deadline: Deadline::none(),
        }
    }

    /// The response to the last send of the request.
    pub(super) fn answer(&mut self, answer: TransportResponse, elapsed: Duration) {
        self.status = answer.status;
        self.version = answer.version;
        self.headers = answer.headers;
        let (upload, accepted) = (self.request.body.upload(), answer.status.is_success());
        self.body = Incoming::new(answer.body).during(upload, accepted);
        self.verdict = Found::Not;
        self.replay_refused = None;
        self.elapsed = elapsed;
    }

    /// The response as data, for the error that it led to (spec 3.5).
    pub(super) fn to_error_response(&self) -> ErrorResponse {
        let mut response = ErrorResponse::new(self.status, self.request.url.clone());
        response.headers = self.headers.clone();
        response.set_body(self.body.read().clone());
        response.verdict = self.verdict().cloned();
        response.replay_refused = self.replay_refused();
        response.history = self.history.clone();
        response.version = self.version;
        response.elapsed = self.elapsed;
        response
    }

    fn verdict(&self) -> Option<&Verdict> {
        self.body.found().or(self.verdict.get())
    }

    fn replay_refused(&self) -> Option<ReplayRefused> {
        match self.body.found() {
            Some(Verdict::Expired { .. }) => Some(ReplayRefused::Streamed),
            _ => self.replay_refused,
        }
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

impl Response {
    /// The status.
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
    /// let response = client.get("/export").send().await?;
    /// assert!(response.status().is_success());
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The headers.
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
    /// let response = client.get("/export").send().await?;
    /// assert_eq!(response.headers()["content-length"], "8");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The final URL, after redirects.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new();
    /// # let script = script.step(Step::on("GET", "/old").text(302, "").header("location", "/new"));
    /// # let script = script.step(Step::on("GET", "/new").text(200, "here"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.get("/old").send().await?;
    /// assert_eq!(response.url().path(), "/new");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.request.url
    }

    /// The redirects that were followed, in order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new();
    /// # let script = script.step(Step::on("GET", "/old").text(302, "").header("location", "/new"));
    /// # let script = script.step(Step::on("GET", "/new").text(200, "here"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.get("/old").send().await?;
    /// assert_eq!(response.history()[0].status, 302);
    /// assert_eq!(response.history()[0].url.path(), "/old");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn history(&self) -> &[Redirected] {
        &self.0.history
    }

    /// The HTTP version.
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
    /// let response = client.get("/export").send().await?;
    /// assert_eq!(response.version(), http::Version::HTTP_11);
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// The time until the response head arrived, including replays, retries and redirects.
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
    /// let response = client.get("/export").send().await?;
    /// println!("{} after {:?}", response.status(), response.elapsed());
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// What the response says about our token. `None` if the request did not carry it (spec 2.2).
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
    /// use rekindle::Verdict;
    ///
    /// let response = client.get("/export").send().await?;
    /// assert_eq!(response.verdict(), Some(&Verdict::Accepted));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.0.verdict()
    }

    /// Why the request was not sent again although its token was rejected.
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
    /// let response = client.get("/export").send().await?;
    /// if let Some(reason) = response.replay_refused() {
    ///     println!("not sent again: {}", reason.name());
    /// }
    /// # assert!(response.replay_refused().is_none());
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn replay_refused(&self) -> Option<ReplayRefused> {
        self.0.replay_refused()
    }

    /// The length of the body, if the server states it.
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
    /// let response = client.get("/export").send().await?;
    /// assert_eq!(response.content_length(), Some(8));
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.0.content_length()
    }

    /// Returns an error of kind `HttpStatus`, which carries this response, if the status is 400 or above.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils/7").text(404, "no such pupil"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let error = client.get("/pupils/7").send().await?.error_for_status().unwrap_err();
    /// assert_eq!(error.status(), Some(404));
    /// assert_eq!(error.into_response().unwrap().text(), "no such pupil");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub fn error_for_status(self) -> Result<Self, Error> {
        match self.error_for_status_ref() {
            Ok(_) => Ok(self),
            Err(error) => Err(error),
        }
    }

    /// As [`error_for_status`](Self::error_for_status), without consuming the response.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils/7").text(404, "no such pupil"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let response = client.get("/pupils/7").send().await?;
    /// let error = response.error_for_status_ref().unwrap_err();
    /// assert_eq!(error.status(), Some(404));
    /// assert_eq!(response.text().await?, "no such pupil");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// HttpStatus if the status is 400 or above.
    pub fn error_for_status_ref(&self) -> Result<&Self, Error> {
        if !self.0.status.is_client_error() && !self.0.status.is_server_error() {
            return Ok(self);
        }
        let message = format!(
            "{} from {}; read its response for the reason",
            self.0.status,
            place(&self.0.request.url)
        );
        let after = self.retry_after();
        let response = self.0.to_error_response();
        Err(Error::new(ErrorKind::HttpStatus, message).with_retry_after(after).with_response(response))
    }

    /// Reads the whole body, within the request's deadline.
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
    /// let table = client.get("/export").send().await?.bytes().await?;
    /// assert_eq!(&table[..4], b"a;b\n");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        self.read().await
    }

    /// Reads the whole body as text; invalid UTF-8 is replaced.
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
    /// let table = client.get("/export").send().await?.text().await?;
    /// assert_eq!(table, "a;b\nc;d\n");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub async fn text(mut self) -> Result<String, Error> {
        let bytes = self.read().await?;
        Ok(match String::from_utf8(bytes.into()) {
            Ok(text) => text,
            Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
        })
    }

    /// Reads the whole body as JSON. An error carries this response, with its body still readable.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/classes/4").text(200, r#"{"name":"4b"}"#));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// #[derive(serde::Deserialize)]
    /// struct Class { name: String }
    ///
    /// let class: Class = client.get("/classes/4").send().await?.json().await?;
    /// assert_eq!(class.name, "4b");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let bytes = self.read().await?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(value),
            Err(cause) => {
                self.0.body = Incoming::of(bytes);
                Err(self.unreadable(&cause))
            }
        }
    }

    /// The next chunk of the body, without a deadline. Returns `None` once at the end; later calls fail with Misuse.
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
    /// let mut response = client.get("/export").send().await?;
    /// while let Some(chunk) = response.chunk().await? {
    ///     println!("{} bytes", chunk.len());
    /// }
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.0.body.chunk().await.map_err(|cause| self.unread(cause))
    }

    /// The body as a stream, without a deadline.
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
    /// use futures_util::TryStreamExt;
    ///
    /// let response = client.get("/export").send().await?;
    /// let chunks: Vec<bytes::Bytes> = response.into_stream().try_collect().await?;
    /// assert_eq!(chunks.concat(), b"a;b\nc;d\n");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn into_stream(self) -> BodyStream {
        BodyStream { unread: self.0.body.may_be_streamed().err(), body: self.0.body }
    }

    /// Reads the body once, as [`Response::bytes`] does, and keeps the response. Afterwards, [`Response::verdict`]
    /// takes the body into account.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rekindle_test_server::{Script, Step, TestServer};
    /// # let script = Script::new().step(Step::on("GET", "/pupils").text(200, "Ada"));
    /// # let server = TestServer::start(script)?;
    /// # let api = server.base_url();
    /// # let session = rekindle::Session::builder("json").token_url(&api).tokens("at-1", "rt-1").build()?;
    /// # let client = rekindle::Client::new(session, &api)?;
    /// let mut response = client.get("/pupils").send().await?;
    /// assert_eq!(response.read().await?, "Ada");
    /// assert_eq!(response.verdict().expect("it carried our token").name(), "accepted");
    /// # server.assert_consumed();
    /// # Ok(()) }
    /// ```
    pub async fn read(&mut self) -> Result<Bytes, Error> {
        let Parts { deadline, body, request, .. } = &mut *self.0;
        let read = deadline.bound(body.read_all(request.max_body_bytes)).await;
        read.ok_or_else(|| request.late("reading the body"))?.map_err(|cause| self.unread(cause))
    }

    fn unread(&self, cause: Unread) -> Error {
        match cause {
            Unread::Broken(cause) => Error::from(cause),
            Unread::HandedOut(what) => Error::new(ErrorKind::Misuse, what),
            Unread::TooLong => {
                let (limit, place) = (self.0.request.max_body_bytes, place(&self.0.request.url));
                let message = format!(
                    "the body from {place} is longer than {limit} bytes; read it as a stream, or raise max_body_bytes"
                );
                Error::new(ErrorKind::InvalidResponse, message)
            }
        }
    }

    /// The error for a body that cannot be parsed. The parser's message would quote the body.
    pub(super) fn unreadable(self, cause: &serde_json::Error) -> Error {
        let response = self.0.to_error_response();
        let at = || format!(", at line {} column {}", cause.line(), cause.column());
        let what = match cause.classify() {
            _ if response.body.trim_ascii().is_empty() => "the body is empty, not JSON".to_owned(),
            _ if is_html(&response.headers, &response.body) => {
                "the body is an HTML page, not JSON".to_owned()
            }
            serde_json::error::Category::Data => format!("the JSON does not have the expected shape{}", at()),
            serde_json::error::Category::Eof => format!("the JSON ends too early{}", at()),
            _ => format!("the body is not JSON{}", at()),
        };
        let (status, place) = (self.0.status, place(&self.0.request.url));
        let message = format!("{what}, in a {status} from {place}; read the error's response to see it");
        Error::new(ErrorKind::InvalidResponse, message).with_response(response)
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.verdict() {
            Some(Verdict::RateLimited { after } | Verdict::Unavailable { after }) => *after,
            _ => None,
        }
    }
}

/// As if it had just arrived, with the body that was kept.
impl From<ErrorResponse> for Response {
    fn from(response: ErrorResponse) -> Self {
        let ErrorResponse {
            status,
            headers,
            url,
            body,
            verdict,
            replay_refused,
            history,
            version,
            elapsed,
            ..
        } = response;
        let request = Request::new(http::Method::default(), url, None);
        let verdict = Found::of(verdict);
        let body = Incoming::of(body);
        Self(Box::new(Parts {
            history,
            status,
            version,
            headers,
            body,
            verdict,
            replay_refused,
            elapsed,
            ..Parts::of(request)
        }))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.0.status)
            .field("url", &place(&self.0.request.url))
            .field("verdict", &self.verdict().map(Verdict::name))
            .field("replay_refused", &self.replay_refused())
            .finish_non_exhaustive()
    }
}

/// The body of a response as a stream: see [`Response::into_stream`].
#[derive(Debug)]
pub struct BodyStream {
    body: Incoming,
    /// Why the body cannot be read.
    unread: Option<&'static str>,
}

impl Stream for BodyStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(what) = self.unread.take() {
            return Poll::Ready(Some(Err(Error::new(ErrorKind::Misuse, what))));
        }
        Pin::new(&mut self.body).poll_next(context).map(|chunk| chunk.map(|chunk| chunk.map_err(Error::from)))
    }
}
