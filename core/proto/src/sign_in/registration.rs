//! Dynamic client registration (RFC 7591): a client without manual registration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redirect_uri::check_redirect_uri;
use crate::credential::Secret;
use crate::dialect::ClientAuth;
use crate::error::{ErrorKind, Failure};

/// The metadata that a client registers.
///
/// ```
/// use rekindle_proto::sign_in::ClientRegistration;
///
/// let client = ClientRegistration::new("My tool", "http://127.0.0.1/callback").scope("read");
/// assert!(client.to_json()?.contains("\"application_type\":\"native\""));
/// # Ok::<(), rekindle_proto::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientRegistration {
    /// What users are asked to let in.
    pub client_name: String,
    /// The redirect URIs. A loopback URI may use any port (RFC 8252 section 7.3).
    pub redirect_uris: Vec<String>,
    /// The grant types that the client uses.
    pub grant_types: Vec<String>,
    /// `code`.
    pub response_types: Vec<String>,
    /// How it says who it is: `none` for what is handed out.
    pub token_endpoint_auth_method: String,
    /// `native` or `web`.
    pub application_type: String,
    /// The scope that the client may request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Additional metadata that the server requires.
    #[serde(flatten)]
    pub further: BTreeMap<String, Value>,
}

impl ClientRegistration {
    /// The redirect URI of a program that receives the callback on this machine, on any port (RFC 8252 section 7.3).
    pub const LOOPBACK: &'static str = "http://127.0.0.1/callback";

    /// A public client with a code flow and refresh tokens.
    ///
    /// The example is at the type.
    #[must_use]
    pub fn new(name: impl Into<String>, redirect_uri: impl Into<String>) -> Self {
        let redirect_uri = redirect_uri.into();
        let is_web = redirect_uri.starts_with("https:");
        Self {
            client_name: name.into(),
            redirect_uris: vec![redirect_uri],
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
            response_types: vec!["code".to_owned()],
            token_endpoint_auth_method: "none".to_owned(),
            application_type: if is_web { "web" } else { "native" }.to_owned(),
            scope: None,
            further: BTreeMap::new(),
        }
    }

    /// The scope that the client may request.
    ///
    /// The example is at the type.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// The client also uses the device flow (RFC 8628).
    ///
    /// ```
    /// use rekindle_proto::sign_in::ClientRegistration;
    ///
    /// let client = ClientRegistration::new("My tool", ClientRegistration::LOOPBACK).device_flow();
    /// assert_eq!(client.grant_types[2], "urn:ietf:params:oauth:grant-type:device_code");
    /// ```
    #[must_use]
    pub fn device_flow(mut self) -> Self {
        self.grant_types.push("urn:ietf:params:oauth:grant-type:device_code".to_owned());
        self
    }

    /// The body of the request.
    ///
    /// The example is at the type.
    ///
    /// # Errors
    ///
    /// InvalidConfig if a redirect URI is not safe to use.
    pub fn to_json(&self) -> Result<String, Failure> {
        self.redirect_uris.iter().try_for_each(|uri| check_redirect_uri(uri))?;
        serde_json::to_string(self).map_err(|_| Failure::config("further", " cannot be written as JSON"))
    }
}

/// A client as registered by the server: plain data to store, because a new registration creates another client. It
/// may contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisteredClient {
    /// Its id.
    pub client_id: String,
    /// Its secret, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// When the secret ends, in seconds since 1970; 0 = never.
    #[serde(default)]
    pub client_secret_expires_at: i64,
    /// How it says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
}

impl RegisteredClient {
    /// Reads a server's answer.
    ///
    /// ```
    /// use rekindle_proto::sign_in::RegisteredClient;
    ///
    /// let client = RegisteredClient::read(br#"{"client_id": "c-1", "token_endpoint_auth_method": "none"}"#)?;
    /// assert_eq!(client.client_id, "c-1");
    /// assert!(RegisteredClient::read(b"{}").is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse: it names no client.
    pub fn read(body: &[u8]) -> Result<Self, Failure> {
        let read: Option<Self> = serde_json::from_slice(body).ok();
        read.filter(|client| !client.client_id.is_empty()).ok_or_else(|| {
            let message = "the registration endpoint's response has no client (RFC 7591 section 3.2.1)";
            Failure::new(ErrorKind::InvalidResponse, message)
        })
    }

    /// How it says who it is to the token endpoint.
    ///
    /// ```
    /// use rekindle_proto::dialect::ClientAuth;
    /// use rekindle_proto::sign_in::RegisteredClient;
    ///
    /// let client = RegisteredClient::read(br#"{"client_id": "c-1", "client_secret": "s"}"#)?;
    /// assert_eq!(client.client_auth()?, ClientAuth::ClientSecretBasic);
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse: the server chose a way that is not known here.
    pub fn client_auth(&self) -> Result<ClientAuth, Failure> {
        // RFC 7591 section 2: client_secret_basic where nothing is said.
        let usual = if self.client_secret.is_some() { "client_secret_basic" } else { "none" };
        let name = self.token_endpoint_auth_method.as_deref().unwrap_or(usual);
        serde_json::from_value(Value::from(name)).map_err(|_| {
            let name: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
            let message = format!(
                "the server registered the client for {name}, which is not known here: ask for another \
                 token_endpoint_auth_method"
            );
            Failure::new(ErrorKind::InvalidResponse, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 12.16
    #[test]
    fn a_registration_names_safe_places_alone_and_shows_no_secret() {
        assert_eq!(ClientRegistration::new("a", "https://a.example/cb").application_type, "web");
        let unsafe_one = ClientRegistration::new("a", "http://a.example/cb").to_json().unwrap_err();
        assert_eq!(unsafe_one.argument.as_deref(), Some("redirect_uri"));
        let client = RegisteredClient::read(br#"{"client_id": "c", "client_secret": "SENTINEL"}"#).unwrap();
        assert!(!format!("{client:?}").contains("SENTINEL"));
        let kept: RegisteredClient = serde_json::from_str(&serde_json::to_string(&client).unwrap()).unwrap();
        assert_eq!(kept, client);
        let unknown = br#"{"client_id": "c", "token_endpoint_auth_method": "tls_client_auth"}"#;
        assert!(RegisteredClient::read(unknown).unwrap().client_auth().is_err());
    }
}
