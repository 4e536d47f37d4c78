//! The grants that request new tokens without user interaction: those of RFC 6749, and a custom refresh function.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::credential::Secret;
use crate::error::Failure;
use crate::extra_parameters::{check_parameters, check_resource, extra_parameters};
use crate::sign_in::SignInGrant;

/// One request for new tokens.
#[derive(Clone)]
#[non_exhaustive]
pub enum GrantRequest {
    /// The refresh token grant (RFC 6749 section 6).
    RefreshToken {
        /// The refresh token. It must not be sent twice except as spec 6.2 allows.
        refresh_token: Secret,
        /// The scope to request; `None` = the same scope.
        scope: Option<String>,
        /// The extra values of the last grant (instance URL and the like).
        extra: BTreeMap<String, String>,
        /// The access token to replace, for servers that require it.
        access_token: Option<Secret>,
    },
    /// The credential is a cookie in the host's HTTP stack: the request consumes no token of the session (spec 5.21).
    Cookie {
        /// The extra values of the last grant.
        extra: BTreeMap<String, String>,
    },
    /// The client credentials grant (RFC 6749 section 4.4).
    ClientCredentials {
        /// The parameters of the request.
        request: Arc<ClientCredentials>,
        /// The extra values of the last grant.
        extra: BTreeMap<String, String>,
    },
    /// The final request of a sign-in: an authorization code or another grant for the user.
    SignIn(Arc<SignInGrant>),
    /// A custom refresh function is called.
    Custom(RefreshInput),
}

/// The input of a custom refresh function.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RefreshInput {
    /// The refresh token, if the session has one. It must not be sent twice.
    pub refresh_token: Option<Secret>,
    /// The scope of the last grant.
    pub scope: Option<String>,
    /// The extra values of the last grant.
    pub extra: BTreeMap<String, String>,
}

/// The parameters of a client credentials grant, except those that identify the client.
///
/// ```
/// use rekindle_proto::ClientCredentials;
///
/// let request = ClientCredentials::new().scope("read write").resource("https://api.example.com/");
/// assert!(request.check().is_ok());
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct ClientCredentials {
    /// `scope`: names separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `audience`, if the server supports it (Auth0 and others).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// `resource`: the URLs of the resources that the token is for (RFC 8707).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource: Vec<String>,
    /// Additional parameters that the server requires.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

impl ClientCredentials {
    /// Creates a request for the server's defaults.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::ClientCredentials::new().scope, None);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `scope`: names separated by spaces.
    ///
    /// ```
    /// use rekindle_proto::ClientCredentials;
    /// assert_eq!(ClientCredentials::new().scope("read write").scope.as_deref(), Some("read write"));
    /// ```
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// `audience`, if the server supports it.
    ///
    /// ```
    /// use rekindle_proto::ClientCredentials;
    /// let request = ClientCredentials::new().audience("https://api.example.com");
    /// assert_eq!(request.audience.as_deref(), Some("https://api.example.com"));
    /// ```
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Checks that the request is valid.
    ///
    /// ```
    /// use rekindle_proto::ClientCredentials;
    /// let failure = ClientCredentials::new().parameter("grant_type", "password").check().unwrap_err();
    /// assert!(failure.message.contains("grant_type"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the field.
    pub fn check(&self) -> Result<(), Failure> {
        check_parameters("client_credentials", &self.parameters, &OWN_NAMES)?;
        check_resource("client_credentials", &self.resource)
    }

    /// A text that distinguishes requests and is safe to show: the values of further parameters may be secrets.
    #[must_use]
    pub(crate) fn describe(&self) -> String {
        let text = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
        let resource = (!self.resource.is_empty()).then(|| self.resource.join(" "));
        let names: Vec<_> = self.parameters.keys().map(String::as_str).collect();
        let names = (!names.is_empty()).then(|| names.join(" "));
        let parts = [
            text("scope", self.scope.as_deref()),
            text("audience", self.audience.as_deref()),
            text("resource", resource.as_deref()),
            text("parameters", names.as_deref()),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "client_credentials".into()
        } else {
            format!("client_credentials ({})", parts.join(", "))
        }
    }
}

extra_parameters!(ClientCredentials, "rekindle_proto::ClientCredentials");

/// Fields that have a setting of their own, or that no setting may change.
const OWN_NAMES: [&str; 8] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "audience",
    "resource",
];

impl fmt::Debug for GrantRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RefreshToken { .. } => f.write_str("RefreshToken"),
            Self::Cookie { .. } => f.write_str("Cookie"),
            Self::ClientCredentials { request, .. } => request.fmt(f),
            Self::SignIn(grant) => grant.fmt(f),
            Self::Custom(input) => input.fmt(f),
        }
    }
}

impl fmt::Debug for RefreshInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshInput")
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys())
            .finish_non_exhaustive()
    }
}

/// Shows only the names of further parameters.
impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("scope", &self.scope)
            .field("audience", &self.audience)
            .field("resource", &self.resource)
            .field("parameters", &self.parameters.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_has_a_setting_of_its_own_is_a_mistake_by_its_name() {
        for name in OWN_NAMES {
            let failure = ClientCredentials::new().parameter(name, "SENTINEL").check().unwrap_err();
            assert!(failure.message.contains(name) && !failure.message.contains("SENTINEL"), "{failure}");
        }
    }

    #[test]
    fn a_resource_is_an_absolute_url_without_a_fragment() {
        assert!(ClientCredentials::new().resource("urn:example:api").check().is_ok());
        for resource in ["", "api", "/api", "https://api.example/#a"] {
            assert!(ClientCredentials::new().resource(resource).check().is_err(), "{resource}");
        }
    }

    // spec 9.3
    #[test]
    fn debug_shows_no_secret() {
        let request = ClientCredentials::new().parameter("api_key", "SENTINEL");
        let input = RefreshInput { refresh_token: Some("SENTINEL".into()), ..RefreshInput::default() };
        let requests = [
            GrantRequest::RefreshToken {
                refresh_token: "SENTINEL".into(),
                scope: None,
                extra: BTreeMap::new(),
                access_token: Some("SENTINEL".into()),
            },
            GrantRequest::ClientCredentials { request: Arc::new(request.clone()), extra: BTreeMap::new() },
            GrantRequest::Custom(input),
        ];
        let shown = format!("{requests:?} {}", request.describe());
        assert!(!shown.contains("SENTINEL") && shown.contains("api_key"), "{shown}");
    }
}
