//! What tokens are asked for with at the end of a sign-in.

use std::fmt;

use crate::credential::Secret;

/// What a sign-in ends with: one request to the token endpoint.
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
}

impl SignInGrant {
    /// What `grant_type` says where the dialect says nothing else.
    #[must_use]
    pub(crate) fn grant_type(&self) -> &'static str {
        match self {
            Self::AuthorizationCode { .. } => "authorization_code",
        }
    }

    /// The secrets in it, so that no message repeats them.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::AuthorizationCode { code, code_verifier, .. } => vec![code, code_verifier],
        }
    }
}

/// Its kind alone.
impl fmt::Debug for SignInGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.grant_type())
    }
}
