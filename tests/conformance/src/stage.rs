//! Where a case is played: its servers, its clock, its store and its sessions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rekindle::Dialect as Spoken;
use rekindle::Event;
use rekindle::RetryPolicy;
use rekindle::store::FileStore;
use rekindle::{Client, Error, Session, SessionBuilder};
use rekindle::{Credential, Expiry, Rotation, Wall};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::case::{Case, CredentialSpec, Dialect, SessionSpec, StoreKind};
use crate::origin::{Server, name_servers};
use crate::refresh::{self, Callback};
use crate::results;
use crate::store::{Life, Scripted};
use crate::through::Through;
use crate::time::{Driven, Time};

/// A session with what was heard of it.
pub(crate) struct Kept {
    pub(crate) session: Session,
    pub(crate) client: Client,
    /// Ends its reach to a scripted store.
    pub(crate) life: Life,
    heard: Heard,
}

/// Events since the session was made, those of its making included.
type Heard = Arc<Mutex<Vec<Event>>>;

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) other: Option<Server>,
    pub(crate) time: Time,
    pub(crate) through: Through,
    pub(crate) store: Scripted,
    folder: TempDir,
    base: Map<String, Value>,
    sessions: Mutex<BTreeMap<String, Arc<Kept>>>,
    complaints: Mutex<Vec<String>>,
}

impl Stage {
    /// Starts the servers, and gives the case with their addresses in it.
    pub(crate) fn set(case: &Case, driven: Driven, through: Through) -> Result<(Arc<Self>, Case), String> {
        let server = Server::start(&case.server)?;
        let other = (!case.other.is_null()).then(|| Server::start(&case.other)).transpose()?;
        let mut names = vec![("{server}", server.bare().base_url())];
        names.extend(other.as_ref().map(|other| ("{other}", other.bare().base_url())));
        let mut case = case.clone();
        for part in
            [&mut case.server, &mut case.other, &mut case.expect].into_iter().chain(&mut case.operations)
        {
            name_servers(part, &names);
        }
        let mut base = Map::from_iter([("token_url".to_owned(), "{server}/token".into())]);
        base.append(&mut case.session);
        base.values_mut().for_each(|value| name_servers(value, &names));
        server.play(case.server.clone())?;
        if let Some(other) = &other {
            other.play(case.other.clone())?;
        }
        let stage = Self {
            server,
            other,
            time: Time::new(driven),
            through,
            store: Scripted::default(),
            folder: tempfile::tempdir().map_err(|error| error.to_string())?,
            base,
            sessions: Mutex::default(),
            complaints: Mutex::default(),
        };
        Ok((Arc::new(stage), case))
    }

    /// Makes a session of the case's settings and these.
    pub(crate) fn make(&self, name: &str, with: Map<String, Value>) -> Result<Result<(), Error>, String> {
        let mut settings = self.base.clone();
        settings.extend(with);
        let spec: SessionSpec =
            serde_json::from_value(settings.into()).map_err(|error| format!("session: {error}"))?;
        let (life, callback) = (Life::default(), Callback::default());
        let described = self.describe(&spec, &life, &callback)?;
        Ok(match described.and_then(|builder| self.build(&spec, builder, life)) {
            Ok(kept) => {
                callback.set(&kept.session);
                self.sessions.lock().insert(name.to_owned(), Arc::new(kept));
                Ok(())
            }
            Err(error) => Err(error),
        })
    }

    pub(crate) fn session(&self, name: &str) -> Result<Arc<Kept>, String> {
        self.sessions.lock().get(name).cloned().ok_or_else(|| format!("there is no session `{name}`"))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.sessions.lock().keys().cloned().collect()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("session.json")
    }

    pub(crate) fn complain(&self, complaint: String) {
        self.complaints.lock().push(complaint);
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut *self.complaints.lock())
    }

    pub(crate) fn must_not_leak(&self, what: &str, text: &str) {
        if let Some(complaint) = results::leaks(what, text) {
            self.complain(complaint);
        }
    }

    /// What has been heard of a session so far.
    pub(crate) fn heard(&self, kept: &Kept) -> Vec<Value> {
        kept.heard.lock().iter().map(|event| results::event(self, event)).collect()
    }

    fn describe(
        &self,
        spec: &SessionSpec,
        life: &Life,
        callback: &Callback,
    ) -> Result<Result<SessionBuilder, Error>, String> {
        let dialect = match &spec.dialect {
            Dialect::Preset(name) => Spoken::preset(name),
            Dialect::Toml { toml } => Spoken::from_toml(toml, "dialect.toml"),
        };
        let dialect = match dialect {
            Ok(dialect) => dialect,
            Err(failure) => return Ok(Err(failure.into())),
        };
        let origins = spec.origins.clone().unwrap_or_else(|| vec![self.server.bare().base_url()]);
        let mut builder =
            Session::builder(dialect).token_url(&spec.token_url).origins(origins).background(spec.background);
        builder = self.time.drives(builder);
        if let Some(id) = &spec.client_id {
            builder = builder.client_id(id);
        }
        if let Some(secret) = &spec.client_secret {
            builder = builder.client_secret(secret.as_str());
        }
        if let Some(auth) = spec.client_auth {
            builder = builder.client_auth(auth);
        }
        for (name, value) in &spec.variables {
            builder = builder.variable(name, value);
        }
        for origin in &spec.insecure_origins {
            builder = builder.insecure_origin(origin);
        }
        if let Some(rotation) = &spec.rotation {
            builder = builder.rotation(rotation_of(rotation)?);
        }
        if let Some(credential) = self.credential(spec)? {
            builder = builder.credential(credential);
        }
        if let Some(results) = &spec.refresh_with {
            builder = builder.refresh_with(refresh::Scripted::new(results.clone(), callback.clone()));
        }
        if let Some(request) = &spec.client_credentials {
            builder = builder.client_credentials(request.clone());
        }
        Ok(Ok(self.limits(spec, builder, life)))
    }

    fn limits(&self, spec: &SessionSpec, mut builder: SessionBuilder, life: &Life) -> SessionBuilder {
        if let Some(ms) = spec.wait_ms {
            builder = builder.wait_timeout(Duration::from_millis(ms));
        }
        if let Some(ms) = spec.send_ms {
            builder = builder.send_timeout(Duration::from_millis(ms));
        }
        if let Some(ms) = spec.lease_ms {
            builder = builder.lease(Duration::from_millis(ms));
        }
        if !spec.same_process {
            builder = builder.alone();
        }
        match spec.store {
            StoreKind::Memory => builder,
            StoreKind::File => builder.store(FileStore::new(self.path())),
            StoreKind::Scripted => builder.store(self.store.of(life)),
        }
    }

    fn credential(&self, spec: &SessionSpec) -> Result<Option<Credential>, String> {
        match &spec.credential {
            Some(Value::Bool(false)) => Ok(None),
            Some(written) => {
                let written: CredentialSpec = serde_json::from_value(written.clone())
                    .map_err(|error| format!("session.credential: {error}"))?;
                Ok(Some(credential(&written)))
            }
            None => Ok(Some(self.usual())),
        }
    }

    /// The model's sign-in, or `AT-1` and `RT-1`.
    pub(crate) fn usual(&self) -> Credential {
        let (access_token, refresh_token) = match self.server.sign_in() {
            Some(tokens) => (tokens.access_token, tokens.refresh_token),
            None => ("AT-1".into(), "RT-1".into()),
        };
        Credential {
            access_token: Some(access_token.into()),
            refresh_token: Some(refresh_token.into()),
            ..Credential::default()
        }
    }

    fn build(&self, spec: &SessionSpec, builder: SessionBuilder, life: Life) -> Result<Kept, Error> {
        let heard = Heard::default();
        let ear = heard.clone();
        let session = builder.on_event(move |event| ear.lock().push(event.clone())).build()?;
        let mut client = Client::builder(session.clone()).base_url(self.server.bare().base_url());
        if let Some(ms) = spec.client.timeout_ms {
            client = client.timeout(Duration::from_millis(ms));
        }
        if let Some(max_sends) = spec.client.max_sends {
            client = client.retry(RetryPolicy { max_sends, ..RetryPolicy::default() });
        }
        if let Some(most) = spec.client.max_redirects {
            client = client.max_redirects(most);
        }
        if let Some(path) = &spec.client.graphql_path {
            client = client.graphql_path(path);
        }
        for (name, value) in &spec.client.headers {
            client = client.default_header(name, value);
        }
        Ok(Kept { session, client: client.build()?, life, heard })
    }
}

pub(crate) fn credential(written: &CredentialSpec) -> Credential {
    let expires_in = written.expires_in.map(|left| Expiry::In(Duration::from_secs_f64(left.max(0.0))));
    Credential {
        access_token: written.access_token.clone().map(Into::into),
        refresh_token: written.refresh_token.clone().map(Into::into),
        expiry: expires_in.or(written.expires_at_ms.map(|at| Expiry::At(Wall(at)))),
        scope: written.scope.clone(),
        token_type: written.token_type.clone(),
        ..Credential::default()
    }
}

fn rotation_of(written: &Value) -> Result<Rotation, String> {
    match written["grace_seconds"].as_u64() {
        Some(seconds) => Ok(Rotation::Grace(Duration::from_secs(seconds))),
        None => written.as_str().unwrap_or_default().parse(),
    }
}
