//! A refresh function of the user's, as a case scripts it.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rekindle::proto::Grant;
use rekindle::{Refresh, RefreshError, Spend};
use serde_json::Value;

/// Gives its results one after the other.
pub(crate) struct Scripted(Mutex<VecDeque<Value>>);

impl Scripted {
    pub(crate) fn new(results: Vec<Value>) -> Self {
        Self(Mutex::new(results.into()))
    }
}

#[async_trait]
impl Refresh for Scripted {
    async fn refresh(&self, _: Spend) -> Result<Grant, RefreshError> {
        let next = self.0.lock().pop_front().unwrap_or_default();
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
