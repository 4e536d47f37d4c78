//! What a session is made from, as data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rekindle::proto::{Dialect, Wall};
use rekindle::store::MemoryStore;
use rekindle::{ClientCredentials, Credential, Error, ErrorKind, Expiry, Host, Rotation, Session};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::outbox::SharedOutbox;
use crate::refresh::HostRefresh;
use crate::shown;
use crate::store::{HostStore, StoreSettings};
use crate::transport::HostTransport;

/// Name and data of each preset.
const PRESETS: &str = include_str!(concat!(env!("OUT_DIR"), "/presets.json"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "oauth2")]
    dialect: Value,
    #[serde(default)]
    token_url: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    tokens: Option<Seed>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    insecure_origins: Vec<String>,
    #[serde(default)]
    rotation: Option<Value>,
    #[serde(default = "yes")]
    background: bool,
    #[serde(default)]
    wait_timeout_ms: Option<u64>,
    #[serde(default)]
    send_timeout_ms: Option<u64>,
    #[serde(default)]
    lease_ms: Option<u64>,
    /// The host keeps the record. Without it the module does, in its memory.
    #[serde(default)]
    store: Option<StoreSettings>,
    #[serde(default)]
    client_credentials: Option<AskedFor>,
    /// The host has a refresh function.
    #[serde(default)]
    refresh: bool,
    /// Whose sign-in it is, in a store that keeps several.
    #[serde(default)]
    key: Option<String>,
    /// Shares no state with other sessions of this core.
    #[serde(default)]
    alone: bool,
}

/// What the client asks for on its own behalf.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AskedFor {
    scope: Option<String>,
    audience: Option<String>,
    resource: Vec<String>,
    parameters: BTreeMap<String, String>,
}

impl From<AskedFor> for ClientCredentials {
    fn from(given: AskedFor) -> Self {
        let mut request = Self::new();
        (request.scope, request.audience) = (given.scope, given.audience);
        (request.resource, request.parameters) = (given.resource, given.parameters);
        request
    }
}

/// Tokens that a sign-in brought.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seed {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
    #[serde(default)]
    expires_at_ms: Option<i64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
}

fn oauth2() -> Value {
    "oauth2".into()
}

fn yes() -> bool {
    true
}

pub(crate) fn build(
    settings: Settings,
    number: u32,
    host: &Host,
    outbox: &SharedOutbox,
) -> Result<Session, Error> {
    let mut builder = Session::builder(dialect(&settings.dialect)?)
        .host(host)
        .transport(Arc::new(HostTransport { session: number, outbox: outbox.clone() }))
        .origins(settings.origins)
        .background(settings.background);
    builder = match settings.store {
        Some(store) => builder.store(HostStore { session: number, settings: store, outbox: outbox.clone() }),
        None => builder.store(MemoryStore::new()),
    };
    if let Some(url) = settings.token_url {
        builder = builder.token_url(url);
    }
    if let Some(id) = settings.client_id {
        builder = builder.client_id(id);
    }
    if let Some(secret) = settings.client_secret {
        builder = builder.client_secret(secret);
    }
    for (name, value) in settings.variables {
        builder = builder.variable(name, value);
    }
    for origin in settings.insecure_origins {
        builder = builder.insecure_origin(origin);
    }
    if let Some(tokens) = settings.tokens {
        builder = builder.credential(tokens.checked()?);
    }
    if let Some(value) = settings.rotation {
        builder = builder.rotation(rotation(value)?);
    }
    if let Some(ms) = settings.wait_timeout_ms {
        builder = builder.wait_timeout(Duration::from_millis(ms));
    }
    if let Some(ms) = settings.send_timeout_ms {
        builder = builder.send_timeout(Duration::from_millis(ms));
    }
    if let Some(ms) = settings.lease_ms {
        builder = builder.lease(Duration::from_millis(ms));
    }
    if let Some(asked) = settings.client_credentials {
        builder = builder.client_credentials(asked.into());
    }
    if settings.refresh {
        builder = builder.refresh_with(HostRefresh { session: number, outbox: outbox.clone() });
    }
    if let Some(key) = settings.key {
        builder = builder.key(key);
    }
    if settings.alone {
        builder = builder.alone();
    }
    let outbox = outbox.clone();
    builder.on_event(move |event| outbox.say(shown::event(number, event))).build()
}

fn dialect(value: &Value) -> Result<Dialect, Error> {
    let Value::String(name) = value else { return Ok(Dialect::from_json(value)?) };
    let presets: BTreeMap<&str, &RawValue> = serde_json::from_str(PRESETS).unwrap_or_default();
    let found = presets.get(name.as_str()).and_then(|found| serde_json::from_str(found.get()).ok());
    let found: Value = found.ok_or_else(|| {
        let names: Vec<&str> = presets.keys().copied().collect();
        config(format!(
            "dialect: there is no preset `{name}`; take one of {}, or give it as data",
            names.join(", ")
        ))
    })?;
    Ok(Dialect::from_json(&found)?)
}

/// As a dialect writes it.
fn rotation(value: Value) -> Result<Rotation, Error> {
    let dialect = Dialect::from_json(&serde_json::json!({ "rotation": value }));
    dialect
        .map(|dialect| dialect.rotation())
        .map_err(|failure| config(failure.message.replace("the dialect, field ", "")))
}

impl Seed {
    fn checked(self) -> Result<Credential, Error> {
        let whole = |seconds: f64| Duration::try_from_secs_f64(seconds).ok().filter(|left| !left.is_zero());
        if self.expires_in.is_some_and(|seconds| whole(seconds).is_none()) {
            return Err(config("expires_in: must be a number of seconds above 0"));
        }
        Ok(self.into())
    }
}

impl From<Seed> for Credential {
    fn from(seed: Seed) -> Self {
        let ends_in = seed.expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let ends_at = seed.expires_at_ms.map(|at| Expiry::At(Wall(at)));
        Self {
            access_token: seed.access_token.map(Into::into),
            refresh_token: seed.refresh_token.map(Into::into),
            expiry: ends_in.map(Expiry::In).or(ends_at),
            scope: seed.scope,
            token_type: seed.token_type,
            ..Self::default()
        }
    }
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}
