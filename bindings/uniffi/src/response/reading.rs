//! Reads a body, and says what is wrong with a response.

use std::sync::Arc;

use rekindle::{Error, ErrorKind};
use rekindle_bindings as shared;
use tokio::sync::Mutex;

use super::{Reading, Response, given_up, lock};
use crate::cancel::{CancelToken, unless};
use crate::error::RekindleError;
use crate::runtime;

#[uniffi::export]
impl Response {
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
