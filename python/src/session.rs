//! A session, as `rekindle.Session` needs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rekindle::proto::Wall;
use rekindle::proto::dialect::Dialect;
use rekindle::proto::machine::Status;
use rekindle::store::{FileStore, MemoryStore};
use rekindle::{Credential, DialectSource, Error, ErrorKind, Expiry, Rotation, Secret};

use crate::attach::{attached, released};
use crate::errors::{Problem, raise};
use crate::events::{Events, dict};
use crate::key::SigningKey;
use crate::run::{Waiter, drive};
use crate::store::{PythonRefresh, PythonStore};
use crate::testing::ManualClock;

/// `access_token, refresh_token, expires_in, expires_at, scope, token_type, extra`.
type GivenCredential = (
    Option<String>,
    Option<String>,
    Option<f64>,
    Option<f64>,
    Option<String>,
    Option<String>,
    BTreeMap<String, String>,
);

/// `value, authorization, header name, generation, expires_at`.
type Given = (String, String, String, u64, Option<f64>);

#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Session {
    pub(crate) inner: rekindle::Session,
}

#[pymethods]
impl Session {
    /// `dialect` is a name, a path, or (`dialect_json`) JSON. `store`: `None` for memory, a path, or a host.
    #[new]
    #[pyo3(signature = (*, dialect, dialect_json, settings, credential, variables, origins, insecure_origins,
        store_path, store_host, refresh_host, on_event, clock=None, alone=false))]
    #[allow(clippy::too_many_arguments, reason = "keywords of one internal call")]
    fn new(
        py: Python<'_>,
        dialect: String,
        dialect_json: bool,
        settings: &Bound<'_, PyDict>,
        credential: Option<GivenCredential>,
        variables: BTreeMap<String, String>,
        origins: Vec<String>,
        insecure_origins: Vec<String>,
        store_path: Option<std::path::PathBuf>,
        store_host: Option<(Py<PyAny>, Option<String>, bool, bool)>,
        refresh_host: Option<Py<PyAny>>,
        on_event: Option<Py<PyAny>>,
        clock: Option<PyRef<'_, ManualClock>>,
        alone: bool,
    ) -> PyResult<Self> {
        let source = source(dialect, dialect_json).map_err(|error| raise(py, &error))?;
        let mut builder = rekindle::Session::builder(source);
        if let Some(url) = text(settings, "token_url")? {
            builder = builder.token_url(url);
        }
        if let Some(id) = text(settings, "client_id")? {
            builder = builder.client_id(id);
        }
        if let Some(secret) = text(settings, "client_secret")? {
            builder = builder.client_secret(secret);
        }
        if let Some(key) = key(settings, "client_key")? {
            builder = builder.client_key(key);
        }
        if let Some(key) = key(settings, "dpop_key")? {
            builder = builder.dpop_key(key);
        }
        if let Some(name) = text(settings, "rotation")? {
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
        if let Some(background) = settings.get_item("background")? {
            builder = builder.background(background.extract()?);
        }
        builder = variables.into_iter().fold(builder, |builder, (name, value)| builder.variable(name, value));
        builder = origins.into_iter().fold(builder, |builder, origin| builder.origin(origin));
        builder = insecure_origins.into_iter().fold(builder, |builder, one| builder.insecure_origin(one));
        if let Some(given) = credential {
            builder = builder.credential(credential_of(given).map_err(|error| raise(py, &error))?);
        }
        builder = match (store_path, store_host) {
            (Some(path), _) => builder.store(FileStore::new(path)),
            (None, Some((host, identity, shared, owners))) => {
                let busy = clock.as_ref().map(|clock| clock.1.clone()).unwrap_or_default();
                builder.store(PythonStore { host, identity, shared, owners, busy })
            }
            (None, None) => builder.store(MemoryStore::new()),
        };
        if let Some(host) = refresh_host {
            builder = builder.refresh_with(PythonRefresh(host));
        }
        if let Some(call) = on_event {
            builder = builder.on_event(move |event| {
                let _ = attached(|py| {
                    let told = dict(py, event).and_then(|facts| call.call1(py, (facts,)));
                    // As Python itself does where an exception has nowhere to go.
                    told.err().inspect(|error| error.clone_ref(py).write_unraisable(py, None))
                });
            });
        }
        if let Some(clock) = clock {
            builder = builder.clock(Arc::new(clock.0.clone()));
        }
        if alone {
            builder = builder.alone();
        }
        let inner = released(py, || builder.build()).map_err(|error| raise(py, &error))?;
        Ok(Self { inner })
    }

    /// A token that can be served at once, else nothing.
    fn token_if_valid(&self) -> Option<Given> {
        self.inner.token_if_valid().map(|token| given(&token))
    }

    #[pyo3(signature = (min_life=None, waiter=None))]
    fn token(&self, py: Python<'_>, min_life: Option<f64>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let min_life = min_life.and_then(|life| Duration::try_from_secs_f64(life).ok());
        let work = async move {
            let token = match min_life {
                Some(life) => session.token_living(life).await,
                None => session.token().await,
            };
            settled(token).await
        };
        drive(py, waiter, work, python)
    }

    #[pyo3(signature = (force, waiter=None))]
    fn refresh(&self, py: Python<'_>, force: bool, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        drive(py, waiter, async move { settled(session.refresh(force).await).await }, python)
    }

    fn invalidate(&self, py: Python<'_>) {
        released(py, || self.inner.invalidate());
    }

    #[pyo3(signature = (credential, waiter=None))]
    fn sign_in(
        &self,
        py: Python<'_>,
        credential: GivenCredential,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let credential = credential_of(credential).map_err(|error| raise(py, &error))?;
        let session = self.inner.clone();
        let work = async move {
            match session.sign_in(credential).await {
                Ok(()) => Ok(()),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (waiter=None))]
    fn sign_out(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let work = async move {
            match session.sign_out().await {
                Ok(()) => Ok(()),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, ()| Ok(py.None()))
    }

    /// `fresh`: the store is read first, if it was not yet.
    #[pyo3(signature = (fresh=false, waiter=None))]
    fn status(&self, py: Python<'_>, fresh: bool, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        if !fresh {
            return status(py, self.inner.status());
        }
        let session = self.inner.clone();
        let work = async move {
            match session.fresh_status().await {
                Ok(status) => Ok(status),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, status)
    }

    fn stats(&self) -> BTreeMap<&'static str, u64> {
        self.inner.stats().entries().into_iter().collect()
    }

    fn prometheus(&self) -> String {
        self.inner.stats().to_prometheus()
    }

    fn events(&self) -> Events {
        Events(self.inner.events().into())
    }

    /// Whether nothing is under way or unsaved.
    fn is_settled(&self) -> bool {
        self.inner.is_settled()
    }

    /// Waits for what is under way or unsaved, at most so many seconds; whether nothing is left.
    #[pyo3(signature = (most, waiter=None))]
    fn shutdown(&self, py: Python<'_>, most: f64, waiter: Option<Waiter>) -> PyResult<Py<PyAny>> {
        let session = self.inner.clone();
        let most = Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX);
        // In real time, too: nobody may be left to turn a clock that is turned by hand, at the interpreter's end.
        let work =
            async move { Ok(tokio::time::timeout(most, session.shutdown(most)).await.unwrap_or(false)) };
        drive(py, waiter, work, |py, done| Ok(done.into_pyobject(py)?.to_owned().into_any().unbind()))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}

fn key(settings: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<rekindle::SigningKey>> {
    let Some(given) = settings.get_item(name)? else { return Ok(None) };
    let key: PyRef<'_, SigningKey> = given.extract()?;
    Ok(Some(key.0.clone()))
}

fn source(dialect: String, json: bool) -> Result<DialectSource, Error> {
    if !json {
        return Ok(dialect.into());
    }
    let config = |what: String| Error::new(ErrorKind::InvalidConfig, format!("dialect {what}"));
    let value = serde_json::from_str(&dialect).map_err(|_| config("cannot be written as JSON".to_owned()))?;
    Ok(Dialect::from_json(&value)?.into())
}

fn rotation(name: &str) -> Result<Rotation, Error> {
    // A dialect of nothing but a rotation: core reads the words.
    let value = match name.strip_prefix("grace:").and_then(|seconds| seconds.parse::<u64>().ok()) {
        Some(seconds) => serde_json::json!({"rotation": {"grace_seconds": seconds}}),
        None => serde_json::json!({ "rotation": name }),
    };
    let dialect = Dialect::from_json(&value).map_err(|_| {
        let what = "rotation must be none, grace:<seconds>, until-successor-used, strict, strict-family, \
                    sometimes or unknown";
        Error::new(ErrorKind::InvalidConfig, what)
    })?;
    Ok(dialect.rotation())
}

fn credential_of(given: GivenCredential) -> Result<Credential, Error> {
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

async fn settled(token: Result<rekindle::Token, Error>) -> Result<Given, Problem> {
    match token {
        Ok(token) => Ok(given(&token)),
        Err(error) => Err(Problem::of(error).await),
    }
}

fn given(token: &rekindle::Token) -> Given {
    let authorization = String::from_utf8_lossy(token.authorization().as_bytes()).into_owned();
    (
        token.value().to_owned(),
        authorization,
        token.header_name().as_str().to_owned(),
        token.generation(),
        token.expires_at().map(epoch),
    )
}

fn python(py: Python<'_>, given: Given) -> PyResult<Py<PyAny>> {
    Ok(given.into_pyobject(py)?.into_any().unbind())
}

fn status(py: Python<'_>, status: Status) -> PyResult<Py<PyAny>> {
    let facts = PyDict::new(py);
    facts.set_item("standing", status.standing.name())?;
    facts.set_item("lineage", status.lineage)?;
    facts.set_item("generation", status.generation)?;
    facts.set_item("expires_at", status.expires_at.map(epoch))?;
    facts.set_item("valid", status.valid)?;
    facts.set_item("refreshable", status.refreshable)?;
    facts.set_item("refreshed_at", status.refreshed_at.map(epoch))?;
    facts.set_item("backoff", status.backoff.map(|left| left.as_secs_f64()))?;
    facts.set_item("failures", status.failures)?;
    facts.set_item("persisted", status.persisted)?;
    facts.set_item("refreshing", status.refreshing)?;
    facts.set_item("leased", status.lease.is_some())?;
    facts.set_item("scope", status.scope)?;
    Ok(facts.into_any().unbind())
}

fn epoch(wall: Wall) -> f64 {
    wall.0 as f64 / 1000.0
}

fn text(settings: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<String>> {
    settings.get_item(name)?.map(|value| value.extract()).transpose()
}

fn seconds(settings: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<Duration>> {
    let value: Option<f64> = settings.get_item(name)?.map(|value| value.extract()).transpose()?;
    Ok(value.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
}
