//! A client's settings, as data.

use std::time::Duration;

use rekindle::{Client, Error, Session};
use rekindle::{RetryPolicy, RetryStatuses};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientSettings {
    base_url: Option<String>,
    graphql_path: Option<String>,
    headers: Vec<(String, String)>,
    /// 0: there is no deadline.
    timeout_ms: Option<u64>,
    max_redirects: Option<usize>,
    max_body_bytes: Option<usize>,
    max_sends: Option<u32>,
    base_delay_ms: Option<u64>,
    max_delay_ms: Option<u64>,
    max_retry_after_ms: Option<u64>,
    budget_percent: Option<u32>,
    budget_floor: Option<u32>,
    retry_statuses: Option<Vec<u16>>,
}

pub(crate) fn build(settings: ClientSettings, session: Session) -> Result<Client, Error> {
    let retry = settings.retry()?;
    let mut builder = Client::builder(session).retry(retry);
    if let Some(url) = settings.base_url {
        builder = builder.base_url(url);
    }
    if let Some(path) = settings.graphql_path {
        builder = builder.graphql_path(path);
    }
    for (name, value) in settings.headers {
        builder = builder.default_header(name, value);
    }
    if let Some(ms) = settings.timeout_ms {
        builder = builder.timeout(timeout(ms));
    }
    if let Some(most) = settings.max_redirects {
        builder = builder.max_redirects(most);
    }
    if let Some(most) = settings.max_body_bytes {
        builder = builder.max_body_bytes(most);
    }
    builder.build()
}

pub(crate) fn timeout(ms: u64) -> Duration {
    if ms == 0 { Duration::MAX } else { Duration::from_millis(ms) }
}

pub(crate) fn shown(client: &Client) -> Value {
    json!({
        "graphql_path": client.graphql_path(),
        "max_body_bytes": client.max_body_bytes(),
    })
}

impl ClientSettings {
    fn retry(&self) -> Result<RetryPolicy, Error> {
        let usual = RetryPolicy::default();
        let duration = |ms: Option<u64>, usual| ms.map_or(usual, Duration::from_millis);
        let statuses = self.retry_statuses.clone().map_or(Ok(usual.statuses), RetryStatuses::of)?;
        Ok(RetryPolicy {
            max_sends: self.max_sends.unwrap_or(usual.max_sends),
            base_delay: duration(self.base_delay_ms, usual.base_delay),
            max_delay: duration(self.max_delay_ms, usual.max_delay),
            max_retry_after: duration(self.max_retry_after_ms, usual.max_retry_after),
            budget_percent: self.budget_percent.unwrap_or(usual.budget_percent),
            budget_floor: self.budget_floor.unwrap_or(usual.budget_floor),
            statuses,
        })
    }
}
