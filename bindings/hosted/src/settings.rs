//! What a session is made from, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use rekindle::store::{MemoryStore, Store};
use rekindle::{Dialect, DialectSource, Error, Failure, Host, Session};
use rekindle_bindings::Settings;
use rekindle_bindings::refresh::ForeignRefresh;
use rekindle_bindings::store::{ForeignStore, StoreSettings};
use rekindle_bindings::transport::ForeignTransport;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::host::SessionHost;
use crate::login::HostedLogin;
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
    let login = asked.clone();
    let mut builder =
        Session::builder(dialect(&settings)?).host(host).transport(ForeignTransport(asked.clone()));
    builder = match settings.store.clone() {
        Some(told) => builder.store(store(told, asked.clone())?),
        None => builder.store(MemoryStore::new()),
    };
    if let Some(tokens) = settings.tokens.clone() {
        builder = builder.credential(tokens.checked()?);
    }
    if settings.refresh {
        builder = builder.refresh_with(ForeignRefresh(asked));
    }
    if settings.login {
        builder = builder.on_login_required(HostedLogin(login));
    }
    if let Some(key) = settings.key.clone() {
        builder = builder.key(key);
    }
    builder = settings.apply(builder)?;
    let outbox = outbox.clone();
    builder.on_event(move |event| outbox.say(shown::event(number, event))).build()
}

/// The host's store, or that of the system's files: its locks keep out whoever uses the same file, in whatever language.
pub(crate) fn store(told: StoreSettings, host: SessionHost) -> Result<Arc<dyn Store>, Error> {
    match (&told.file, &told.folder) {
        (None, None) => Ok(Arc::new(ForeignStore { host, settings: told })),
        (file, folder) => file_store(file.as_deref(), folder.as_deref()),
    }
}

#[cfg(not(target_family = "wasm"))]
fn file_store(file: Option<&str>, folder: Option<&str>) -> Result<Arc<dyn Store>, Error> {
    use rekindle::store::FileStore;

    match (file, folder) {
        (Some(file), None) if !file.is_empty() => Ok(Arc::new(FileStore::new(file))),
        (None, Some(folder)) if !folder.is_empty() => Ok(Arc::new(FileStore::folder(folder))),
        _ => Err(Error::config("store", "the file or the folder needs a path: give one of the two")),
    }
}

#[cfg(target_family = "wasm")]
fn file_store(_: Option<&str>, _: Option<&str>) -> Result<Arc<dyn Store>, Error> {
    Err(Error::config("store", "in files is the host's: WebAssembly has none"))
}

fn dialect(settings: &Settings) -> Result<DialectSource, Error> {
    match &settings.dialect {
        Some(data @ Value::Object(_)) => Ok(Dialect::from_json_over(data, &preset_data)?.into()),
        _ => settings.source(preset),
    }
}

fn preset(name: &str) -> Result<DialectSource, Error> {
    Ok(Dialect::from_json(&preset_data(name)?)?.into())
}

fn preset_data(name: &str) -> Result<Value, Failure> {
    let presets: BTreeMap<&str, &RawValue> = serde_json::from_str(PRESETS).unwrap_or_default();
    let found = presets.get(name).and_then(|found| serde_json::from_str(found.get()).ok());
    found.ok_or_else(|| {
        let names = presets.keys().copied().collect::<Vec<_>>().join(", ");
        let what = format!(": there is no preset `{name}`; use one of {names}, or give it as data");
        Failure::config("dialect", what)
    })
}
