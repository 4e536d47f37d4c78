//! Keys held by this process.

use base64::Engine;
use rekindle_proto::{ErrorKind, Failure, Secret};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::{SigningKey, base64url, unsigned};
use crate::error::Error;

pub(super) enum Pair {
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
    /// InvalidConfig if it is not a private key of a supported kind.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(der) => Pair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Pair::rsa),
            _ => None,
        };
        Ok(Self::new(pair.ok_or_else(unreadable)?))
    }

    /// Generates a new P-256 key. Returns it with its PEM, which you must store: tokens bound to the key are useless
    /// without it.
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
        let (algorithm, jwk) = (pair.algorithm(), pair.public());
        Self::of_pair(pair, algorithm, jwk)
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

    fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
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

fn no_randomness(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorKind::System, format!("the operating system provides no randomness ({error})"))
}
