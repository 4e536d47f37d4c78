//! The parts of an access token.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

use crate::time::millis;

/// The parts of an access token. Debug does not show the token.
#[derive(Clone, Serialize)]
pub struct TokenDetails {
    /// The token itself.
    #[serde(rename = "token")]
    pub value: String,
    /// The value of the header that carries it: `Bearer ..`.
    pub authorization: String,
    /// The header's name, in lower case.
    #[serde(rename = "header")]
    pub header_name: String,
    /// Increases by one with each new access token of a sign-in.
    pub generation: u64,
    /// When it expires, if known.
    #[serde(rename = "expires_at_ms", serialize_with = "millis::serialize")]
    pub expires_at: Option<SystemTime>,
}

impl From<&rekindle::Token> for TokenDetails {
    fn from(token: &rekindle::Token) -> Self {
        Self {
            value: token.value().to_owned(),
            authorization: String::from_utf8_lossy(token.authorization().as_bytes()).into_owned(),
            header_name: token.header_name().as_str().to_owned(),
            generation: token.generation(),
            expires_at: token.expires_at(),
        }
    }
}

impl fmt::Debug for TokenDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("value", &"***")
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
