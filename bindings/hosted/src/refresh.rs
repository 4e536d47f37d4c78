//! A refresh function of the host's.

use std::time::Duration;

use async_trait::async_trait;
use rekindle::proto::Grant;
use rekindle::{Refresh, RefreshError, Spend};
use serde_json::{Value, json};

use crate::outbox::SharedOutbox;

pub(crate) struct HostRefresh {
    pub(crate) session: u32,
    pub(crate) outbox: SharedOutbox,
}

#[async_trait]
impl Refresh for HostRefresh {
    async fn refresh(&self, spend: Spend) -> Result<Grant, RefreshError> {
        let answer = self.outbox.ask(json!({
            "effect": "refresh",
            "session": self.session,
            "refresh_token": spend.refresh_token.expose(),
            "scope": spend.scope,
            "extra": spend.extra,
        }));
        let answer = answer.await.ok_or(RefreshError::AnswerLost)?;
        match answer["error"].as_str() {
            None => granted(&answer["tokens"]).ok_or(RefreshError::AnswerLost),
            Some("login_required") => Err(RefreshError::LoginRequired),
            // "Not sent" must be said explicitly; all else may have spent the token.
            Some("try_later") => {
                let why = answer["message"]
                    .as_str()
                    .unwrap_or("the refresh function failed before it sent anything");
                Err(RefreshError::TryLater(why.to_owned()))
            }
            Some(_) => Err(RefreshError::AnswerLost),
        }
    }
}

fn granted(tokens: &Value) -> Option<Grant> {
    let text = |name: &str| tokens[name].as_str().map(str::to_owned);
    let mut grant = Grant::new(text("access_token")?);
    grant.refresh_token = text("refresh_token").map(Into::into);
    grant.lifetime = tokens["expires_in"].as_f64().and_then(|left| Duration::try_from_secs_f64(left).ok());
    grant.scope = text("scope");
    grant.token_type = text("token_type");
    Some(grant)
}
