//! What servers and APIs say of themselves, and registering a client there.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use rekindle::sign_in::{ClientRegistration, RegisteredClient};

use crate::errors::{Problem, raise};
use crate::run::{Waiter, drive};
use crate::settings::server_of;

/// What a server says of itself, as JSON.
#[pyfunction]
#[pyo3(signature = (issuer, waiter=None))]
pub(crate) fn discover(py: Python<'_>, issuer: String, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
    let work = async move {
        match rekindle::sign_in::discover(&issuer).await {
            Ok(server) => Ok(serde_json::to_string(&server).unwrap_or_default()),
            Err(error) => Err(Problem::of(error).await),
        }
    };
    drive(py, waiter, work, |py, server| server.into_py_any(py))
}

/// What an API says of itself, as JSON.
#[pyfunction]
#[pyo3(signature = (resource, waiter=None))]
pub(crate) fn discover_resource(
    py: Python<'_>,
    resource: String,
    waiter: Option<Waiter>,
) -> PyResult<Py<PyAny>> {
    let work = async move {
        match rekindle::sign_in::discover_resource(&resource).await {
            Ok(api) => Ok(serde_json::to_string(&api).unwrap_or_default()),
            Err(error) => Err(Problem::of(error).await),
        }
    };
    drive(py, waiter, work, |py, api| api.into_py_any(py))
}

/// A client's settings, as JSON.
#[pyfunction]
#[pyo3(signature = (server, name, redirect_uri, scope, waiter=None))]
pub(crate) fn register(
    py: Python<'_>,
    server: &str,
    name: String,
    redirect_uri: String,
    scope: Option<String>,
    waiter: Option<Waiter>,
) -> PyResult<Py<PyAny>> {
    let server = server_of(server).map_err(|error| raise(py, &error))?;
    let mut client = ClientRegistration::new(name, redirect_uri);
    client.scope = scope;
    let work = async move {
        match rekindle::sign_in::register(&server, &client).await {
            Ok(client) => Ok(client_settings(&client)),
            Err(error) => Err(Problem::of(error).await),
        }
    };
    drive(py, waiter, work, |py, client| client.into_py_any(py))
}

/// As the options of a session are called.
fn client_settings(client: &RegisteredClient) -> String {
    let usual = if client.client_secret.is_some() { "client_secret_basic" } else { "none" };
    let mut settings = serde_json::json!({
        "client_id": client.client_id,
        "client_auth": client.token_endpoint_auth_method.as_deref().unwrap_or(usual),
    });
    if let Some(secret) = &client.client_secret {
        settings["client_secret"] = secret.expose().into();
    }
    settings.to_string()
}
