//! For adapters, whose requests other HTTP clients send: the core's `Call`, one request until its last response, and the
//! short way around it that a valid token takes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rekindle::{ErrorKind, ReplayRefused};
use rekindle_bindings::call as shared;
use tokio::sync::{Mutex, MutexGuard};

use crate::cancel::{CancelToken, unless};
use crate::error::RekindleError;
use crate::records::{Header, Operation, Verdict};
use crate::session::Session;
use crate::token::{Token, tag};

/// One request of another HTTP client, until its last response. Ask it one thing after the other.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Call(Arc<Mutex<State>>);

struct State {
    call: rekindle::Call,
    /// The one that is judged.
    response: Option<(StatusCode, HeaderMap, Vec<u8>)>,
}

/// The headers to add to a request, in place of those of the same name. They are for one send.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Added {
    /// The token's first. None where the request goes without it.
    pub headers: Vec<Header>,
    /// Whether HTTP clients that follow redirects unseen drop them at another origin. If not, don't send the request with
    /// such a client.
    pub stay_at_redirects: bool,
}

/// What is known of a request's body.
#[derive(uniffi::Enum)]
pub enum Content {
    /// All of it: GraphQL is read from it, and it can be sent again.
    Bytes {
        /// Nothing, if there is no body.
        bytes: Vec<u8>,
    },
    /// Only that it can be sent again.
    Replayable,
    /// Only that it can be sent once.
    Once,
}

/// Whether and how far a response's body must be read, decoded, to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Reads {
    /// Not at all.
    Nothing,
    /// All of it, or as many bytes.
    UpTo {
        /// Bytes.
        limit: u64,
    },
    /// Its first bytes; and as many as this if `goes_on` says so of them.
    IfJson {
        /// Bytes.
        limit: u64,
    },
}

/// What follows from a response.
#[derive(Debug, uniffi::Enum)]
pub enum Next {
    /// Send the request again, with these headers in place of the former ones.
    SendAgain {
        /// The headers.
        added: Added,
    },
    /// It is the answer.
    Keep {
        /// What it says about our token; nothing if the request carried none of ours.
        judged: Option<Judged>,
    },
}

/// What a response to a request with our token says.
#[derive(Debug, uniffi::Record)]
pub struct Judged {
    /// What it says about the token.
    pub verdict: Verdict,
    /// Why the request is not sent again although its token was rejected.
    pub replay_refused: Option<String>,
}

/// One of a session's origins: the short way of a valid token, for which no `Call` is made.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Target {
    session: rekindle::Session,
    target: rekindle::call::Target,
}

#[uniffi::export]
impl Session {
    /// The protocol for one request. `headers`: those that it has already; a credential among them is left alone.
    /// `timeout`: how long it may wait for tokens, all in all.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the argument.
    #[uniffi::method(default(timeout = None))]
    pub fn call(
        &self,
        method: String,
        url: String,
        headers: Vec<Header>,
        timeout: Option<Duration>,
    ) -> Result<Call, RekindleError> {
        let made = made(self.inner(), &method, &url, headers)?;
        Ok(Call::new(timeout.into_iter().fold(made, rekindle::Call::timeout), None))
    }

    /// The origin of this URL, if it is listed.
    ///
    /// # Errors
    ///
    /// InvalidConfig: it is no URL, or the session lists no origin at all.
    pub fn target(&self, url: String) -> Result<Option<Arc<Target>>, RekindleError> {
        let session = self.inner().clone();
        let target = session.target(&shared::url("url", &url)?)?;
        Ok(target.map(|target| Arc::new(Target { session, target })))
    }
}

#[uniffi::export]
impl Call {
    /// The headers to add before the first send; nothing where one must wait for them.
    ///
    /// # Errors
    ///
    /// InvalidConfig where the session lists no origin at all; where a proof cannot be signed.
    pub fn headers_at_once(&self) -> Result<Option<Added>, RekindleError> {
        Ok(self.asked()?.call.headers_at_once()?.as_ref().map(Added::from))
    }

    /// The headers to add before the first send; waits for a token where that must be refreshed first.
    ///
    /// # Errors
    ///
    /// As `Session.token`; InvalidConfig where the session lists no origin at all. Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn headers(&self, cancel: Option<Arc<CancelToken>>) -> Result<Added, RekindleError> {
        let state = Arc::clone(&self.0);
        let work = async move { Ok(Added::from(&state.lock().await.call.headers().await?)) };
        unless(cancel, work).await
    }

    /// Why the request goes without our token, if it does: `own_credential`, `other_origin` or `left_origin`.
    ///
    /// # Errors
    ///
    /// Misuse while it waits.
    pub fn unsigned(&self) -> Result<Option<String>, RekindleError> {
        Ok(self.asked()?.call.unsigned().map(|why| why.name().to_owned()))
    }

    /// Whether and how far a response's body must be read before `accepts` is asked.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the argument; Misuse while it waits.
    pub fn reads(&self, status: u16, headers: Vec<Header>) -> Result<Reads, RekindleError> {
        Ok(self.asked()?.call.reads(shared::status(status)?, &map(headers)).into())
    }

    /// Whether a response holds nothing against our token, so that it is the answer; else ask `answered` what follows.
    /// `body`: as much as `reads` asks for, decoded.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the argument; Misuse while it waits.
    pub fn accepts(&self, status: u16, headers: Vec<Header>, body: Vec<u8>) -> Result<bool, RekindleError> {
        let (status, headers, mut state) = (shared::status(status)?, map(headers), self.asked()?);
        let accepted = state.call.accepts(status, &headers, &body);
        state.response = (!accepted).then_some((status, headers, body));
        Ok(accepted)
    }

    /// What follows the response that was not accepted. Waits for a new token where ours was rejected. `operation`: what the
    /// request does, where its caller knows better than its body tells.
    ///
    /// # Errors
    ///
    /// Where a refresh was needed and failed: as `Session.token`. SignedOut where the token's sign-in has ended. The error
    /// carries the response. Cancelled.
    #[uniffi::method(default(operation = None, cancel = None))]
    pub async fn answered(
        &self,
        content: Content,
        operation: Option<Operation>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<Next, RekindleError> {
        let state = Arc::clone(&self.0);
        let work = async move {
            let State { call, response } = &mut *state.lock().await;
            let Some((status, headers, body)) = response.take() else {
                return Ok(Next::Keep { judged: None });
            };
            call.set_content(content.into_core());
            call.set_operation(operation);
            match call.answered(status, &headers, &body).await {
                Ok(next) => Ok(next.into()),
                Err(error) => Err(RekindleError::of(error).await),
            }
        };
        unless(cancel, work).await
    }

    /// The HTTP client was redirected, and the request goes on there: the headers to add. Where it left the origin there are
    /// none, and of the request's own headers only those may go along that `may_travel` names.
    ///
    /// # Errors
    ///
    /// InvalidConfig: not an HTTP method; where a proof cannot be signed. Misuse while it waits.
    pub fn redirected(&self, method: String, url: String) -> Result<Added, RekindleError> {
        let (method, mut state) = (shared::method(&method)?, self.asked()?);
        Ok(Added::from(&state.call.redirected(method, shared::any_url(&url))?))
    }

    /// The HTTP client followed redirects unseen, and this URL answered. If another origin did, the response says nothing
    /// about our token; a request that may have had an effect on its way is not sent again.
    ///
    /// # Errors
    ///
    /// Misuse while it waits.
    pub fn answered_from(&self, url: String) -> Result<(), RekindleError> {
        self.asked()?.call.answered_from(&shared::any_url(&url));
        Ok(())
    }
}

#[uniffi::export]
impl Target {
    /// The token that a request to this origin carries, where it can be served at once and is not bound to a key; else a
    /// `Call` is needed.
    #[must_use]
    pub fn token(&self) -> Option<Arc<Token>> {
        self.target.token().map(|token| Arc::new(Token::new(&token)))
    }

    /// That token's tag, in one number; one higher where the session wants to hear of an accepted response too. 0 where
    /// there is none.
    #[must_use]
    pub fn token_tag(&self) -> u64 {
        // Tags are even: something with a word's alignment lies there.
        self.target.token().map_or(0, |token| tag(&token) | u64::from(self.target.watches()))
    }

    /// The headers to add with that token. They are the same for each send.
    #[must_use]
    pub fn headers(&self, token: &Token) -> Added {
        Added::from(&self.target.headers(token.inner()))
    }

    /// The `Call` of a request that was sent with that token.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the argument.
    pub fn call(
        &self,
        token: &Token,
        method: String,
        url: String,
        headers: Vec<Header>,
    ) -> Result<Call, RekindleError> {
        Ok(Call::new(made(&self.session, &method, &url, headers)?.sent_with(token.inner()), None))
    }

    /// Whether a response with a status below 400 may hold something against the token. If not, and the tag was even, such
    /// a response is the answer, and there is nothing to ask.
    #[must_use]
    pub fn judges_success(&self) -> bool {
        !self.target.needs_no_judging(StatusCode::OK)
    }

    /// Whether and how far a response's body must be read before `answered` is asked.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the argument.
    pub fn reads(&self, status: u16, headers: Vec<Header>) -> Result<Reads, RekindleError> {
        Ok(self.target.reads(shared::status(status)?, &map(headers)).into())
    }

    /// A request was sent with that token, and answered. Nothing: the response holds nothing against the token, and is the
    /// answer. Else ask `Call.answered` what follows.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the argument.
    #[allow(clippy::too_many_arguments, reason = "one crossing")]
    pub fn answered(
        &self,
        token: &Token,
        method: String,
        url: String,
        headers: Vec<Header>,
        status: u16,
        response_headers: Vec<Header>,
        body: Vec<u8>,
    ) -> Result<Option<Arc<Call>>, RekindleError> {
        let (status, response_headers) = (shared::status(status)?, map(response_headers));
        let call = made(&self.session, &method, &url, headers)?.sent_with(token.inner());
        if call.accepts(status, &response_headers, &body) {
            return Ok(None);
        }
        Ok(Some(Arc::new(Call::new(call, Some((status, response_headers, body))))))
    }
}

/// Whether a body whose media type does not tell looks like JSON by its first bytes.
#[uniffi::export]
#[must_use]
pub fn goes_on(first: Vec<u8>) -> bool {
    rekindle::call::Reads::goes_on(&first)
}

/// Whether a header of a request's own may go along where a redirect leaves the origin: it is known to carry no credential.
#[uniffi::export]
#[must_use]
pub fn may_travel(name: String) -> bool {
    shared::may_travel(&name)
}

impl Call {
    fn new(call: rekindle::Call, response: Option<(StatusCode, HeaderMap, Vec<u8>)>) -> Self {
        Self(Arc::new(Mutex::new(State { call, response })))
    }

    fn asked(&self) -> Result<MutexGuard<'_, State>, RekindleError> {
        let busy = "the call is already waiting for a token: make one request of it at a time";
        self.0.try_lock().map_err(|_| RekindleError::new(ErrorKind::Misuse, busy))
    }
}

impl Content {
    fn into_core(self) -> rekindle::call::Content {
        match self {
            Self::Bytes { bytes } => bytes.into(),
            Self::Replayable => rekindle::call::Content::Replayable,
            Self::Once => rekindle::call::Content::Once,
        }
    }
}

impl From<&rekindle::call::Headers> for Added {
    fn from(added: &rekindle::call::Headers) -> Self {
        let headers = shared::added(added).into_iter().map(Header::from).collect();
        Self { headers, stay_at_redirects: added.stay_at_redirects() }
    }
}

impl From<rekindle::call::Reads> for Reads {
    fn from(reads: rekindle::call::Reads) -> Self {
        match reads {
            rekindle::call::Reads::Nothing => Self::Nothing,
            rekindle::call::Reads::UpTo(limit) => Self::UpTo { limit: limit as u64 },
            rekindle::call::Reads::IfJson(limit) => Self::IfJson { limit: limit as u64 },
        }
    }
}

impl From<rekindle::call::Next> for Next {
    fn from(next: rekindle::call::Next) -> Self {
        match next {
            rekindle::call::Next::SendAgain(headers) => Self::SendAgain { added: Added::from(&headers) },
            rekindle::call::Next::Keep(judged) => Self::Keep { judged: judged.as_ref().map(Judged::from) },
        }
    }
}

impl From<&rekindle::call::Judged> for Judged {
    fn from(judged: &rekindle::call::Judged) -> Self {
        Self {
            verdict: (&judged.verdict).into(),
            replay_refused: judged.replay_refused.map(|reason| ReplayRefused::name(reason).to_owned()),
        }
    }
}

fn made(
    session: &rekindle::Session,
    method: &str,
    url: &str,
    headers: Vec<Header>,
) -> Result<rekindle::Call, RekindleError> {
    let (method, url) = (shared::method(method)?, shared::url("url", url)?);
    Ok(session.call(method, url, &map(headers), rekindle::call::Content::Once))
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.try_lock() {
            Ok(state) => state.call.fmt(f),
            Err(_) => f.write_str("Call(waiting)"),
        }
    }
}

impl fmt::Debug for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values are tokens.
        f.debug_list().entries(self.headers.iter().map(|header| &header.name)).finish()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// Those of another HTTP client's.
fn map(headers: Vec<Header>) -> HeaderMap {
    shared::lenient_header_map(headers.into_iter().map(Into::into))
}
