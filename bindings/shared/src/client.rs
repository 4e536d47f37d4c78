//! A client's settings.

use std::fmt;
use std::time::Duration;

use rekindle::client::ClientBuilder;
use rekindle::{Error, RetryPolicy, RetryStatuses};

use crate::time::{Limit, Millis};

/// The settings of a client as plain data. A missing setting has core's default; an unknown name is an error.
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
#[derive(Clone, Default)]
pub struct ClientSettings {
    /// The URL that relative URLs are resolved against; the session's token may be sent to its origin.
    pub base_url: Option<String>,
    /// The path that `graphql` posts to.
    pub graphql_path: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// How long a request may take, including refreshes, replays and its body. In JSON, 0 is no limit.
    pub timeout: Option<Duration>,
    /// How long connecting may take. In JSON, 0 is no limit except `timeout`.
    pub connect_timeout: Option<Duration>,
    /// How long the server may send nothing. In JSON, 0 is no limit except `timeout`.
    pub read_timeout: Option<Duration>,
    /// Whether a request without the header `traceparent` gets one.
    pub traceparent: Option<bool>,
    /// The maximum number of redirects.
    pub max_redirects: Option<u32>,
    /// The maximum size in bytes of a body that is read completely.
    pub max_body_bytes: Option<u64>,
    /// How often a request is sent at most after transient failures, including the first send.
    pub max_sends: Option<u32>,
    /// The statuses after which a request is sent again.
    pub retry_statuses: Option<Vec<u16>>,
    /// The first delay between two sends.
    pub base_delay: Option<Duration>,
    /// The maximum delay.
    pub max_delay: Option<Duration>,
    /// The longest Retry-After that is waited for.
    pub max_retry_after: Option<Duration>,
    /// The retry budget: the percentage of requests that may be sent again.
    pub budget_percent: Option<u32>,
    /// The minimum number of retries that the budget allows.
    pub budget_floor: Option<u32>,
}

rekindle_proto::members!(ClientSettings {
    base_url, graphql_path, headers, timeout = "timeout_ms" as Limit,
    connect_timeout = "connect_timeout_ms" as Limit, read_timeout = "read_timeout_ms" as Limit,
    traceparent, max_redirects, max_body_bytes, max_sends, retry_statuses,
    base_delay = "base_delay_ms" as Millis, max_delay = "max_delay_ms" as Millis,
    max_retry_after = "max_retry_after_ms" as Millis, budget_percent, budget_floor,
});

impl ClientSettings {
    /// Applies all these settings to a builder.
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

/// The retry policy of a client or of one request. A missing setting has core's default.
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

/// Headers may contain secrets, so Debug does not show them.
impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
