//! What a session is made from, as data.

use std::collections::BTreeMap;

use rekindle::store::MemoryStore;
use rekindle::{Dialect, DialectSource, Error, ErrorKind, Host, Session};
use rekindle_bindings::Settings;
use rekindle_bindings::refresh::ForeignRefresh;
use rekindle_bindings::store::ForeignStore;
use rekindle_bindings::transport::ForeignTransport;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::host::SessionHost;
use crate::outbox::SharedOutbox;
use crate::shown;

/// Name and data of each preset.
const PRESETS: &str = include_str!(concat!(env!("OUT_DIR"), "/presets.json"));

pub(crate) fn build(
    settings: Settings,
    number: u32,
    host: &Host,
    outbox: &SharedOutbox,
) -> Result<Session, Error> {
    let asked = SessionHost { session: number, outbox: outbox.clone() };
    let mut builder =
        Session::builder(settings.source(preset)?).host(host).transport(ForeignTransport(asked.clone()));
    builder = match settings.store.clone() {
        Some(settings) => builder.store(ForeignStore { host: asked.clone(), settings }),
        None => builder.store(MemoryStore::new()),
    };
    if let Some(tokens) = settings.tokens.clone() {
        builder = builder.credential(tokens.checked()?);
    }
    if settings.refresh {
        builder = builder.refresh_with(ForeignRefresh(asked));
    }
    if let Some(key) = settings.key.clone() {
        builder = builder.key(key);
    }
    builder = settings.apply(builder)?;
    let outbox = outbox.clone();
    builder.on_event(move |event| outbox.say(shown::event(number, event))).build()
}

fn preset(name: &str) -> Result<DialectSource, Error> {
    let presets: BTreeMap<&str, &RawValue> = serde_json::from_str(PRESETS).unwrap_or_default();
    let found = presets.get(name).and_then(|found| serde_json::from_str(found.get()).ok());
    let found: Value = found.ok_or_else(|| {
        let names = presets.keys().copied().collect::<Vec<_>>().join(", ");
        let what = format!("dialect: there is no preset `{name}`; use one of {names}, or give it as data");
        Error::new(ErrorKind::InvalidConfig, what)
    })?;
    Ok(Dialect::from_json(&found)?.into())
}
