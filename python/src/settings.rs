//! What an app or a session alone is described with, read from a dict that `rekindle._settings` has checked.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::app::Builder;
use rekindle::sign_in::ServerMetadata;
use rekindle::store::{FileStore, Store};
use rekindle::{Credential, Dialect, DialectSource, Error, ErrorKind, Failure};
use rekindle_bindings::Settings;

use crate::errors::{raise, raised};
use crate::key::SigningKey;
use crate::login::PythonLogin;
use crate::store::{Abilities, PythonRefresh, PythonStore};
use crate::testing::{Busy, ManualClock};
use crate::transport::Transport;

/// `host, identity, shared, abilities, the store's id`.
type GivenStore = (Py<PyAny>, Option<String>, bool, Vec<String>, usize);

/// How the server speaks.
pub(crate) fn source(settings: &Bound<'_, PyDict>) -> PyResult<DialectSource> {
    if let Some(json) = optional::<String>(settings, "dialect_json")? {
        return from_json(&json).map(Into::into).map_err(|error| raise(settings.py(), &error));
    }
    Ok(optional::<String>(settings, "dialect")?.unwrap_or_default().into())
}

/// A builder with all that is in the dict.
pub(crate) fn described<T>(mut builder: Builder<T>, settings: &Bound<'_, PyDict>) -> PyResult<Builder<T>> {
    let py = settings.py();
    let plain: Bound<'_, PyDict> = optional(settings, "plain")?.unwrap_or_else(|| PyDict::new(py));
    let plain: Settings = pythonize::depythonize(plain.as_any())?;
    builder = raised(py, plain.apply(builder))?;
    if let Some(url) = optional::<String>(settings, "authorization_url")? {
        builder = builder.authorization_url(url);
    }
    if let Some(server) = optional::<String>(settings, "server")? {
        builder = builder.server(raised(py, server_of(&server))?);
    }
    if let Some(pushed) = optional(settings, "pushed_requests")? {
        builder = builder.pushed_requests(pushed);
    }
    if let Some(login) = optional::<Py<PyAny>>(settings, "login")? {
        builder = builder.on_login_required(PythonLogin(login));
    }
    if let Some(wait) = optional::<f64>(settings, "login_timeout")? {
        builder = builder.login_timeout(rekindle_bindings::time::seconds(wait));
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
    let clock: Option<PyRef<'_, ManualClock>> = optional(settings, "clock")?;
    if let Some(store) = store(settings, clock.as_deref().map(|clock| clock.1.clone()).unwrap_or_default())? {
        builder = builder.store(store);
    }
    if let Some(host) = optional::<Py<PyAny>>(settings, "refresh")? {
        builder = builder.refresh_with(PythonRefresh(host));
    }
    if let Some(clock) = clock {
        builder = builder.clock(clock.0.clone());
    }
    Ok(if optional(settings, "alone")?.unwrap_or(false) { builder.alone() } else { builder })
}

pub(crate) fn server_of(json: &str) -> Result<ServerMetadata, Error> {
    serde_json::from_str(json)
        .map_err(|_| Error::from(Failure::config("server", " is not what discover() gave: ask it anew")))
}

/// Of a dict of plain values.
pub(crate) fn credential_of(given: &Bound<'_, PyDict>) -> PyResult<Credential> {
    let plain: rekindle_bindings::Credential = pythonize::depythonize(given.as_any())?;
    raised(given.py(), plain.checked())
}

fn from_json(dialect: &str) -> Result<Dialect, Error> {
    let config = |what: String| Error::new(ErrorKind::InvalidConfig, format!("dialect {what}"));
    let value = serde_json::from_str(dialect).map_err(|_| config("cannot be written as JSON".to_owned()))?;
    Ok(Dialect::from_json(&value)?)
}

fn store(settings: &Bound<'_, PyDict>, busy: Busy) -> PyResult<Option<Arc<dyn Store>>> {
    if let Some(path) = optional::<PathBuf>(settings, "store_file")? {
        return Ok(Some(Arc::new(FileStore::new(path))));
    }
    if let Some(path) = optional::<PathBuf>(settings, "store_folder")? {
        return Ok(Some(Arc::new(FileStore::folder(path))));
    }
    let Some((host, identity, shared, abilities, instance)) = optional::<GivenStore>(settings, "store")?
    else {
        return Ok(None);
    };
    let can = |name: &str| abilities.iter().any(|ability| ability == name);
    let abilities = Abilities { owners: can("owners"), changed: can("changed"), now: can("now") };
    Ok(Some(Arc::new(PythonStore { host, identity, shared, abilities, instance, busy })))
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
