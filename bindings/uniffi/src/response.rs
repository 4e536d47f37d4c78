//! What a server answered, read whole or as it comes.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rekindle::{Error, ErrorKind};
use tokio::sync::Mutex;

use crate::cancel::{CancelToken, unless};
use crate::config::{Header, headers};
use crate::error::RekindleError;
use crate::runtime;
use crate::verdict::Verdict;

/// A response.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Response {
    /// Nothing once it has been given up.
    answer: Arc<Mutex<Option<rekindle::Response>>>,
    head: Arc<std::sync::Mutex<ResponseHead>>,
    whole: std::sync::OnceLock<Bytes>,
}

/// All of a response but its body, in one crossing.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// Where the answer is from, after redirects.
    pub url: String,
    /// `HTTP/1.1`, ..
    pub version: String,
    /// In order; names in lower case.
    pub headers: Vec<Header>,
    /// The redirects that were followed.
    pub history: Vec<Redirected>,
    /// From the call to the answer's head.
    pub elapsed: Duration,
    /// What it says about the session's token; nothing where the request carried none. Of a body that comes as it is
    /// read, this may change while it is read.
    pub verdict: Option<Verdict>,
    /// Why the request was not sent again although its token was turned away.
    pub replay_refused: Option<String>,
}

/// A redirect that was followed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Redirected {
    /// Its status.
    pub status: u16,
    /// What had been asked.
    pub url: String,
}

#[uniffi::export]
impl Response {
    /// All but the body.
    #[must_use]
    pub fn head(&self) -> ResponseHead {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The whole body, if it has been read.
    #[must_use]
    pub fn body(&self) -> Option<Vec<u8>> {
        self.whole.get().map(|bytes| bytes.to_vec())
    }

    /// The next piece of a body that comes as it is read; nothing at its end, once.
    ///
    /// # Errors
    ///
    /// Connection; Misuse after its end or `discard`. Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn chunk(&self, cancel: Option<Arc<CancelToken>>) -> Result<Option<Vec<u8>>, RekindleError> {
        let (answer, head) = (self.answer.clone(), self.head.clone());
        let work = runtime::run(async move {
            let mut answer = answer.lock().await;
            let response = answer.as_mut().ok_or_else(given_up)?;
            let chunk = response.chunk().await;
            note(&head, response);
            Ok(chunk?.map(Vec::from))
        });
        unless(cancel, work).await
    }

    /// Reads the whole body, within the request's timeout.
    ///
    /// # Errors
    ///
    /// Connection, Timeout; InvalidResponse if it is too long; Misuse after a `chunk` or `discard`. Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn bytes(self: Arc<Self>, cancel: Option<Arc<CancelToken>>) -> Result<Vec<u8>, RekindleError> {
        if let Some(bytes) = self.whole.get() {
            return Ok(bytes.to_vec());
        }
        let work = runtime::run(async move { Ok(self.read_whole().await?.to_vec()) });
        unless(cancel, work).await
    }

    /// Gives up what has not been read, and the connection with it.
    pub fn discard(&self) {
        if let Ok(mut answer) = self.answer.try_lock() {
            answer.take();
        }
    }

    /// Nothing for a status below 400.
    ///
    /// # Errors
    ///
    /// HttpStatus, with this response.
    pub fn error_for_status(self: Arc<Self>) -> Result<(), RekindleError> {
        let answer = self.answer.try_lock().map_err(|_| {
            RekindleError::new(
                ErrorKind::Misuse,
                "the response is being read: ask for its status before or after",
            )
        })?;
        let response = answer.as_ref().ok_or_else(given_up)?;
        response
            .error_for_status_ref()
            .map_err(|error| RekindleError::with_response(&error, self.clone()))?;
        Ok(())
    }

    /// For a body that is not what the caller asked for, as InvalidResponse with this response. `what`: what is wrong
    /// with it, without its content.
    #[must_use]
    pub fn invalid(self: Arc<Self>, what: String) -> Arc<RekindleError> {
        let head = self.head();
        let place = head.url.split(['?', '#']).next().unwrap_or_default();
        let message =
            format!("{what}, in a {} from {place}; read the error's response to see it", head.status);
        Arc::new(RekindleError::with_response(&Error::new(ErrorKind::InvalidResponse, message), self))
    }
}

impl Response {
    pub(crate) fn new(response: rekindle::Response) -> Self {
        let head = std::sync::Mutex::new(ResponseHead::of(&response));
        Self {
            answer: Arc::new(Mutex::new(Some(response))),
            head: Arc::new(head),
            whole: std::sync::OnceLock::new(),
        }
    }

    /// On the runtime.
    pub(crate) async fn read_whole(&self) -> Result<Bytes, RekindleError> {
        let mut answer = self.answer.lock().await;
        if let Some(bytes) = self.whole.get() {
            return Ok(bytes.clone());
        }
        let response = answer.as_mut().ok_or_else(given_up)?;
        let read = response.read().await;
        note(&self.head, response);
        let bytes = read.map_err(RekindleError::from)?;
        Ok(self.whole.get_or_init(|| bytes).clone())
    }
}

/// What only the body told.
fn note(head: &std::sync::Mutex<ResponseHead>, response: &rekindle::Response) {
    let mut head = head.lock().unwrap_or_else(PoisonError::into_inner);
    head.verdict = response.verdict().map(Verdict::from);
    head.replay_refused = response.replay_refused().map(|reason| reason.name().to_owned());
}

fn given_up() -> RekindleError {
    RekindleError::new(
        ErrorKind::Misuse,
        "the response was discarded: read it before, or send the request again",
    )
}

impl ResponseHead {
    fn of(response: &rekindle::Response) -> Self {
        let history = response.history().iter();
        Self {
            status: response.status().as_u16(),
            url: response.url().to_string(),
            version: format!("{:?}", response.version()),
            headers: headers(response.headers()),
            history: history
                .map(|hop| Redirected { status: hop.status.as_u16(), url: hop.url.to_string() })
                .collect(),
            elapsed: response.elapsed(),
            verdict: response.verdict().map(Verdict::from),
            replay_refused: response.replay_refused().map(|reason| reason.name().to_owned()),
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head().fmt(f)
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.url.split(['?', '#']).next())
            .field("verdict", &self.verdict)
            .field("replay_refused", &self.replay_refused)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.status, self.url.split(['?', '#']).next().unwrap_or_default())
    }
}
