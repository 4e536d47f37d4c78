//! Keys that sign who the client is, and that a token is its own.

use std::sync::Arc;

use crate::error::RekindleError;

/// A private key: `private_key_jwt` (RFC 7523) and DPoP (RFC 9449).
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct SigningKey(rekindle::SigningKey);

/// A new key, and what it is kept as.
#[derive(uniffi::Record)]
pub struct GeneratedKey {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Its PEM. Keep it where secrets are kept: tokens that are bound to it are of no use without it.
    pub pem: String,
}

#[uniffi::export]
impl SigningKey {
    /// Reads a private key in PEM (PKCS #8 or PKCS #1). `key_id`: the name under which the server knows it.
    ///
    /// # Errors
    ///
    /// InvalidConfig if it is no private key of a kind that can sign here.
    #[uniffi::constructor(default(key_id = None))]
    pub fn from_pem(pem: String, key_id: Option<String>) -> Result<Self, RekindleError> {
        let key = rekindle::SigningKey::from_pem(&pem)?;
        Ok(Self(key_id.into_iter().fold(key, rekindle::SigningKey::key_id)))
    }

    /// Its public half, as a JSON Web Key.
    #[must_use]
    pub fn jwk(&self) -> String {
        self.0.jwk().to_string()
    }

    /// The thumbprint of its public half (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.0.thumbprint()
    }
}

/// Makes a new P-256 key.
///
/// # Errors
///
/// Misuse if the operating system provides no randomness.
#[uniffi::export]
pub fn generate_signing_key() -> Result<GeneratedKey, RekindleError> {
    let (key, pem) = rekindle::SigningKey::generate()?;
    Ok(GeneratedKey { key: Arc::new(SigningKey(key)), pem: pem.expose().to_owned() })
}

impl SigningKey {
    pub(crate) fn inner(&self) -> rekindle::SigningKey {
        self.0.clone()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.0.thumbprint())
    }
}
