//! The client and server that a record belongs to (spec 7.5, 7.10).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::unknown_fields::Unknown;
use crate::credential::{Credential, Fingerprint, Secret};
use crate::error::{ErrorKind, Failure};
use crate::grant::ClientCredentials;

/// The client and server that a record belongs to, and how its tokens are renewed. A session with another
/// configuration sends neither token (spec 7.5).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Binding {
    /// The token endpoint.
    pub token_endpoint: String,
    /// The client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The thumbprint of the key that the tokens are bound to (RFC 9449).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_thumbprint: Option<String>,
    /// The dialect's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// The origins that the session lists for its tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// What the client credentials grant requests, if it renews the tokens (spec 5.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_credentials: Option<Arc<ClientCredentials>>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// Fields of a later version are ignored.
impl PartialEq for Binding {
    fn eq(&self, other: &Self) -> bool {
        self.token_endpoint == other.token_endpoint
            && self.client_id == other.client_id
            && self.key_thumbprint == other.key_thumbprint
            && self.dialect == other.dialect
            && self.origins == other.origins
            && self.client_credentials == other.client_credentials
    }
}

impl Eq for Binding {}

impl Binding {
    /// Whether a session with the binding `configured` may use a record with this one. `strict`: the configuration is
    /// not the program's own, so dialect and origins must also be those of the sign-in (spec 7.10).
    pub(crate) fn admits(&self, configured: &Self, strict: bool) -> bool {
        let listed = |origin| self.origins.contains(origin);
        let same_use = self.dialect == configured.dialect && configured.origins.iter().all(listed);
        self.is_same_client(configured) && (same_use || !strict)
    }

    /// An endpoint that differs only in a trailing slash is the same.
    pub(crate) fn is_same_client(&self, other: &Self) -> bool {
        let endpoint = |binding: &Self| binding.token_endpoint.trim_end_matches('/').to_owned();
        endpoint(self) == endpoint(other)
            && self.client_id == other.client_id
            && self.key_thumbprint == other.key_thumbprint
            && self.client_credentials == other.client_credentials
    }

    /// Tokens of that token endpoint.
    ///
    /// ```
    /// use rekindle_proto::machine::Binding;
    /// let mut binding = Binding::new("https://auth.example.com/token");
    /// binding.client_id = Some("app".into());
    /// ```
    pub fn new(token_endpoint: impl Into<String>) -> Self {
        Self { token_endpoint: token_endpoint.into(), ..Self::default() }
    }

    /// Whether a session could start with this credential. With client credentials a session needs no initial token,
    /// and does not use a refresh token.
    ///
    /// ```
    /// use rekindle_proto::{ClientCredentials, Credential, machine::Binding};
    /// let mut binding = Binding::new("https://auth.example.com/token");
    /// assert!(binding.check(&Credential::default()).is_err());
    /// binding.client_credentials = Some(ClientCredentials::new().into());
    /// assert!(binding.check(&Credential::default()).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the field.
    pub fn check(&self, credential: &Credential) -> Result<(), Failure> {
        match (&self.client_credentials, &credential.refresh_token, &credential.access_token) {
            (Some(_), Some(_), _) => Err(Failure::new(
                ErrorKind::InvalidConfig,
                "refresh_token cannot be combined with client_credentials, which need none: leave out one of them",
            )),
            (Some(_), None, None) => Ok(()),
            _ => credential.check(),
        }
    }

    /// The text that distinguishes it from others.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let of = (&self.token_endpoint, &self.client_id, &self.key_thumbprint, &self.client_credentials);
        Secret::new(serde_json::to_string(&of).unwrap_or_default()).fingerprint()
    }

    /// The same binding without the fields of a later version.
    pub(crate) fn is_known(&self) -> bool {
        self.unknown.is_empty()
    }

    pub(crate) fn describe(&self) -> String {
        let client = self.client_id.as_deref().unwrap_or("none");
        let mut text = format!("token endpoint {}, client_id {client}", self.token_endpoint);
        if let Some(thumbprint) = &self.key_thumbprint {
            text += &format!(", dpop_key with the thumbprint {thumbprint}");
        }
        if let Some(dialect) = &self.dialect {
            text += &format!(", dialect {dialect}");
        }
        if !self.origins.is_empty() {
            text += &format!(", origins {}", self.origins.join(" "));
        }
        if let Some(request) = &self.client_credentials {
            text += &format!(", {}", request.describe());
        }
        text
    }
}
