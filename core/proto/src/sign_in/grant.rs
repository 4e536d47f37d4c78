//! What tokens are asked for with at the end of a sign-in.

use std::fmt;

use crate::credential::Secret;

/// What a sign-in ends with: one request to the token endpoint.
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
        /// What the challenge was made of (RFC 7636).
        code_verifier: Secret,
        /// What the tokens are for (RFC 8707).
        resource: Vec<String>,
    },
    /// A device code (RFC 8628 section 3.4).
    DeviceCode {
        /// The code that the user never sees.
        device_code: Secret,
    },
    /// Another token, of this or another server (RFC 8693).
    TokenExchange {
        /// Whom the new tokens are for.
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
    /// An assertion that somebody signed who is trusted there (RFC 7523 section 2.1).
    JwtBearer {
        /// The signed JWT.
        assertion: Secret,
        /// `scope`.
        scope: Option<String>,
    },
    /// A user's name and password, for a server whose dialect has a section `[password]`: an API of one's own, over JSON or
    /// GraphQL. RFC 9700 section 2.4 forbids it with servers of others.
    Password {
        /// Whom the tokens are for.
        username: String,
        /// Their password.
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

    /// The secrets in it, so that no message repeats them.
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
