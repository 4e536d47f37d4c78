//! Stores and refresh functions of the user's, in Python. `rekindle._host` calls them, whether they are sync
//! or async, and says how that went in plain values.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rekindle::Cause;
use rekindle::TokenResponse;
use rekindle::store::{Changed, Expected, Loaded, Owner, Saved, Store, Unavailable, Version};
use rekindle::{Refresh, RefreshError, RefreshInput, Secret};

use crate::attach::attached;
use crate::testing::Busy;

/// A store in Python, behind its host.
pub(crate) struct PythonStore {
    pub(crate) host: Py<PyAny>,
    pub(crate) identity: Option<String>,
    pub(crate) shared: bool,
    pub(crate) abilities: Abilities,
    /// Tells the store from others that claim the same identity.
    pub(crate) instance: usize,
    pub(crate) busy: Busy,
}

/// What it can do beside loading and saving.
pub(crate) struct Abilities {
    /// `announce`, `retire` and `owner`.
    pub(crate) owners: bool,
    pub(crate) changed: bool,
    pub(crate) now: bool,
}

/// `("present", record, version)`, `("absent", ..)`, `("saved", _, version)`, `("conflict", ..)` or
/// `("unavailable", _, reason)`.
type ServerError = (String, Option<Vec<u8>>, Option<String>);

impl PythonStore {
    /// Calls off the engine's thread: Python may take its time. Once begun, it ends.
    async fn ask(
        &self,
        call: impl FnOnce(Python<'_>, &Py<PyAny>) -> PyResult<ServerError> + Send + 'static,
    ) -> ServerError {
        let _begun = self.busy.begin();
        let host = match attached(|py| self.host.clone_ref(py)) {
            Some(host) => host,
            None => return unavailable("the interpreter has ended".to_owned()),
        };
        let asked = tokio::task::spawn_blocking(move || {
            attached(move |py| call(py, &host).unwrap_or_else(|error| unavailable(name(py, &error))))
        });
        asked.await.ok().flatten().unwrap_or_else(|| unavailable("the interpreter has ended".to_owned()))
    }

    /// What is about a flight's owner: stores need not care.
    async fn tell(&self, what: &'static str, key: &str, owner: &str) -> String {
        if !self.abilities.owners {
            return String::new();
        }
        let facts = (key.to_owned(), owner.to_owned());
        self.ask(move |py, host| host.call_method1(py, what, facts)?.extract(py)).await.0
    }
}

#[async_trait]
impl Store for PythonStore {
    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }

    fn instance(&self) -> usize {
        self.instance
    }

    fn shared(&self) -> bool {
        self.shared
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        let key = key.to_owned();
        let said = self.ask(move |py, host| host.call_method1(py, "load", (key,))?.extract(py)).await;
        match (said.0.as_str(), said.1, said.2) {
            ("present", Some(record), Some(version)) => {
                Ok(Loaded::Present(record.into(), Version::new(version)))
            }
            ("absent", ..) => Ok(Loaded::Absent),
            (_, _, reason) => Err(Unavailable::new(reason.unwrap_or_default())),
        }
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let (how, version) = match expected {
            Expected::Absent => ("absent", None),
            Expected::Version(version) => ("version", Some(version.0.to_string())),
            Expected::Anything => ("anything", None),
        };
        let key = key.to_owned();
        let call = move |py: Python<'_>, host: &Py<PyAny>| {
            host.call_method1(py, "save", (key, PyBytes::new(py, &record), how, version))?.extract(py)
        };
        match self.ask(call).await {
            (said, _, Some(version)) if said == "saved" => Ok(Saved::Done(Version::new(version))),
            (said, ..) if said == "conflict" => Ok(Saved::Conflict),
            (_, _, reason) => Err(Unavailable::new(reason.unwrap_or_default())),
        }
    }

    async fn announce(&self, key: &str, owner: &str) {
        self.tell("announce", key, owner).await;
    }

    async fn retire(&self, key: &str, owner: &str) {
        self.tell("retire", key, owner).await;
    }

    async fn owner(&self, key: &str, owner: &str) -> Owner {
        match self.tell("owner", key, owner).await.as_str() {
            "alive" => Owner::Alive,
            "dead" => Owner::Dead,
            _ => Owner::Unknown,
        }
    }

    fn changed<'a>(&'a self, key: &'a str) -> Option<Changed<'a>> {
        if !self.abilities.changed {
            return None;
        }
        let key = key.to_owned();
        Some(Box::pin(async move {
            let said = self.ask(move |py, host| host.call_method1(py, "changed", (key,))?.extract(py)).await;
            if said.0 != "changed" {
                // It failed: who waits polls.
                std::future::pending().await
            }
        }))
    }

    async fn now(&self) -> Option<SystemTime> {
        if !self.abilities.now {
            return None;
        }
        let host = attached(|py| self.host.clone_ref(py))?;
        let asked = tokio::task::spawn_blocking(move || {
            attached(move |py| {
                host.call_method0(py, "now").and_then(|now| now.extract::<Option<f64>>(py)).ok().flatten()
            })
        });
        let seconds = asked.await.ok().flatten().flatten()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }
}

/// A refresh function in Python, behind its host.
pub(crate) struct PythonRefresh(pub(crate) Py<PyAny>);

/// `(outcome, text, access token, refresh token, lifetime, scope, token type, what it raised and its name)`.
type Refreshed = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<f64>,
    Option<String>,
    Option<String>,
    Option<(String, Py<PyAny>)>,
);

/// What Python raised, on its way through core.
#[derive(Debug)]
pub(crate) struct Raised(pub(crate) Py<PyAny>);

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an exception of the refresh function")
    }
}

impl std::error::Error for Raised {}

#[async_trait]
impl Refresh for PythonRefresh {
    async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
        let gone = || RefreshError::not_sent("the interpreter has ended".to_owned());
        let host = attached(|py| self.0.clone_ref(py)).ok_or_else(gone)?;
        let call = move |py: Python<'_>| -> PyResult<Refreshed> {
            let token = input.refresh_token.as_ref().map(Secret::expose);
            let facts = (token, input.scope, input.extra);
            host.call_method1(py, "refresh", facts)?.extract(py)
        };
        let asked = tokio::task::spawn_blocking(move || attached(call)).await;
        match asked.ok().flatten() {
            Some(Ok(said)) => granted(said),
            Some(Err(_)) => Err(RefreshError::maybe_sent("the answer was lost")),
            None => Err(gone()),
        }
    }
}

fn granted(said: Refreshed) -> Result<TokenResponse, RefreshError> {
    let (outcome, text, access, refresh, lifetime, scope, token_type, raised) = said;
    match (outcome.as_str(), access) {
        ("granted", access) => {
            // A refresh token alone is kept.
            let mut grant = TokenResponse::new(access.unwrap_or_default());
            grant.refresh_token = refresh.map(Secret::new);
            grant.lifetime = lifetime.and_then(|left| Duration::try_from_secs_f64(left).ok());
            grant.scope = scope;
            grant.token_type = token_type;
            Ok(grant)
        }
        ("login_required", _) => Err(RefreshError::login_required()),
        ("not_sent", _) => Err(caused(RefreshError::not_sent(text), raised)),
        _ => Err(caused(RefreshError::maybe_sent(text), raised)),
    }
}

fn caused(error: RefreshError, raised: Option<(String, Py<PyAny>)>) -> RefreshError {
    match raised {
        Some((name, raised)) => error.with_cause(Cause::new(name, Raised(raised))),
        None => error,
    }
}

fn unavailable(reason: String) -> ServerError {
    ("unavailable".to_owned(), None, Some(reason))
}

/// The exception's type. Its text could quote the record.
fn name(py: Python<'_>, error: &PyErr) -> String {
    error.get_type(py).to_string()
}
