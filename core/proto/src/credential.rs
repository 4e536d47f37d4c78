//! The values that a session stores: tokens and the server's extra fields.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::error::{ErrorKind, Failure};
use crate::time::Wall;

/// A secret string: no `Display`, a redacted `Debug`, wiped when dropped (spec 9.3).
///
/// ```
/// let secret = rekindle_proto::Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    ///
    /// ```
    /// use rekindle_proto::Secret;
    ///
    /// assert_eq!(Secret::new("at-1"), Secret::from(String::from("at-1")));
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself. The caller is responsible for keeping it secret.
    ///
    /// ```
    /// let secret = rekindle_proto::Secret::new("at-1");
    /// assert_eq!(format!("Bearer {}", secret.expose()), "Bearer at-1");
    /// ```
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns a short one-way tag that distinguishes two secrets without revealing either.
    ///
    /// ```
    /// use rekindle_proto::Secret;
    ///
    /// let tag = Secret::new("rt-1").fingerprint();
    /// assert_eq!(tag, Secret::new("rt-1").fingerprint());
    /// assert_ne!(tag, Secret::new("rt-2").fingerprint());
    /// assert_eq!(tag.0.len(), 32);
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = Sha256::digest(self.0.as_bytes());
        let mut tag = String::with_capacity(32);
        for byte in &digest[..16] {
            use fmt::Write;
            let _ = write!(tag, "{byte:02x}");
        }
        Fingerprint(tag)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// The one-way tag of a [`Secret`]: the first 16 bytes of its SHA-256, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

/// The tokens of one sign-in, as supplied by the user (spec 1.3, 4.6, 7.3).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// The access token, if there is one already.
    pub access_token: Option<Secret>,
    /// The refresh token. Without one, the session serves the access token until it expires.
    pub refresh_token: Option<Secret>,
    /// When the access token expires, if known.
    pub expiry: Option<Expiry>,
    /// When the refresh token expires, if known: the first call within the last tenth of its life reports it.
    pub refresh_token_expiry: Option<Expiry>,
    /// The scope that was granted, as the server wrote it.
    pub scope: Option<String>,
    /// The token type; `Bearer` by default.
    pub token_type: Option<String>,
    /// Values to keep with the tokens: instance URL, issuer and the like.
    pub extra: BTreeMap<String, String>,
}

impl Credential {
    /// Checks that a session can use the credential.
    ///
    /// ```
    /// use rekindle_proto::Credential;
    /// assert!(Credential::default().check().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the field.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |name: &str, what: &str| Err(Failure::config(name, format_args!(" {what}")));
        if self.access_token.is_none() && self.refresh_token.is_none() {
            return Err(Failure::new(
                ErrorKind::InvalidConfig,
                "the credential has neither access_token nor refresh_token: give at least one",
            ));
        }
        for (name, token) in [("access_token", &self.access_token), ("refresh_token", &self.refresh_token)] {
            let Some(token) = token.as_ref().map(Secret::expose) else { continue };
            if token.trim().is_empty() {
                return wrong(name, "is empty: leave it out, or give the server's");
            }
            // RFC 6749 appendix A allows no control characters. Usually it is the newline of a file that the token
            // was read from.
            if token.contains(char::is_control) {
                let what = "contains a line break or another control character: remove it, or check where it was read from";
                return wrong(name, what);
            }
        }
        if self.expiry == Some(Expiry::In(Duration::ZERO)) {
            return wrong("expires_in", "must be above 0 seconds: leave it out if the lifetime is unknown");
        }
        Ok(())
    }
}

/// When an access token expires, as supplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// After this duration, counted from now.
    In(Duration),
    /// At this wall-clock time. A time in the past means that the token has expired.
    At(Wall),
}

/// What a token endpoint granted (RFC 6749 section 5.1), normalized by the dialect.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenResponse {
    /// The new access token.
    pub access_token: Secret,
    /// `token_type` as the server wrote it; `None` if absent.
    pub token_type: Option<String>,
    /// How long the access token lives, counted from when the request was sent. `None` = unknown:
    /// an absent, zero, negative or absurd value (spec 1.3). An epoch was calibrated by `Date`.
    pub lifetime: Option<Duration>,
    /// The access token had already expired when it arrived (its epoch is before the response's `Date`) (spec 1.6).
    pub expired_on_arrival: bool,
    /// The new refresh token; `None` or empty in the response = keep the old one (spec 5.4).
    pub refresh_token: Option<Secret>,
    /// How long the refresh token lives, counted from when the request was sent.
    pub refresh_token_lifetime: Option<Duration>,
    /// The granted scope; `None` = the requested scope.
    pub scope: Option<String>,
    /// The ID token (OpenID Connect Core section 2), not yet validated.
    pub id_token: Option<Secret>,
    /// The response fields that the dialect keeps (instance URL and the like).
    pub extra: BTreeMap<String, String>,
}

impl TokenResponse {
    /// Creates a response that contains only an access token.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::TokenResponse;
    ///
    /// let lifetime = Some(Duration::from_secs(900));
    /// let grant = TokenResponse { lifetime, refresh_token: Some("rt-2".into()), ..TokenResponse::new("at-2") };
    /// assert_eq!(grant.access_token.expose(), "at-2");
    /// ```
    pub fn new(access_token: impl Into<Secret>) -> Self {
        Self {
            access_token: access_token.into(),
            token_type: None,
            lifetime: None,
            expired_on_arrival: false,
            refresh_token: None,
            refresh_token_lifetime: None,
            scope: None,
            id_token: None,
            extra: BTreeMap::new(),
        }
    }
}

// Other fields of a response may be tokens themselves (an id_token): their names are shown, their values are not.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("access_token", &self.access_token)
            .field("refresh_token", &self.refresh_token)
            .field("expiry", &self.expiry)
            .field("scope", &self.scope)
            .field("token_type", &self.token_type)
            .field("extra", &self.extra.keys())
            .finish()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("access_token", &self.access_token)
            .field("refresh_token", &self.refresh_token)
            .field("token_type", &self.token_type)
            .field("lifetime", &self.lifetime)
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_with_a_line_break_is_a_mistake_by_its_name_and_not_shown() {
        for (access, refresh) in [("AT-1\n", "RT-1"), ("AT-1", "RT\r\n-1"), ("AT-1", "RT\0")] {
            let (access_token, refresh_token) = (Some(access.into()), Some(refresh.into()));
            let credential = Credential { access_token, refresh_token, ..Credential::default() };
            let told = credential.check().unwrap_err().to_string();
            let name = if refresh == "RT-1" { "access_token" } else { "refresh_token" };
            assert!(
                told.contains(&format!("{name} contains a line break")) && !told.contains("T-1"),
                "{told}"
            );
        }
    }

    // spec 9.3
    #[test]
    fn debug_shows_the_names_and_no_secret() {
        let mut grant = TokenResponse::new("sentinel-access");
        grant.refresh_token = Some("sentinel-refresh".into());
        grant.extra.insert("id_token".into(), "sentinel-id".into());
        let credential = Credential {
            access_token: Some("sentinel-access".into()),
            extra: grant.extra.clone(),
            ..Credential::default()
        };
        let shown = format!("{grant:?} {credential:?}");
        assert!(!shown.contains("sentinel") && shown.contains("id_token"), "{shown}");
    }
}
