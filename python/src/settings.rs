//! What an app or a session alone is described with, read from a dict that `rekindle._settings` has checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::app::Builder;
use rekindle::proto::dialect::{ClientAuth, Dialect};
use rekindle::proto::{Failure, Wall};
use rekindle::sign_in::ServerMetadata;
use rekindle::store::{FileStore, Store};
use rekindle::{ClientCredentials, Credential, DialectSource, Error, ErrorKind, Expiry, Rotation, Secret};

use crate::errors::raise;
use crate::key::SigningKey;
use crate::login::PythonLogin;
use crate::store::{Abilities, PythonRefresh, PythonStore};
use crate::testing::{Busy, ManualClock};
use crate::transport::Transport;

/// `access_token, refresh_token, expires_in, expires_at, scope, token_type, extra`.
pub(crate) type GivenCredential = (
    Option<String>,
    Option<String>,
    Option<f64>,
    Option<f64>,
    Option<String>,
    Option<String>,
    BTreeMap<String, String>,
);

/// `scope, audience, resource, parameters`.
type AskedFor = (Option<String>, Option<String>, Vec<String>, BTreeMap<String, String>);

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
    if let Some(url) = optional::<String>(settings, "token_url")? {
        builder = builder.token_url(url);
    }
    if let Some(url) = optional::<String>(settings, "authorization_url")? {
        builder = builder.authorization_url(url);
    }
    if let Some(server) = optional::<String>(settings, "server")? {
        builder = builder.server(server_of(&server).map_err(|error| raise(py, &error))?);
    }
    if let Some(login) = optional::<Py<PyAny>>(settings, "login")? {
        builder = builder.on_login_required(PythonLogin(login));
    }
    if let Some(wait) = seconds(settings, "login_timeout")? {
        builder = builder.login_timeout(wait);
    }
    if let Some(id) = optional::<String>(settings, "client_id")? {
        builder = builder.client_id(id);
    }
    if let Some(secret) = optional::<String>(settings, "client_secret")? {
        builder = builder.client_secret(secret);
    }
    if let Some(key) = key(settings, "client_key")? {
        builder = builder.client_key(key);
    }
    if let Some(name) = optional::<String>(settings, "client_auth")? {
        builder = builder.client_auth(client_auth(&name).map_err(|error| raise(py, &error))?);
    }
    if let Some(key) = key(settings, "dpop_key")? {
        builder = builder.dpop_key(key);
    }
    if let Some(required) = optional(settings, "require_dpop")? {
        builder = builder.require_dpop(required);
    }
    if let Some(name) = optional::<String>(settings, "rotation")? {
        builder = builder.rotation(rotation(&name).map_err(|error| raise(py, &error))?);
    }
    if let Some(wait) = seconds(settings, "wait_timeout")? {
        builder = builder.wait_timeout(wait);
    }
    if let Some(send) = seconds(settings, "send_timeout")? {
        builder = builder.send_timeout(send);
    }
    if let Some(lease) = seconds(settings, "lease")? {
        builder = builder.lease(lease);
    }
    let transport: Option<PyRef<'_, Transport>> = optional(settings, "transport")?;
    if let Some(transport) = transport {
        builder = builder.transport(transport.0.clone());
    }
    if let Some(background) = optional(settings, "background")? {
        builder = builder.background(background);
    }
    for (name, value) in optional::<BTreeMap<String, String>>(settings, "variables")?.unwrap_or_default() {
        builder = builder.variable(name, value);
    }
    builder = builder.origins(optional::<Vec<String>>(settings, "origins")?.unwrap_or_default());
    for origin in optional::<Vec<String>>(settings, "insecure_origins")?.unwrap_or_default() {
        builder = builder.insecure_origin(origin);
    }
    let clock: Option<PyRef<'_, ManualClock>> = optional(settings, "clock")?;
    if let Some(store) = store(settings, clock.as_deref().map(|clock| clock.1.clone()).unwrap_or_default())? {
        builder = builder.shared_store(store);
    }
    if let Some(asked) = optional::<AskedFor>(settings, "client_credentials")? {
        builder = builder.client_credentials(client_credentials(asked));
    }
    if let Some(host) = optional::<Py<PyAny>>(settings, "refresh")? {
        builder = builder.refresh_with(PythonRefresh(host));
    }
    if let Some(clock) = clock {
        builder = builder.clock(Arc::new(clock.0.clone()));
    }
    Ok(if optional(settings, "alone")?.unwrap_or(false) { builder.alone() } else { builder })
}

fn server_of(json: &str) -> Result<ServerMetadata, Error> {
    serde_json::from_str(json)
        .map_err(|_| Error::from(Failure::config("server", " is not what discover() gave: ask it anew")))
}

fn client_credentials((scope, audience, resource, parameters): AskedFor) -> ClientCredentials {
    let mut request = ClientCredentials::new();
    (request.scope, request.audience) = (scope, audience);
    (request.resource, request.parameters) = (resource, parameters);
    request
}

pub(crate) fn credential_of(given: GivenCredential) -> Result<Credential, Error> {
    let (access, refresh, expires_in, expires_at, scope, token_type, extra) = given;
    let config = |what: &str| Error::new(ErrorKind::InvalidConfig, what);
    let expiry = match (expires_in, expires_at) {
        (Some(_), Some(_)) => return Err(config("expires_in and expires_at are both given: give one")),
        (Some(left), None) if left.is_finite() && left > 0.0 => {
            let left = Duration::try_from_secs_f64(left).map_err(|_| config("expires_in is too large"))?;
            Some(Expiry::In(left))
        }
        (Some(_), None) => {
            return Err(config(
                "expires_in must be a finite number of seconds above 0: leave it out if unknown",
            ));
        }
        (None, Some(at)) if at.is_finite() => Some(Expiry::At(Wall((at * 1000.0) as i64))),
        (None, Some(_)) => return Err(config("expires_at must be a finite number of seconds since 1970")),
        (None, None) => None,
    };
    let (access_token, refresh_token) = (access.map(Secret::new), refresh.map(Secret::new));
    Ok(Credential { access_token, refresh_token, expiry, scope, token_type, extra })
}

fn from_json(dialect: &str) -> Result<Dialect, Error> {
    let config = |what: String| Error::new(ErrorKind::InvalidConfig, format!("dialect {what}"));
    let value = serde_json::from_str(dialect).map_err(|_| config("cannot be written as JSON".to_owned()))?;
    Ok(Dialect::from_json(&value)?)
}

fn rotation(name: &str) -> Result<Rotation, Error> {
    // A dialect of nothing but a rotation: core reads the words.
    let value = match name.strip_prefix("grace:").and_then(|seconds| seconds.parse::<u64>().ok()) {
        Some(seconds) => serde_json::json!({"rotation": {"grace_seconds": seconds}}),
        None => serde_json::json!({ "rotation": name }),
    };
    let dialect = Dialect::from_json(&value).map_err(|_| {
        let what = "must be none, grace:<seconds>, until-successor-used, strict, strict-family, \
                    sometimes or unknown";
        Error::config("rotation", what)
    })?;
    Ok(dialect.rotation())
}

fn client_auth(name: &str) -> Result<ClientAuth, Error> {
    let value = serde_json::json!({"token_endpoint": {"client_auth": name}});
    let dialect = Dialect::from_json(&value).map_err(|_| {
        Error::config(
            "client_auth",
            "must be none, client_secret_basic, client_secret_post or private_key_jwt",
        )
    })?;
    Ok(dialect.client_auth())
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

fn seconds(settings: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<Duration>> {
    let value: Option<f64> = optional(settings, name)?;
    Ok(value.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
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
