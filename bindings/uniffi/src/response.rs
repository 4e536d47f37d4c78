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
    answer: Arc<Mutex<Option<Reading>>>,
    head: Arc<std::sync::Mutex<ResponseHead>>,
    whole: std::sync::OnceLock<Bytes>,
}

/// A response whose body is being read.
struct Reading {
    response: rekindle::Response,
    /// A piece, or the end, that has been read and that nobody has had: whoever asked was cancelled meanwhile.
    piece: Option<Option<Bytes>>,
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
        unless(cancel, async {
            loop {
                runtime::run(filled(self.answer.clone(), self.head.clone())).await?;
                let mut answer = self.answer.lock().await;
                // Another reader may have been faster.
                if let Some(piece) = answer.as_mut().ok_or_else(given_up)?.piece.take() {
                    return Ok(piece.map(Vec::from));
                }
            }
        })
        .await
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
        let reading = answer.as_ref().ok_or_else(given_up)?;
        reading
            .response
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
            answer: Arc::new(Mutex::new(Some(Reading { response, piece: None }))),
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
        let Reading { response, .. } = answer.as_mut().ok_or_else(given_up)?;
        let read = response.read().await;
        note(&self.head, response);
        let bytes = read.map_err(RekindleError::from)?;
        Ok(self.whole.get_or_init(|| bytes).clone())
    }
}

/// Reads a piece, unless there is one that nobody has had.
async fn filled(
    answer: Arc<Mutex<Option<Reading>>>,
    head: Arc<std::sync::Mutex<ResponseHead>>,
) -> Result<(), RekindleError> {
    let mut answer = answer.lock().await;
    let Reading { response, piece } = answer.as_mut().ok_or_else(given_up)?;
    if piece.is_none() {
        let read = response.chunk().await;
        note(&head, response);
        *piece = Some(read?);
    }
    Ok(())
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
