//! What a server answered, read whole or as it comes.

use std::fmt;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use rekindle::{Error, ErrorKind};
use rekindle_bindings as shared;
use tokio::sync::Mutex;

use crate::records::ResponseHead;

mod reading;

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

/// What a request brought, in one crossing.
#[derive(uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Answer {
    /// All but the body.
    pub head: ResponseHead,
    /// The body, if it has been read.
    pub body: Option<Vec<u8>>,
    /// For what is asked of it later.
    pub response: Arc<Response>,
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

    /// Gives up what has not been read, and the connection with it.
    pub fn discard(&self) {
        if let Ok(mut answer) = self.answer.try_lock() {
            answer.take();
        }
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
    pub(crate) async fn read_whole(&self) -> Result<Bytes, Error> {
        let mut answer = self.answer.lock().await;
        if let Some(bytes) = self.whole.get() {
            return Ok(bytes.clone());
        }
        let Reading { response, .. } = answer.as_mut().ok_or_else(given_up)?;
        let read = response.read().await;
        lock(&self.head).note(response);
        let bytes = read?;
        Ok(self.whole.get_or_init(|| bytes).clone())
    }
}

fn lock(head: &std::sync::Mutex<shared::ResponseHead>) -> std::sync::MutexGuard<'_, shared::ResponseHead> {
    head.lock().unwrap_or_else(PoisonError::into_inner)
}

fn given_up() -> Error {
    Error::new(ErrorKind::Misuse, "the response was discarded: read it before, or send the request again")
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { head: response.head(), body: response.body(), response: Arc::new(response) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head().fmt(f)
    }
}
