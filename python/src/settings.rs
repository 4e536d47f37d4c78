//! Reads the options of an app or a session from a dict that `rekindle._settings` has checked.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::app::Builder;
use rekindle::sign_in::ServerMetadata;
use rekindle::store::{FileStore, Store};
use rekindle::{Credential, DialectSource, Error, Failure};
use rekindle_bindings::Settings;
use rekindle_bindings::refresh::ForeignRefresh;
use rekindle_bindings::store::ForeignStore;

use crate::errors::raised;
use crate::host::PythonHost;
use crate::key::SigningKey;
use crate::login::{PythonLogin, Wrap};
use crate::testing::{Busy, ManualClock};
use crate::transport::Transport;

/// A builder with all settings of the dict. `wrap` makes the session object that a login handler is called with.
pub(crate) fn described<T>(
    settings: &Bound<'_, PyDict>,
    wrap: Wrap,
    make: impl FnOnce(DialectSource) -> Builder<T>,
) -> PyResult<Builder<T>> {
    let py = settings.py();
    let plain = settings.get_item("plain")?.unwrap_or_else(|| PyDict::new(py).into_any());
    let plain: Settings = pythonize::depythonize(&plain)?;
    let mut builder = make(raised(py, plain.source(|name| Ok(name.into())))?);
    let clock: Option<PyRef<'_, ManualClock>> = optional(settings, "clock")?;
    let busy = clock.as_deref().map(|clock| clock.1.clone()).unwrap_or_default();
    if let Some(store) = store(settings, &plain, &busy)? {
        builder = builder.store(store);
    }
    builder = raised(py, plain.apply(builder))?;
    if let Some(ask) = optional(settings, "refresh")? {
        builder = builder.refresh_with(ForeignRefresh(PythonHost { ask, busy: Busy::default() }));
    }
    if let Some(handler) = optional(settings, "login")? {
        builder = builder.on_login_required(PythonLogin { handler, wrap });
    }
    if let Some(key) = key(settings, "client_key")? {
        builder = builder.client_key(key);
    }
    if let Some(key) = key(settings, "dpop_key")? {
        builder = builder.dpop_key(key);
    }
    let transport: Option<PyRef<'_, Transport>> = optional(settings, "transport")?;
    if let Some(transport) = transport {
        builder = builder.transport(transport.0.clone());
    }
    if let Some(clock) = clock {
        builder = builder.clock(clock.0.clone());
    }
    Ok(if optional(settings, "alone")?.unwrap_or(false) { builder.alone() } else { builder })
}

pub(crate) fn server_of(json: &str) -> Result<ServerMetadata, Error> {
    serde_json::from_str(json).map_err(|_| {
        Error::from(Failure::config("server", " is not a result of discover(): call discover() again"))
    })
}

/// Reads settings from a dict of plain values.
pub(crate) fn credential_of(given: &Bound<'_, PyDict>) -> PyResult<Credential> {
    let plain: rekindle_bindings::Credential = pythonize::depythonize(given.as_any())?;
    raised(given.py(), plain.checked())
}

fn store(settings: &Bound<'_, PyDict>, plain: &Settings, busy: &Busy) -> PyResult<Option<Arc<dyn Store>>> {
    if let Some(path) = optional::<PathBuf>(settings, "store_file")? {
        return Ok(Some(Arc::new(FileStore::new(path))));
    }
    if let Some(path) = optional::<PathBuf>(settings, "store_folder")? {
        return Ok(Some(Arc::new(FileStore::folder(path))));
    }
    let Some((settings, ask)) = plain.store.clone().zip(optional(settings, "store")?) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(ForeignStore { host: PythonHost { ask, busy: busy.clone() }, settings })))
}

fn key(settings: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<rekindle::SigningKey>> {
    let key: Option<PyRef<'_, SigningKey>> = optional(settings, name)?;
    Ok(key.map(|key| key.0.clone()))
}

fn optional<'py, T>(settings: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    match settings.get_item(name)? {
        Some(value) if !value.is_none() => Ok(Some(value.extract().map_err(Into::into)?)),
        _ => Ok(None),
    }
}
