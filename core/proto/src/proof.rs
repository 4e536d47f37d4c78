//! The claims of proofs before they are signed: client assertions (RFC 7523), DPoP proofs (RFC 9449).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::credential::Secret;
use crate::time::Wall;

/// How long an assertion is valid, in seconds: enough for a slow connection, too short to be useful to a thief.
const ASSERTION_SECONDS: i64 = 60;

/// The claims of a client's assertion (RFC 7523 section 3). `id` must never be used twice.
///
/// ```
/// use rekindle_proto::{Wall, proof::client_assertion};
///
/// let endpoint = "https://auth.example.com/token".parse().expect("a URL");
/// let claims = client_assertion("app", &endpoint, "id-1", Wall(1_893_456_000_000));
/// assert_eq!(claims["iss"], "app");
/// assert_eq!(claims["aud"], "https://auth.example.com/token");
/// assert_eq!(claims["exp"], 1_893_456_060);
/// ```
#[must_use]
pub fn client_assertion(client_id: &str, token_endpoint: &Url, id: &str, now: Wall) -> Value {
    let issued = now.0 / 1000;
    json!({
        "iss": client_id,
        "sub": client_id,
        "aud": bare(token_endpoint),
        "jti": id,
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
    })
}

/// The request that a DPoP proof is for.
#[derive(Clone, Copy, Debug)]
pub struct Possession<'a> {
    /// The method of the request that carries it.
    pub method: &'a Method,
    /// Its URL; the proof does not contain query and fragment.
    pub url: &'a Url,
    /// The last nonce of the server.
    pub nonce: Option<&'a str>,
    /// The access token in the same request; `None` in a token request.
    pub access_token: Option<&'a Secret>,
}

/// The claims of a DPoP proof (RFC 9449 section 4.2). `id` must never be used twice.
///
/// ```
/// use rekindle_proto::{Wall, proof::{Possession, possession}};
///
/// let url = "https://api.example.com/data?q=1".parse().expect("a URL");
/// let about = Possession { method: &http::Method::GET, url: &url, nonce: None, access_token: None };
/// let claims = possession(&about, "id-1", Wall(1_893_456_000_000));
/// assert_eq!((&claims["htm"], &claims["htu"]), (&"GET".into(), &"https://api.example.com/data".into()));
/// assert!(claims.get("ath").is_none());
/// ```
#[must_use]
pub fn possession(about: &Possession<'_>, id: &str, now: Wall) -> Value {
    let mut claims = json!({
        "htm": about.method.as_str(),
        "htu": bare(about.url),
        "jti": id,
        "iat": now.0 / 1000,
    });
    if let Some(nonce) = about.nonce {
        claims["nonce"] = nonce.into();
    }
    if let Some(token) = about.access_token {
        claims["ath"] = digest(token.expose().as_bytes()).into();
    }
    claims
}

/// The thumbprint of a public key (RFC 7638), which must contain only the required members.
///
/// ```
/// // the example of RFC 8037, appendix A.3
/// let jwk = serde_json::json!({
///     "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
/// });
/// let thumbprint = rekindle_proto::proof::thumbprint(&jwk);
/// assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// ```
#[must_use]
pub fn thumbprint(jwk: &Value) -> String {
    // Members in order of their names, no white space.
    let members: BTreeMap<_, _> = jwk.as_object().into_iter().flatten().collect();
    digest(json!(members).to_string().as_bytes())
}

fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}
