//! The servers of a case, and their names in it.

use rekindle_test_server::{AuthServer, Script, TestServer, Tokens};
use serde_json::Value;

use crate::case::ServerSpec;

/// A scripted server, with a model behind it or not.
pub(crate) enum Server {
    Scripted(TestServer),
    Model(AuthServer),
}

impl Server {
    /// Starts it with an empty script: what it will answer may hold its own address.
    pub(crate) fn start(spec: &Value) -> Result<Self, String> {
        let started = match spec.get("auth") {
            None => TestServer::start(Script::new()).map(Self::Scripted),
            Some(auth) => {
                let mut config: rekindle_test_server::AuthConfig =
                    serde_json::from_value(auth.clone()).map_err(|error| format!("server.auth: {error}"))?;
                if config.token_prefix.is_empty() {
                    config.token_prefix = "SECRET-".into();
                }
                AuthServer::builder().configure(|default| *default = config).start().map(Self::Model)
            }
        };
        started.map_err(|error| format!("the server did not start: {error}"))
    }

    pub(crate) fn play(&self, spec: Value) -> Result<(), String> {
        let spec: ServerSpec = match spec {
            Value::Null => ServerSpec::default(),
            spec => serde_json::from_value(spec).map_err(|error| format!("server: {error}"))?,
        };
        self.bare().play(Script { steps: spec.steps });
        Ok(())
    }

    pub(crate) fn bare(&self) -> &TestServer {
        match self {
            Self::Scripted(server) => server,
            Self::Model(model) => model,
        }
    }

    pub(crate) fn model(&self) -> Result<&AuthServer, String> {
        match self {
            Self::Model(model) => Ok(model),
            Self::Scripted(_) => Err("there is no model: give server.auth".into()),
        }
    }

    pub(crate) fn sign_in(&self) -> Option<Tokens> {
        self.model().ok().map(|model| model.sign_in())
    }
}

/// Puts the servers' addresses where their names stand.
pub(crate) fn name_servers(value: &mut Value, servers: &[(&str, String)]) {
    match value {
        Value::String(text) => {
            for (name, url) in servers {
                *text = text.replace(name, url);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|one| name_servers(one, servers)),
        Value::Object(members) => members.values_mut().for_each(|one| name_servers(one, servers)),
        _ => {}
    }
}
