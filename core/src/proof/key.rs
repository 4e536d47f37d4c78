//! A private key, and what is signed with it.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use rekindle_proto::proof::thumbprint;
use rekindle_proto::{ErrorKind, Failure, Secret};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::error::Error;

/// A private key that signs for the client: P-256 (`ES256`), Ed25519 (`EdDSA`) or RSA (`RS256`).
///
/// Give it to [`SessionBuilder::client_key`](crate::SessionBuilder::client_key), where the client says with it who
/// it is, or to [`SessionBuilder::dpop_key`](crate::SessionBuilder::dpop_key), where tokens are bound to it.
///
/// ```
/// # fn f() -> Result<(), rekindle::Error> {
/// use rekindle::SigningKey;
///
/// let key = SigningKey::from_pem(&std::fs::read_to_string("key.pem").expect("a file"))?.key_id("2026-11");
/// assert_eq!(key.algorithm(), "ES256");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Pair>,
    key_id: Option<String>,
    jwk: Value,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    /// Reads a private key in PEM: PKCS #8 (`BEGIN PRIVATE KEY`), or PKCS #1 (`BEGIN RSA PRIVATE KEY`).
    ///
    /// ```
    /// use rekindle::{ErrorKind, SigningKey};
    ///
    /// let mistake = SigningKey::from_pem("no key").unwrap_err();
    /// assert_eq!(mistake.kind(), ErrorKind::InvalidConfig);
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if it is no private key of a kind that can sign here.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(der) => Pair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Pair::rsa),
            _ => None,
        };
        Ok(Self::new(pair.ok_or_else(unreadable)?))
    }

    /// Makes a new P-256 key, and its PEM for keeping: tokens that are bound to it are of no use without it.
    ///
    /// ```
    /// use rekindle::SigningKey;
    ///
    /// let (key, pem) = SigningKey::generate()?;
    /// assert_eq!(SigningKey::from_pem(pem.expose())?.thumbprint(), key.thumbprint());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Misuse if the operating system provides no randomness.
    pub fn generate() -> Result<(Self, Secret), Error> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let der = made.map_err(|error| no_randomness(&error))?;
        let pair = Pair::from_pkcs8(der.as_ref()).ok_or_else(unreadable)?;
        Ok((Self::new(pair), pem(der.as_ref())))
    }

    fn new(pair: Pair) -> Self {
        let jwk = pair.public();
        Self { pair: Arc::new(pair), key_id: None, jwk }
    }

    /// The name under which the server knows it (`kid`).
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

    /// The algorithm it signs with (RFC 7518): `ES256`, `EdDSA` or `RS256`.
    ///
    /// ```
    /// assert_eq!(rekindle::SigningKey::generate()?.0.algorithm(), "ES256");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match *self.pair {
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// Its public half (RFC 7517), for the client's registration. Nothing in it is secret.
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

    /// The thumbprint of its public half (RFC 7638): what a bound token names as `jkt`.
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
        let signature = self.pair.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", base64url(&signature)))
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

impl Pair {
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random)
            .map(Self::P256)
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519))
            .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Self::rsa))
            .ok()
    }

    fn rsa(pair: RsaKeyPair) -> Self {
        Self::Rsa(Box::new(pair))
    }

    /// The required members alone (RFC 7638 section 3.2).
    fn public(&self) -> Value {
        match self {
            Self::P256(pair) => {
                // An uncompressed point: 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) })
            }
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) })
            }
            Self::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let random = SystemRandom::new();
        match self {
            Self::P256(pair) => {
                pair.sign(&random, message).map(|signed| signed.as_ref().to_vec()).map_err(|_| unsigned())
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                let done = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signed);
                done.map(|()| signed).map_err(|_| unsigned())
            }
        }
    }
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pem(der: &[u8]) -> Secret {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}

fn unreadable() -> Failure {
    let message = "the key is not a private P-256, Ed25519 or RSA key in PEM: make one with \
                   `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, or convert yours to PKCS #8 \
                   with `openssl pkcs8 -topk8 -nocrypt`";
    Failure::new(ErrorKind::InvalidConfig, message)
}

pub(super) fn no_randomness(error: &dyn fmt::Display) -> Failure {
    Failure::new(ErrorKind::System, format!("the operating system provides no randomness ({error})"))
}

fn unsigned() -> Failure {
    Failure::new(ErrorKind::System, "the key could not sign: the operating system provides no randomness")
}
