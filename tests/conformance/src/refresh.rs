//! A refresh function of the user's, as a case scripts it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rekindle::proto::Grant;
use rekindle::{ErrorKind, Refresh, RefreshError, Session, Spend};
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
    async fn refresh(&self, _: Spend) -> Result<Grant, RefreshError> {
        let next = self.results.lock().pop_front().unwrap_or_default();
        if next["calls_back"] == true && !self.callback.is_refused().await {
            return Err(RefreshError::TryLater(
                "the session let its own refresh function wait for it".into(),
            ));
        }
        match next["error"].as_str() {
            Some("login_required") => Err(RefreshError::LoginRequired),
            Some("answer_lost") => Err(RefreshError::AnswerLost),
            Some(_) => Err(RefreshError::TryLater("as scripted".into())),
            None => granted(&next),
        }
    }
}

fn granted(next: &Value) -> Result<Grant, RefreshError> {
    let text = |name: &str| next[name].as_str().map(str::to_owned);
    let access_token =
        text("access_token").ok_or_else(|| RefreshError::TryLater("the script has ended".into()))?;
    let mut grant = Grant::new(access_token);
    grant.refresh_token = text("refresh_token").map(Into::into);
    grant.lifetime = next["expires_in"].as_f64().map(Duration::from_secs_f64);
    Ok(grant)
}
