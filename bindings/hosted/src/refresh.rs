//! A refresh function of the host's.

use std::time::Duration;

use async_trait::async_trait;
use rekindle::{Refresh, RefreshError, RefreshInput, TokenResponse};
use serde_json::{Value, json};

use crate::outbox::SharedOutbox;

pub(crate) struct HostRefresh {
    pub(crate) session: u32,
    pub(crate) outbox: SharedOutbox,
}

#[async_trait]
impl Refresh for HostRefresh {
    async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
        let answer = self.outbox.ask(json!({
            "effect": "refresh",
            "session": self.session,
            "refresh_token": input.refresh_token.as_ref().map(rekindle::Secret::expose),
            "scope": input.scope,
            "extra": input.extra,
        }));
        let lost = || RefreshError::maybe_sent("the host did not answer");
        let answer = answer.await.ok_or_else(lost)?;
        let message = |usual: &str| answer["message"].as_str().unwrap_or(usual).to_owned();
        match answer["error"].as_str() {
            None => Ok(returned(&answer["tokens"])),
            Some("login_required") => Err(RefreshError::login_required()),
            // "Not sent" must be said explicitly; all else may have spent the token.
            Some("not_sent") => Err(RefreshError::not_sent(message("nothing was sent"))),
            Some(_) => Err(RefreshError::maybe_sent(message("the refresh function failed"))),
        }
    }
}

fn returned(tokens: &Value) -> TokenResponse {
    let text = |name: &str| tokens[name].as_str().map(str::to_owned);
    // Without an access token the core keeps what else there is.
    let mut response = TokenResponse::new(text("access_token").unwrap_or_default());
    response.refresh_token = text("refresh_token").map(Into::into);
    response.lifetime = tokens["expires_in"].as_f64().and_then(|left| Duration::try_from_secs_f64(left).ok());
    response.scope = text("scope");
    response.token_type = text("token_type");
    response
}
