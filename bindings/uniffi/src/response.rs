//! What a server answered, read whole or as it comes.

use std::fmt;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use rekindle::{Error, ErrorKind};
use rekindle_bindings as shared;
use tokio::sync::Mutex;

use crate::cancel::{CancelToken, unless};
use crate::error::RekindleError;
use crate::records::ResponseHead;
use crate::runtime;

/// A response.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Response {
    /// Nothing once it has been given up.
    answer: Arc<Mutex<Option<Reading>>>,
    head: Arc<std::sync::Mutex<shared::ResponseHead>>,
    whole: std::sync::OnceLock<Bytes>,
}

/// A response whose body is being read.
struct Reading {
    response: rekindle::Response,
    /// A piece, or the end, that has been read and that nobody has had: whoever asked was cancelled meanwhile.
    piece: Option<Option<Bytes>>,
}

#[uniffi::export]
impl Response {
    /// All but the body.
    #[must_use]
    pub fn head(&self) -> ResponseHead {
        lock(&self.head).clone().into()
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
                "the response is being read: query its status before or after that",
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
        let head = std::sync::Mutex::new(shared::ResponseHead::from(&response));
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
        lock(&self.head).note(response);
        let bytes = read.map_err(RekindleError::from)?;
        Ok(self.whole.get_or_init(|| bytes).clone())
    }
}

/// Reads a piece, unless there is one that nobody has had.
async fn filled(
    answer: Arc<Mutex<Option<Reading>>>,
    head: Arc<std::sync::Mutex<shared::ResponseHead>>,
) -> Result<(), RekindleError> {
    let mut answer = answer.lock().await;
    let Reading { response, piece } = answer.as_mut().ok_or_else(given_up)?;
    if piece.is_none() {
        let read = response.chunk().await;
        lock(&head).note(response);
        *piece = Some(read?);
    }
    Ok(())
}

fn lock(head: &std::sync::Mutex<shared::ResponseHead>) -> std::sync::MutexGuard<'_, shared::ResponseHead> {
    head.lock().unwrap_or_else(PoisonError::into_inner)
}

fn given_up() -> RekindleError {
    RekindleError::new(
        ErrorKind::Misuse,
        "the response was discarded: read it before, or send the request again",
    )
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head().fmt(f)
    }
}
