//! Verifies signatures of a server (RFC 7515, 7518).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rekindle_proto::sign_in::IdToken;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;

/// Whether one of these keys (RFC 7517) signed it. The algorithm says which kind of key it must be: a server's public key
/// is never taken for a shared secret, and `none` is no algorithm.
pub(crate) fn is_signed_by(token: &IdToken, keys: &Value) -> bool {
    let keys = keys.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let fits = |key: &&Value| {
        text(key, "use").is_none_or(|purpose| purpose == "sig")
            && text(key, "alg").is_none_or(|algorithm| algorithm == token.algorithm)
            && (token.key_id.is_none() || text(key, "kid") == token.key_id)
    };
    keys.iter().filter(fits).any(|key| signs(key, token).is_some())
}

fn signs(key: &Value, token: &IdToken) -> Option<()> {
    match (key.get("kty")?.as_str()?, token.algorithm.as_str()) {
        ("RSA", algorithm) => rsa(key, rsa_parameters(algorithm)?, token),
        ("EC", "ES256") if key.get("crv")? == "P-256" => point(key, 32, &ECDSA_P256_SHA256_FIXED, token),
        ("EC", "ES384") if key.get("crv")? == "P-384" => point(key, 48, &ECDSA_P384_SHA384_FIXED, token),
        ("OKP", "EdDSA" | "Ed25519") if key.get("crv")? == "Ed25519" => {
            verified(&ED25519, &number(key, "x")?, token)
        }
        _ => None,
    }
}

fn rsa_parameters(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn rsa(key: &Value, parameters: &'static RsaParameters, token: &IdToken) -> Option<()> {
    let key = RsaPublicKeyComponents { n: number(key, "n")?, e: number(key, "e")? };
    key.verify(parameters, token.signed(), token.signature()).ok()
}

/// An uncompressed point: 4, then both coordinates.
fn point(
    key: &Value,
    length: usize,
    algorithm: &'static dyn VerificationAlgorithm,
    token: &IdToken,
) -> Option<()> {
    let (x, y) = (number(key, "x")?, number(key, "y")?);
    if (x.len(), y.len()) != (length, length) {
        return None;
    }
    verified(algorithm, &[&[4], x.as_slice(), y.as_slice()].concat(), token)
}

fn verified(algorithm: &'static dyn VerificationAlgorithm, key: &[u8], token: &IdToken) -> Option<()> {
    UnparsedPublicKey::new(algorithm, key).verify(token.signed(), token.signature()).ok()
}

fn number(key: &Value, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(key.get(name)?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::SigningKey;

    fn signed(key: &SigningKey) -> String {
        key.assertion(&json!({ "sub": "ada" })).unwrap().expose().to_owned()
    }

    fn read(text: &str) -> IdToken {
        IdToken::read(text).unwrap()
    }

    // spec 12.14
    #[test]
    fn only_the_servers_own_key_of_the_right_kind_signs() {
        let (own, other) = (SigningKey::generate().unwrap().0, SigningKey::generate().unwrap().0);
        let keys = |keys: &[Value]| json!({ "keys": keys });
        let text = signed(&own);
        assert!(is_signed_by(&read(&text), &keys(&[other.jwk(), own.jwk()])));
        assert!(!is_signed_by(&read(&text), &keys(&[other.jwk()])));
        assert!(!is_signed_by(&read(&text), &json!({})));
        // One bit of what was signed, and one of the signature.
        let (message, signature) = text.rsplit_once('.').unwrap();
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"eve"}"#);
        let forged = format!("{}.{claims}.{signature}", message.split('.').next().unwrap());
        assert!(!is_signed_by(&read(&forged), &keys(&[own.jwk()])));
        assert!(!is_signed_by(&read(&format!("{message}.")), &keys(&[own.jwk()])));
        // `none`, and the public key as a shared secret.
        for algorithm in ["none", "HS256", "RS256", "ES384"] {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm }).to_string());
            let (_, rest) = text.split_once('.').unwrap();
            assert!(!is_signed_by(&read(&format!("{header}.{rest}")), &keys(&[own.jwk()])), "{algorithm}");
        }
        // A key that is for something else, or that the server names otherwise.
        let mut for_secrets = own.jwk();
        for_secrets["use"] = "enc".into();
        assert!(!is_signed_by(&read(&text), &keys(&[for_secrets])));
        let named = own.clone().key_id("1");
        assert!(is_signed_by(&read(&signed(&named)), &keys(&[named.jwk()])));
        assert!(!is_signed_by(&read(&signed(&named)), &keys(&[own.key_id("2").jwk()])));
    }

    // spec 12.14
    #[test]
    fn rsa_and_ed25519_sign_too() {
        for pem in [include_str!("../../tests/keys/rsa.pem"), include_str!("../../tests/keys/ed25519.pem")] {
            let key = SigningKey::from_pem(pem).unwrap();
            let token = read(&signed(&key));
            assert!(is_signed_by(&token, &json!({ "keys": [key.jwk()] })), "{}", key.algorithm());
        }
    }
}
