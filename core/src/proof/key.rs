//! A private key that signs for the client, in this process or at the host.

#[cfg(feature = "keys")]
mod pair;

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use rekindle_proto::proof::thumbprint;
use rekindle_proto::{ErrorKind, Failure, Secret};
use serde_json::{Value, json};

#[cfg(feature = "keys")]
use self::pair::Pair;
use crate::error::Error;

/// A private key that signs for the client: P-256 (`ES256`), Ed25519 (`EdDSA`) or RSA (`RS256`).
///
/// Pass it to [`SessionBuilder::client_key`](crate::SessionBuilder::client_key) for client authentication, or to
/// [`SessionBuilder::dpop_key`](crate::SessionBuilder::dpop_key) to bind tokens to it.
///
/// ```
/// # #[cfg(feature = "keys")]
/// # fn f() -> Result<(), rekindle::Error> {
/// use rekindle::SigningKey;
///
/// let key = SigningKey::from_pem(&std::fs::read_to_string("key.pem").expect("a file"))?.key_id("2026-11");
/// assert_eq!(key.algorithm(), "ES256");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    signer: Signer,
    algorithm: &'static str,
    key_id: Option<String>,
    /// The public half: the required members alone.
    jwk: Value,
}

#[derive(Clone)]
enum Signer {
    #[cfg(feature = "keys")]
    Pair(Arc<Pair>),
    /// The host signs, in place of this text.
    Host(Arc<str>),
}

impl SigningKey {
    #[cfg(feature = "keys")]
    fn of_pair(pair: Pair, algorithm: &'static str, jwk: Value) -> Self {
        Self { signer: Signer::Pair(Arc::new(pair)), algorithm, key_id: None, jwk }
    }

    /// A key that never leaves its host (a browser's WebCrypto, a hardware module); `jwk` is only its public half. Data
    /// to sign contains `stand_in` in place of the signature, and the host replaces it before sending with the
    /// signature of `HEADER.CLAIMS`, in base64url. `stand_in` must be unguessable; otherwise a server could get
    /// arbitrary data signed.
    ///
    /// ```
    /// use rekindle::SigningKey;
    ///
    /// let jwk = serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    /// let key = SigningKey::of_host(&jwk, "q3vJ4cO0nqk2yq5mOXr0Hw")?; // random
    /// assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"); // RFC 8037
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the key is of an unsupported kind or not a public key; `stand_in` is too short or not base64url.
    pub fn of_host(jwk: &Value, stand_in: &str) -> Result<Self, Error> {
        let (algorithm, members) = match (jwk["kty"].as_str(), jwk["crv"].as_str()) {
            (Some("EC"), Some("P-256")) => ("ES256", &["kty", "crv", "x", "y"][..]),
            (Some("OKP"), Some("Ed25519")) => ("EdDSA", &["kty", "crv", "x"][..]),
            (Some("RSA"), _) => ("RS256", &["kty", "n", "e"][..]),
            _ => return Err(Error::config("jwk", " is not a P-256, Ed25519 or RSA key: use one of these")),
        };
        if jwk.get("d").is_some() {
            let what =
                " is a private key, which belongs nowhere but in its host: give the public half, without `d`";
            return Err(Error::config("jwk", what));
        }
        if members.iter().any(|name| !jwk[*name].is_string()) {
            let what = format!(" lacks one of {}", members.join(", "));
            return Err(Error::config("jwk", what));
        }
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if stand_in.len() < 22 || !stand_in.bytes().all(is_base64url) {
            let what = " must be 128 random bits or more, in base64url";
            return Err(Error::config("stand_in", what));
        }
        let public = members.iter().map(|name| ((*name).to_owned(), jwk[*name].clone())).collect();
        let key_id = jwk["kid"].as_str().map(str::to_owned);
        Ok(Self { signer: Signer::Host(stand_in.into()), algorithm, key_id, jwk: Value::Object(public) })
    }

    /// The key id (`kid`) under which the server knows the key.
    ///
    /// ```
    /// let (key, _) = rekindle::SigningKey::generate()?;
    /// let key = key.key_id("2026-11");
    /// assert_eq!(key.jwk()["kid"], "2026-11");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// The signature algorithm (RFC 7518): `ES256`, `EdDSA` or `RS256`.
    ///
    /// ```
    /// assert_eq!(rekindle::SigningKey::generate()?.0.algorithm(), "ES256");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The public key as a JWK (RFC 7517), for the client's registration. It contains no secrets.
    ///
    /// ```
    /// let (key, _) = rekindle::SigningKey::generate()?;
    /// assert_eq!((&key.jwk()["kty"], &key.jwk()["crv"]), (&"EC".into(), &"P-256".into()));
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["alg"] = self.algorithm().into();
        if let Some(id) = &self.key_id {
            jwk["kid"] = id.as_str().into();
        }
        jwk
    }

    /// The thumbprint of the public key (RFC 7638): the `jkt` of a bound token.
    ///
    /// ```
    /// let (key, _) = rekindle::SigningKey::generate()?;
    /// assert_eq!(key.thumbprint().len(), 43);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.jwk)
    }

    pub(super) fn assertion(&self, claims: &Value) -> Result<Secret, Failure> {
        let mut header = json!({ "typ": "JWT", "alg": self.algorithm() });
        if let Some(id) = &self.key_id {
            header["kid"] = id.as_str().into();
        }
        self.sign(&header, claims).map(Secret::new)
    }

    pub(super) fn possession(&self, claims: &Value) -> Result<HeaderValue, Failure> {
        let header = json!({ "typ": "dpop+jwt", "alg": self.algorithm(), "jwk": self.jwk });
        let mut value = HeaderValue::try_from(self.sign(&header, claims)?).map_err(|_| unsigned())?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The compact form (RFC 7515 section 7.1).
    fn sign(&self, header: &Value, claims: &Value) -> Result<String, Failure> {
        let encode = |part: &Value| base64url(part.to_string().as_bytes());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match &self.signer {
            #[cfg(feature = "keys")]
            Signer::Pair(pair) => base64url(&pair.sign(message.as_bytes())?),
            Signer::Host(stand_in) => stand_in.to_string(),
        };
        Ok(format!("{message}.{signature}"))
    }
}

/// Public things only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

/// As [`SigningKey::assertion`], by a secret that both sides know (`HS256`).
#[cfg(feature = "keys")]
pub(super) fn assertion_by_secret(secret: &Secret, claims: &Value) -> Result<Secret, Failure> {
    let encode = |part: &Value| base64url(part.to_string().as_bytes());
    let message = format!("{}.{}", encode(&json!({ "typ": "JWT", "alg": "HS256" })), encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.expose().as_bytes());
    let signature = ring::hmac::sign(&key, message.as_bytes());
    Ok(Secret::new(format!("{message}.{}", base64url(signature.as_ref()))))
}

#[cfg(not(feature = "keys"))]
pub(super) fn assertion_by_secret(_: &Secret, _: &Value) -> Result<Secret, Failure> {
    let message =
        "this build signs nothing (feature `keys`): take another client_auth than client_secret_jwt";
    Err(Failure::new(rekindle_proto::ErrorKind::InvalidConfig, message))
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn unsigned() -> Failure {
    Failure::new(ErrorKind::System, "the key could not sign: the operating system provides no randomness")
}
