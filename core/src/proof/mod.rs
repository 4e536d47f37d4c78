//! Proofs that the client signs: client authentication (`private_key_jwt`, `client_secret_jwt`, RFC 7523), and proof of
//! possession, which makes a stolen token useless (DPoP, RFC 9449).

mod key;
#[cfg(feature = "keys")]
pub(crate) mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::{DATE, HeaderMap, HeaderName, HeaderValue};
use rekindle_proto::proof::{Possession, client_assertion, possession};
use rekindle_proto::{Failure, Secret, Wall};
use url::Url;

pub use key::SigningKey;

use crate::fork::PerProcess;
use crate::lock::Mutex;

/// Carries a proof of possession.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: &str = "dpop-nonce";

/// The keys of a session, and what servers said about proofs.
#[derive(Default)]
pub(crate) struct Proofs {
    client_key: Option<SigningKey>,
    dpop_key: Option<SigningKey>,
    /// Signs in the client key's place (`client_secret_jwt`).
    client_secret: Option<Secret>,
    /// By origin (spec 9.4).
    nonces: PerProcess<Mutex<BTreeMap<String, HeaderValue>>>,
    /// How far the token endpoint's clock is ahead of ours, once it complained (spec 5.1).
    ahead_ms: AtomicI64,
}

impl Proofs {
    /// Nothing where there is no key.
    pub(crate) fn of(
        client_key: Option<SigningKey>,
        dpop_key: Option<SigningKey>,
        client_secret: Option<Secret>,
    ) -> Option<Arc<Self>> {
        let some = client_key.is_some() || dpop_key.is_some() || client_secret.is_some();
        some.then(|| Arc::new(Self { client_key, dpop_key, client_secret, ..Self::default() }))
    }

    /// Whether tokens are bound to a key.
    pub(crate) fn bind_tokens(&self) -> bool {
        self.dpop_key.is_some()
    }

    /// The thumbprint of the key that tokens are bound to.
    pub(crate) fn thumbprint(&self) -> Option<String> {
        self.dpop_key.as_ref().map(SigningKey::thumbprint)
    }

    /// A fresh assertion for one token request (spec 5.5).
    pub(crate) fn assertion(
        &self,
        client_id: Option<&str>,
        endpoint: &Url,
        now: Wall,
    ) -> Result<Option<Secret>, Failure> {
        if self.client_key.is_none() && self.client_secret.is_none() {
            return Ok(None);
        }
        let claims =
            client_assertion(client_id.unwrap_or_default(), endpoint, &unique()?, self.corrected(now));
        match (&self.client_key, &self.client_secret) {
            (Some(key), _) => key.assertion(&claims).map(Some),
            (None, Some(secret)) => key::assertion_by_secret(secret, &claims).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// A fresh proof for one send to that URL (spec 9.4).
    pub(crate) fn possession(
        &self,
        method: &Method,
        url: &Url,
        access_token: Option<&Secret>,
        now: Wall,
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(key) = &self.dpop_key else { return Ok(None) };
        let nonce = self.nonces.get(|_| Mutex::default()).lock().get(&origin(url)).cloned();
        let nonce = nonce.as_ref().and_then(|nonce| nonce.to_str().ok());
        let claims =
            possession(&Possession { method, url, nonce, access_token }, &unique()?, self.corrected(now));
        key.possession(&claims).map(Some)
    }

    /// Keeps the nonce that an answer brings, whatever its status (RFC 9449 section 8.2).
    pub(crate) fn hear(&self, url: &Url, headers: &HeaderMap) {
        if let (true, Some(nonce)) = (self.bind_tokens(), headers.get(DPOP_NONCE)) {
            self.nonces.get(|_| Mutex::default()).lock().insert(origin(url), nonce.clone());
        }
    }

    /// The token endpoint finds our clock wrong: its own counts from now on, as its `Date` tells it.
    pub(crate) fn follow_clock(&self, headers: &HeaderMap, now: Wall) {
        let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let date = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
        if let Some(date) = date.and_then(|date| i64::try_from(date.as_millis()).ok()) {
            self.ahead_ms.store(date.saturating_sub(now.0), Ordering::Relaxed);
        }
    }

    fn corrected(&self, now: Wall) -> Wall {
        Wall(now.0.saturating_add(self.ahead_ms.load(Ordering::Relaxed)))
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// 128 random bits: never the same twice.
fn unique() -> Result<String, Failure> {
    let mut bits = [0; 16];
    crate::platform::random::fill(&mut bits)?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}
