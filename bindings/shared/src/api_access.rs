//! What a program needs to sign users in for an API of which it knew only the URL (spec 12.18).

use std::fmt;

use rekindle::sign_in::{ApiAccess, RegisteredClient};
use rekindle::{ClientAuth, Error, Secret};
use serde::Serialize;
use serde_json::Value;

/// A client as registered by a server, by the names of a session's settings. Debug does not show the secret.
#[derive(Clone, Serialize)]
pub struct ClientDetails {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`, if it has one.
    pub client_secret: Option<String>,
    /// `client_auth`: how it authenticates.
    pub client_auth: Option<ClientAuth>,
}

/// The settings of a session for an API, and of its sign-ins.
#[derive(Clone, Debug, Serialize)]
pub struct ApiDetails {
    /// The `resource` of the sign-in.
    pub resource: String,
    /// The `scope` of the sign-in, if it is known.
    pub scope: Option<String>,
    /// For the session's `origins`.
    pub origin: String,
    /// The session's `server`.
    pub server: Value,
    /// The session's client.
    #[serde(flatten)]
    pub client: ClientDetails,
}

impl TryFrom<&RegisteredClient> for ClientDetails {
    type Error = Error;

    fn try_from(client: &RegisteredClient) -> Result<Self, Error> {
        Ok(Self {
            client_id: client.client_id.clone(),
            client_secret: exposed(client.client_secret.as_ref()),
            client_auth: Some(client.client_auth()?),
        })
    }
}

impl From<ApiAccess> for ApiDetails {
    fn from(found: ApiAccess) -> Self {
        let client_secret = exposed(found.client_secret.as_ref());
        Self {
            server: serde_json::to_value(&found.server).unwrap_or_default(),
            client: ClientDetails {
                client_id: found.client_id,
                client_secret,
                client_auth: found.client_auth,
            },
            resource: found.resource,
            scope: found.scope,
            origin: found.origin,
        }
    }
}

fn exposed(secret: Option<&Secret>) -> Option<String> {
    secret.map(|secret| secret.expose().to_owned())
}

impl fmt::Debug for ClientDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientDetails").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
