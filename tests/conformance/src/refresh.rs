//! A refresh function of the user's, as a case scripts it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rekindle::TokenResponse;
use rekindle::{ErrorKind, Refresh, RefreshError, RefreshInput, Session};
use serde_json::Value;

/// The session that the function refreshes, once there is one.
#[derive(Clone, Default)]
pub(crate) struct Callback(Arc<Mutex<Option<Session>>>);

impl Callback {
    pub(crate) fn set(&self, session: &Session) {
        *self.0.lock() = Some(session.clone());
    }

    /// Whether it says that this call makes no sense.
    async fn is_refused(&self) -> bool {
        let session = self.0.lock().clone();
        match session {
            Some(session) => session.token().await.is_err_and(|error| error.kind() == ErrorKind::Misuse),
            None => false,
        }
    }
}

/// Gives its results one after the other.
pub(crate) struct Scripted {
    results: Mutex<VecDeque<Value>>,
    callback: Callback,
}

impl Scripted {
    pub(crate) fn new(results: Vec<Value>, callback: Callback) -> Self {
        Self { results: Mutex::new(results.into()), callback }
    }
}

#[async_trait]
impl Refresh for Scripted {
    async fn refresh(&self, _: RefreshInput) -> Result<TokenResponse, RefreshError> {
        let next = self.results.lock().pop_front().unwrap_or_default();
        if next["calls_back"] == true && !self.callback.is_refused().await {
            return Err(RefreshError::not_sent("the session let its own refresh function wait for it"));
        }
        match next["error"].as_str() {
            Some("login_required") => Err(RefreshError::login_required()),
            Some("not_sent") => Err(RefreshError::not_sent("as scripted")),
            // What nobody knows, in whatever way the language has for it.
            Some(_) => Err(std::io::Error::other("as scripted").into()),
            None => Ok(returned(&next)),
        }
    }
}

/// Whatever the script says, nothing at all too.
fn returned(next: &Value) -> TokenResponse {
    let text = |name: &str| next[name].as_str().map(str::to_owned);
    let mut response = TokenResponse::new(text("access_token").unwrap_or_default());
    response.refresh_token = text("refresh_token").map(Into::into);
    response.lifetime = next["expires_in"].as_f64().map(Duration::from_secs_f64);
    response
}
