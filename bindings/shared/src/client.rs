//! A client's settings.

use std::fmt;
use std::time::Duration;

use rekindle::client::ClientBuilder;
use rekindle::{Error, RetryPolicy, RetryStatuses};
use serde::Deserialize;

use crate::time::millis;

/// The plain settings of a client. What is left out has core's own default; an unknown name is a mistake.
///
/// ```
/// use rekindle_bindings::ClientSettings;
///
/// let settings: ClientSettings = serde_json::from_str(r#"{ "base_url": "https://api.example.com", "timeout_ms": 0 }"#).unwrap();
/// let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token").build()?;
/// let client = settings.apply(rekindle::Client::builder(session))?.build()?;
/// assert_eq!(client.graphql_path(), "/graphql");
/// assert_eq!(client.timeout(), Some(std::time::Duration::MAX));
/// # Ok::<(), rekindle::Error>(())
/// ```
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// What relative URLs are below; the session's token is for its origin.
    pub base_url: Option<String>,
    /// Where `graphql` asks.
    pub graphql_path: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// How long a request may take, refreshes, replays and its body included. In JSON 0: there is no deadline.
    #[serde(rename = "timeout_ms", deserialize_with = "crate::time::limit")]
    pub timeout: Option<Duration>,
    /// How long a connection may take to come about. In JSON 0: no limit but `timeout`.
    #[serde(rename = "connect_timeout_ms", deserialize_with = "crate::time::limit")]
    pub connect_timeout: Option<Duration>,
    /// How long the server may be silent. In JSON 0: no limit but `timeout`.
    #[serde(rename = "read_timeout_ms", deserialize_with = "crate::time::limit")]
    pub read_timeout: Option<Duration>,
    /// Whether a request without the header `traceparent` gets one.
    pub traceparent: Option<bool>,
    /// How many redirects are followed.
    pub max_redirects: Option<u32>,
    /// How long a body may be that is read whole, in bytes.
    pub max_body_bytes: Option<u64>,
    /// How often a request is sent at most where it failed by itself.
    pub max_sends: Option<u32>,
    /// The statuses after which it is sent again.
    pub retry_statuses: Option<Vec<u16>>,
    /// The first delay between two sends.
    #[serde(rename = "base_delay_ms", deserialize_with = "millis::deserialize")]
    pub base_delay: Option<Duration>,
    /// The longest delay.
    #[serde(rename = "max_delay_ms", deserialize_with = "millis::deserialize")]
    pub max_delay: Option<Duration>,
    /// The longest that a server may make a request wait.
    #[serde(rename = "max_retry_after_ms", deserialize_with = "millis::deserialize")]
    pub max_retry_after: Option<Duration>,
    /// How many of a hundred requests may be sent again.
    pub budget_percent: Option<u32>,
    /// How many may be, where there are few.
    pub budget_floor: Option<u32>,
}

impl ClientSettings {
    /// A builder with all that is in here.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the setting.
    pub fn apply(self, mut builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        let usual = retry_policy(self.max_sends, self.retry_statuses)?;
        builder = builder.retry(RetryPolicy {
            base_delay: self.base_delay.unwrap_or(usual.base_delay),
            max_delay: self.max_delay.unwrap_or(usual.max_delay),
            max_retry_after: self.max_retry_after.unwrap_or(usual.max_retry_after),
            budget_percent: self.budget_percent.unwrap_or(usual.budget_percent),
            budget_floor: self.budget_floor.unwrap_or(usual.budget_floor),
            ..usual
        });
        builder = self.base_url.into_iter().fold(builder, ClientBuilder::base_url);
        builder = self.graphql_path.into_iter().fold(builder, ClientBuilder::graphql_path);
        builder = self.timeout.into_iter().fold(builder, ClientBuilder::timeout);
        builder = self.connect_timeout.into_iter().fold(builder, ClientBuilder::connect_timeout);
        builder = self.read_timeout.into_iter().fold(builder, ClientBuilder::read_timeout);
        builder = self.traceparent.into_iter().fold(builder, ClientBuilder::traceparent);
        let redirects = self.max_redirects.map(|most| size(most.into()));
        builder = redirects.into_iter().fold(builder, ClientBuilder::max_redirects);
        builder = self.max_body_bytes.map(size).into_iter().fold(builder, ClientBuilder::max_body_bytes);
        let headers = self.headers.into_iter();
        Ok(headers.fold(builder, |builder, (name, value)| builder.default_header(name, value)))
    }
}

/// When a request is sent again, of a client or of a request alone. What is left out has core's own default.
///
/// ```
/// let policy = rekindle_bindings::retry_policy(Some(1), None)?;
/// assert_eq!(policy.max_sends, 1);
/// assert!(rekindle_bindings::retry_policy(None, Some(vec![7])).is_err());
/// # Ok::<(), rekindle::Error>(())
/// ```
///
/// # Errors
///
/// InvalidConfig, naming the setting.
pub fn retry_policy(max_sends: Option<u32>, statuses: Option<Vec<u16>>) -> Result<RetryPolicy, Error> {
    let usual = RetryPolicy::default();
    let statuses = statuses.map_or(Ok(usual.statuses), RetryStatuses::of)?;
    Ok(RetryPolicy { max_sends: max_sends.unwrap_or(usual.max_sends), statuses, ..usual })
}

fn size(most: u64) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Headers may be secrets.
impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
