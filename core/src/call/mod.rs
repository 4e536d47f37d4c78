//! The protocol for your own HTTP client: which headers to add to a request, how much of its response to read, and
//! what to do then. It sends nothing itself.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), rekindle::Error> {
//! # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
//! # let (api, tokens) = (server.base_url(), server.sign_in());
//! # server.expire_all_access_tokens();
//! # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
//! # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
//! # let transport = rekindle::transport::ReqwestTransport::new(Default::default())?;
//! # let url: url::Url = format!("{api}/data").parse().unwrap();
//! # // Stands for the reader's own HTTP client.
//! # let send = async |headers: http::HeaderMap| {
//! #     use futures_util::TryStreamExt as _;
//! #     use rekindle::transport::{Transport as _, TransportRequest};
//! #     let mut request = TransportRequest::new(http::Method::GET, url.clone());
//! #     request.headers = headers;
//! #     let response = transport.send(request).await?;
//! #     let body = response.body.try_collect::<Vec<_>>().await?.concat();
//! #     Ok::<_, rekindle::Error>((response.status, response.headers, body))
//! # };
//! use http::{HeaderMap, Method};
//! use rekindle::call::{Content, Next};
//!
//! let headers = HeaderMap::new(); // the request's own
//! let mut call = session.call(Method::GET, url.clone(), &headers, Content::none());
//! let mut signed = headers.clone();
//! call.headers().await?.apply(&mut signed);
//! let response = loop {
//!     let response = send(signed).await?;
//!     let (status, answered, body) = &response;
//!     match call.answered(*status, answered, body).await? {
//!         Next::SendAgain(fresh) => {
//!             signed = headers.clone();
//!             fresh.apply(&mut signed);
//!         }
//!         Next::Keep(_) => break response,
//!     }
//! };
//! assert_eq!(response.0, 200);
//! # Ok(()) }
//! ```

mod content;
mod headers;
mod reads;
mod redirect;
mod retry;
mod state;
mod target;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use rekindle_proto::{Exchange, Operation, Verdict};
use url::Url;

pub use self::content::Content;
pub(crate) use self::content::{may_be_graphql, operation};
pub use self::headers::Headers;
pub use self::reads::Reads;
pub(crate) use self::redirect::drop_body_headers;
pub use self::redirect::{Hop, keep_what_may_travel, may_travel, next_hop};
pub(crate) use self::retry::OfClient;
pub(crate) use self::state::{Follows, State};
pub use self::state::{Judged, Unsigned};
pub use self::target::Target;
use crate::error::{Error, ErrorResponse};
use crate::session::{ReplayRefused, Session, Token};

/// One request of your own HTTP client, until its last response. Created by [`Session::call`].
///
/// It shares no state with other calls, counts its replays, and waits only in [`Call::headers`] and [`Call::answered`].
pub struct Call {
    session: Session,
    state: State,
    method: Method,
    url: Url,
    content: Content,
    operation: Option<Operation>,
    likely_graphql: bool,
    /// The HTTP client followed a redirect by itself, and the method may have had an effect.
    redirected: bool,
    deadline: Option<Duration>,
    reading: Reading,
    /// The additions of a client's settings.
    client: Option<OfClient>,
}

/// How the caller reads the response (spec 2.6).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Unknown.
    Any,
    /// Completely: the whole body is judged.
    Whole,
    /// As a stream: judging never waits for it.
    Streamed,
}

/// What follows from a response.
#[derive(Debug)]
pub enum Next {
    /// Send the request again, with these headers instead of the previous ones. Read no more of this response.
    SendAgain(Headers),
    /// The response is the result, with what it says about our token; nothing if the request did not carry our token.
    Keep(Option<Judged>),
}

impl Session {
    /// The protocol for one request of your own HTTP client: what to add to it, and what to do after its response.
    /// `headers`: those that the request already has; a credential among them is not changed (spec 2.2).
    ///
    /// The token goes only to the session's origins (spec 9.1): list them with
    /// [`SessionBuilder::origin`](crate::SessionBuilder::origin).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::{Content, Unsigned};
    ///
    /// let url = "https://elsewhere.example/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// assert!(call.headers().await?.is_empty());
    /// assert_eq!(call.unsigned(), Some(Unsigned::OtherOrigin));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn call(&self, method: Method, url: Url, headers: &HeaderMap, content: impl Into<Content>) -> Call {
        let mut state = State::default();
        state.begin(self, &url, headers, self.clock().now());
        Call {
            session: self.clone(),
            state,
            method,
            url,
            content: content.into(),
            operation: None,
            likely_graphql: may_be_graphql(headers),
            redirected: false,
            deadline: None,
            reading: Reading::Any,
            client: None,
        }
    }
}

impl Call {
    /// What the request does, if its caller knows more than its body shows (spec 2.5).
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::{call::Content, Operation};
    ///
    /// let url = "https://api.example.com/graphql".parse().expect("a URL");
    /// let call = session.call(Method::POST, url, &HeaderMap::new(), Content::Once);
    /// let call = call.operation(Operation::GraphqlQuery);
    /// # let _ = call; Ok(()) }
    /// ```
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// The request was sent already, with this token, which [`Target::token`] served.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let (url, token) = ("https://api.example.com/".parse().expect("a URL"), session.token().await?);
    /// let call = session.call(Method::GET, url, &HeaderMap::new(), Content::none()).sent_with(&token);
    /// # let _ = call; Ok(()) }
    /// ```
    #[must_use]
    pub fn sent_with(mut self, token: &Token) -> Self {
        if self.state.unsigned().is_none() {
            self.state.carry(Some(token.clone()));
        }
        self
    }

    /// As [`Call::operation`], if that is known later; `None`: read it from the body.
    ///
    /// ```
    /// # fn f(mut call: rekindle::Call) {
    /// call.set_operation(Some(rekindle::Operation::GraphqlQuery));
    /// # }
    /// ```
    pub fn set_operation(&mut self, operation: Option<Operation>) {
        self.operation = operation;
    }

    /// Declares that the request is GraphQL: if it can't be parsed it counts as a mutation (spec 2.5), and the whole
    /// response is judged.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::call::{Content, Reads};
    ///
    /// let url = "https://api.example.com/graphql".parse().expect("a URL");
    /// let call = session.call(Method::POST, url, &HeaderMap::new(), Content::from("{ me { name } }"));
    /// assert_ne!(call.graphql().reads(StatusCode::OK, &HeaderMap::new()), Reads::Nothing);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn graphql(mut self) -> Self {
        self.operation = Some(match self.content.bytes() {
            Some(body) => rekindle_proto::graphql::operation(body),
            None => Operation::GraphqlMutation,
        });
        self.reading = Reading::Whole;
        self
    }

    /// Declares that the response is read as a stream: it is judged by its head, and by what is passed to
    /// [`Call::passed`] (spec 2.6).
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("graphql").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::call::{Content, Reads};
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let call = session.call(Method::GET, url, &HeaderMap::new(), Content::none()).streamed();
    /// assert_eq!(call.reads(StatusCode::OK, &HeaderMap::new()), Reads::Nothing);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.reading = Reading::Streamed;
        self
    }

    /// Judges the beginning of a streamed body, up to 64 KiB or its end. Returns what it says about our token, if that
    /// differs from the head's verdict; a token that proves to be expired is no longer served.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("graphql").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::{call::Content, Verdict};
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none()).streamed();
    /// call.headers().await?;
    /// let (status, headers) = (StatusCode::OK, HeaderMap::new());
    /// let body = br#"{"errors":[{"message":"who?","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
    /// assert!(matches!(call.passed(status, &headers, body), Some(Verdict::Expired { .. })));
    /// # Ok(()) }
    /// ```
    pub fn passed(&self, status: StatusCode, headers: &HeaderMap, beginning: &[u8]) -> Option<Verdict> {
        let token = self.state.token()?;
        let exchange = self.exchange(self.what_it_does(), status, headers, beginning);
        let exchange = Exchange { replayable: false, ..exchange };
        let verdict = self.session.verdict_about(token, &exchange);
        match verdict {
            Verdict::Accepted => self.session.note_accepted(token, &self.url, headers),
            Verdict::Expired { .. } => self.session.note_rejected(token, &exchange),
            _ => {}
        }
        (verdict != Verdict::Accepted).then_some(verdict)
    }

    pub(crate) fn of_client(mut self, client: OfClient) -> Self {
        self.client = Some(client);
        self
    }

    /// How long it may wait for tokens, in total from now on; default: as long as the session does.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// let call = call.timeout(std::time::Duration::from_secs(10));
    /// # let _ = call; Ok(()) }
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.deadline = self.session.clock().mono().checked_add(timeout);
        self
    }

    /// The headers to add before the first send; waits for a token if it must be refreshed first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// for (name, value) in call.headers().await?.iter() {
    ///     assert_eq!((name.as_str(), value.to_str().unwrap()), ("authorization", "Bearer at-1"));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::token`]; InvalidConfig if the session lists no origin at all.
    pub async fn headers(&mut self) -> Result<Headers, Error> {
        if let Some(headers) = self.headers_at_once()? {
            return Ok(headers);
        }
        let token = self.session.token_for(&self.url, self.deadline).await?;
        self.state.carry(token);
        self.state.headers(&self.session, &self.method, &self.url)
    }

    /// As [`Call::headers`]; nothing if that would have to wait.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// let headers = match call.headers_at_once()? {
    ///     Some(headers) => headers,
    ///     None => call.headers().await?, // the store is read first
    /// };
    /// assert!(!headers.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the session lists no origin at all; an error if a proof cannot be signed.
    pub fn headers_at_once(&self) -> Result<Option<Headers>, Error> {
        match (self.state.token(), self.state.unsigned()) {
            (None, None) => return Ok(None),
            (None, Some(Unsigned::OtherOrigin)) => self.session.require_origins()?,
            _ => {}
        }
        self.state.headers(&self.session, &self.method, &self.url).map(Some)
    }

    /// What is known about the body, if that is determined only after the token was rejected.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::PUT, url, &HeaderMap::new(), Content::Once);
    /// call.set_content(Content::Replayable);
    /// # Ok(()) }
    /// ```
    pub fn set_content(&mut self, content: impl Into<Content>) {
        self.content = content.into();
    }

    /// Why the request is sent without our token, if it is.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
    /// use rekindle::call::{Content, Unsigned};
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer mine"))]);
    /// let call = session.call(Method::GET, url, &own, Content::none());
    /// assert_eq!(call.unsigned(), Some(Unsigned::OwnCredential));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn unsigned(&self) -> Option<Unsigned> {
        self.state.unsigned()
    }

    /// Whether, and how much of, a response's body must be read before [`Call::answered`] is called.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::call::{Content, Reads};
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// assert_eq!(call.reads(StatusCode::OK, &HeaderMap::new()), Reads::Nothing);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn reads(&self, status: StatusCode, headers: &HeaderMap) -> Reads {
        if self.reading == Reading::Whole {
            return Reads::UpTo(ErrorResponse::MAX_BODY);
        }
        if self.state.unsigned().is_some() {
            return Reads::Nothing;
        }
        let success_may_hold_errors = self.reading != Reading::Streamed && self.judges_success();
        Reads::of(success_may_hold_errors, status, headers)
    }

    /// Whether a response does not reject our token, so that there is nothing to wait for. Then it is the result.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::call::Content;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// call.headers().await?;
    /// assert!(call.accepts(StatusCode::OK, &HeaderMap::new(), b"{}"));
    /// assert!(!call.accepts(StatusCode::UNAUTHORIZED, &HeaderMap::new(), b""));
    /// # Ok(()) }
    /// ```
    pub fn accepts(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
        let Some(token) = self.state.token() else { return true };
        // This does not depend on what the request does.
        let exchange = self.exchange(Operation::Http, status, headers, body);
        let accepted = self.session.verdict_about(token, &exchange) == Verdict::Accepted;
        // Its body may still reject the token.
        let may_change = self.reading == Reading::Streamed && status.is_success() && self.judges_success();
        if accepted && !may_change {
            self.session.note_accepted(token, &self.url, headers);
        }
        if accepted {
            self.session.take_response_tokens(token, &self.url, headers);
        }
        accepted
    }

    /// What to do after a response. `body`: as much as [`Call::reads`] asks for, decoded. If our token was rejected, this
    /// waits for a new one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::{call::{Content, Next}, Verdict};
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// call.headers().await?;
    /// let Next::Keep(Some(judged)) = call.answered(StatusCode::FORBIDDEN, &HeaderMap::new(), b"").await? else {
    ///     unreachable!("a refresh cannot help here");
    /// };
    /// assert_eq!(judged.verdict, Verdict::Denied);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If a refresh was needed and failed: as [`Session::token`]; SignedOut if the sign-in that the token belongs to
    /// has ended. The error carries this response (spec 3.5).
    pub async fn answered(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Next, Error> {
        if self.accepts(status, headers, body) {
            let verdict = Verdict::Accepted;
            let judged = self.state.token().map(|_| Judged { verdict, replay_refused: None });
            return self.kept(status, headers, judged).await;
        }
        // Boxed because it is large and seldom needed.
        match Box::pin(self.rejected(status, headers, body)).await {
            Err(error) => Err(error.with_response(self.error_response(status, headers, body))),
            Ok(Next::Keep(judged)) => self.kept(status, headers, judged).await,
            Ok(again) => Ok(again),
        }
    }

    /// Call this when the HTTP client follows a redirect: returns the headers to add. At another origin there are none, and
    /// of the request's own headers only those that [`may_travel`] names may be sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::{Content, Unsigned};
    ///
    /// let url: url::Url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url.clone(), &HeaderMap::new(), Content::none());
    /// call.headers().await?;
    /// assert!(!call.redirected(Method::GET, url.join("/v2").unwrap())?.is_empty());
    /// assert!(call.redirected(Method::GET, "https://cdn.example".parse().unwrap())?.is_empty());
    /// assert_eq!(call.unsigned(), Some(Unsigned::LeftOrigin));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If a proof cannot be signed; TooManyRedirects if a client's limit is reached.
    pub fn redirected(&mut self, method: Method, url: Url) -> Result<Headers, Error> {
        self.count_redirect()?;
        if url.origin() != self.url.origin() {
            self.state.leave();
        }
        if method != self.method && method == Method::GET {
            self.content = Content::none();
        }
        (self.method, self.url) = (method, url);
        self.state.headers(&self.session, &self.method, &self.url)
    }

    /// The HTTP client followed redirects by itself, and this URL responded. A response of another origin says nothing
    /// about our token. A request that may already have had an effect is not sent again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::call::{Content, Next};
    ///
    /// let url: url::Url = "https://api.example.com/".parse().expect("a URL");
    /// let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// call.headers().await?;
    /// call.answered_from(&"https://cdn.example/".parse().unwrap());
    /// let next = call.answered(StatusCode::UNAUTHORIZED, &HeaderMap::new(), b"").await?;
    /// assert!(matches!(next, Next::Keep(None)));
    /// # Ok(()) }
    /// ```
    pub fn answered_from(&mut self, url: &Url) {
        if *url == self.url {
            return;
        }
        if url.origin() != self.url.origin() {
            self.state.leave();
        }
        self.redirected |= !self.method.is_safe();
    }

    /// The URL that the request is sent to now.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let url: url::Url = "https://api.example.com/".parse().expect("a URL");
    /// let call = session.call(Method::GET, url.clone(), &HeaderMap::new(), Content::none());
    /// assert_eq!(call.url(), &url);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    async fn rejected(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Next, Error> {
        let operation = self.what_it_does();
        let exchange = Exchange {
            method: &self.method,
            url: &self.url,
            operation,
            replayable: self.content.is_replayable() && !self.redirected,
            status,
            headers,
            body,
        };
        Ok(match self.state.judge(&self.session, &exchange, self.deadline).await? {
            None => Next::Keep(None),
            Some(Follows::Keep(judged)) => Next::Keep(Some(self.with_reason(judged))),
            Some(Follows::SendAgain) => {
                Next::SendAgain(self.state.headers(&self.session, &self.method, &self.url)?)
            }
        })
    }

    fn judges_success(&self) -> bool {
        self.session.dialect().errors_with_success_status()
    }

    /// A body that can be sent twice was not the reason.
    fn with_reason(&self, mut judged: Judged) -> Judged {
        let other = self.redirected && self.content.is_replayable();
        if other && judged.replay_refused == Some(ReplayRefused::BodyNotReplayable) {
            judged.replay_refused = Some(ReplayRefused::MaybeApplied);
        }
        judged
    }

    fn what_it_does(&self) -> Operation {
        self.operation.unwrap_or_else(|| operation(&self.method, self.likely_graphql, self.content.bytes()))
    }

    fn exchange<'a>(
        &'a self,
        operation: Operation,
        status: StatusCode,
        headers: &'a HeaderMap,
        body: &'a [u8],
    ) -> Exchange<'a> {
        let (method, url, replayable) = (&self.method, &self.url, self.content.is_replayable());
        Exchange { method, url, operation, replayable, status, headers, body }
    }

    fn error_response(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
        let mut response = ErrorResponse::new(status, self.url.clone());
        response.headers = headers.clone();
        response.set_body(Bytes::copy_from_slice(body));
        response
    }
}

/// The headers with a caller's credential: a request with one of them uses that credential. An additional key
/// (`token.credential_headers`) does not count.
pub(crate) fn own_credential_headers(session: &Session) -> [HeaderName; 2] {
    [session.dialect().token_header(), AUTHORIZATION]
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("url", &crate::error::place(&self.url))
            .field("unsigned", &self.state.unsigned())
            .finish_non_exhaustive()
    }
}
