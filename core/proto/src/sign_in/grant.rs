//! The grants that complete a sign-in.

use std::fmt;

use crate::credential::Secret;

/// The grant that completes a sign-in with one request to the token endpoint.
///
/// ```
/// use rekindle_proto::sign_in::SignInGrant;
///
/// let grant = SignInGrant::Password { username: "ada".into(), password: "hunter2".into(), scope: None };
/// assert_eq!(format!("{grant:?}"), "password");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInGrant {
    /// A code from a callback (RFC 6749 section 4.1.3). It can be spent once.
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The same redirect URI as in the authorization request.
        redirect_uri: String,
        /// The PKCE code verifier (RFC 7636).
        code_verifier: Secret,
        /// The resources that the tokens are for (RFC 8707).
        resource: Vec<String>,
    },
    /// A device code (RFC 8628 section 3.4).
    DeviceCode {
        /// The code that the user never sees.
        device_code: Secret,
    },
    /// Another token, of this or another server (RFC 8693).
    TokenExchange {
        /// The token that represents the user of the new tokens.
        subject_token: Secret,
        /// `urn:ietf:params:oauth:token-type:access_token` and the like.
        subject_token_type: String,
        /// `audience`.
        audience: Option<String>,
        /// `resource`.
        resource: Vec<String>,
        /// `scope`.
        scope: Option<String>,
    },
    /// An assertion signed by an issuer that the server trusts (RFC 7523 section 2.1).
    JwtBearer {
        /// The signed JWT.
        assertion: Secret,
        /// `scope`.
        scope: Option<String>,
    },
    /// A user name and password, for a server whose dialect has a `[password]` section: the application's own API,
    /// over JSON or GraphQL. RFC 9700 section 2.4 forbids this grant with third-party servers.
    Password {
        /// The user name.
        username: String,
        /// The user's password.
        password: Secret,
        /// `scope`.
        scope: Option<String>,
    },
}

impl SignInGrant {
    /// What `grant_type` says where the dialect says nothing else.
    #[must_use]
    pub(crate) fn grant_type(&self) -> &'static str {
        match self {
            Self::AuthorizationCode { .. } => "authorization_code",
            Self::DeviceCode { .. } => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange { .. } => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer { .. } => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Password { .. } => "password",
        }
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationCode { .. } => "code",
            Self::DeviceCode { .. } => "device code",
            Self::TokenExchange { .. } => "token that was to be exchanged",
            Self::JwtBearer { .. } => "assertion",
            Self::Password { .. } => "user name and password",
        }
    }

    /// Returns the secrets of the grant, so that messages can redact them.
    #[must_use]
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::AuthorizationCode { code, code_verifier, .. } => vec![code, code_verifier],
            Self::DeviceCode { device_code: secret }
            | Self::TokenExchange { subject_token: secret, .. }
            | Self::JwtBearer { assertion: secret, .. }
            | Self::Password { password: secret, .. } => vec![secret],
        }
    }
}

/// Its kind alone.
impl fmt::Debug for SignInGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.grant_type())
    }
}
