//! What a session is made from, as data.

use std::collections::BTreeMap;

use rekindle::store::MemoryStore;
use rekindle::{Dialect, Error, ErrorKind, Host, Session};
use rekindle_bindings::Settings;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::outbox::SharedOutbox;
use crate::refresh::HostRefresh;
use crate::shown;
use crate::store::HostStore;
use crate::transport::HostTransport;

/// Name and data of each preset.
const PRESETS: &str = include_str!(concat!(env!("OUT_DIR"), "/presets.json"));

pub(crate) fn build(
    settings: Settings,
    number: u32,
    host: &Host,
    outbox: &SharedOutbox,
) -> Result<Session, Error> {
    let mut builder = Session::builder(dialect(settings.dialect.as_ref())?)
        .host(host)
        .transport(HostTransport { session: number, outbox: outbox.clone() });
    builder = match settings.store.clone() {
        Some(store) => builder.store(HostStore { session: number, settings: store, outbox: outbox.clone() }),
        None => builder.store(MemoryStore::new()),
    };
    if let Some(tokens) = settings.tokens.clone() {
        builder = builder.credential(tokens.checked()?);
    }
    if settings.refresh {
        builder = builder.refresh_with(HostRefresh { session: number, outbox: outbox.clone() });
    }
    if let Some(key) = settings.key.clone() {
        builder = builder.key(key);
    }
    builder = settings.apply(builder)?;
    let outbox = outbox.clone();
    builder.on_event(move |event| outbox.say(shown::event(number, event))).build()
}

fn dialect(given: Option<&Value>) -> Result<Dialect, Error> {
    let name = match given {
        None => "oauth2",
        Some(Value::String(name)) => name,
        Some(data) => return Ok(Dialect::from_json(data)?),
    };
    let presets: BTreeMap<&str, &RawValue> = serde_json::from_str(PRESETS).unwrap_or_default();
    let found = presets.get(name).and_then(|found| serde_json::from_str(found.get()).ok());
    let found: Value = found.ok_or_else(|| {
        let names: Vec<&str> = presets.keys().copied().collect();
        config(format!(
            "dialect: there is no preset `{name}`; use one of {}, or give it as data",
            names.join(", ")
        ))
    })?;
    Ok(Dialect::from_json(&found)?)
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}
