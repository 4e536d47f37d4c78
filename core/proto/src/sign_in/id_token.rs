//! ID tokens (OpenID Connect Core section 2 and 3.1.3.7): parsing, and validating the claims against the sign-in.
//! Signatures are verified elsewhere, if keys are available.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};
use crate::time::Wall;

/// Clocks differ by so much, in seconds.
const LEEWAY: i64 = 60;
/// A longer one is none (the whole answer has a bound of its own).
const LONGEST: usize = 64 * 1024;

/// A parsed ID token, not yet validated.
#[derive(Clone)]
pub struct IdToken {
    /// `alg` of the header.
    pub algorithm: String,
    /// `kid` of the header.
    pub key_id: Option<String>,
    /// The subject (`sub`): the server's identifier for the user.
    pub subject: String,
    signed: String,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

/// The claims that an ID token must have.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdTokenExpected<'a> {
    /// The issuer, if known.
    pub issuer: Option<&'a str>,
    /// Another name of that issuer, which its ID tokens may carry as well.
    pub other_issuer: Option<&'a str>,
    /// The client that the ID token is for.
    pub client_id: &'a str,
    /// The nonce of the authorization request, if there was one.
    pub nonce: Option<&'a str>,
    /// The maximum age of the user's authentication at the server, in seconds.
    pub max_age: Option<u64>,
}

impl IdToken {
    /// Parses an ID token.
    ///
    /// ```
    /// use rekindle_proto::Wall;
    /// use rekindle_proto::sign_in::{IdToken, IdTokenExpected};
    ///
    /// // {"alg":"RS256"} . {"iss":"https://a.example","sub":"ada","aud":"app","exp":900,"iat":0} . a signature
    /// let text = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImFkYSIsImF1ZCI6ImFwcCIsImV4cCI6OTAwLCJpYXQiOjB9.AA";
    /// let token = IdToken::read(text)?;
    /// assert_eq!(token.subject, "ada");
    /// let expected = IdTokenExpected { issuer: Some("https://a.example"), client_id: "app", ..IdTokenExpected::default() };
    /// assert!(token.check(&expected, Wall(0)).is_ok());
    /// assert!(token.check(&IdTokenExpected { client_id: "another", ..expected }, Wall(0)).is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse if the text is not a signed JWT with a subject.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { return Err(unreadable()) };
        if text.len() > LONGEST {
            return Err(unreadable());
        }
        let (header, claims) = (object(header)?, object(claims)?);
        if header.contains_key("crit") {
            return Err(wrong("has a header (crit) that must be understood, and is not"));
        }
        let text_of = |map: &Map<String, Value>, name: &str| {
            map.get(name).and_then(Value::as_str).map(ToOwned::to_owned)
        };
        let subject = text_of(&claims, "sub").filter(|subject| !subject.is_empty() && subject.len() <= 255);
        Ok(Self {
            algorithm: text_of(&header, "alg").ok_or_else(unreadable)?,
            key_id: text_of(&header, "kid"),
            subject: subject.ok_or_else(|| wrong("names nobody (sub)"))?,
            signed: text[..text.len() - signature.len() - 1].to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| unreadable())?,
            claims,
        })
    }

    /// The signed bytes.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Checks issuer, audience, times and nonce for this sign-in (OpenID Connect Core section 3.1.3.7).
    ///
    /// The example is at [`IdToken::read`].
    ///
    /// # Errors
    ///
    /// InvalidResponse, naming the claim.
    pub fn check(&self, expected: &IdTokenExpected<'_>, now: Wall) -> Result<(), Failure> {
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        let issuer = text("iss");
        if expected.issuer.is_some()
            && (issuer.is_none() || ![expected.issuer, expected.other_issuer].contains(&issuer))
        {
            return Err(wrong("is of another server (iss)"));
        }
        self.check_audience(expected.client_id)?;
        if expected.nonce.is_some_and(|nonce| text("nonce") != Some(nonce)) {
            return Err(wrong("is of another sign-in (nonce)"));
        }
        let now = now.0.div_euclid(1000);
        let time = |name: &str| self.claims.get(name).and_then(seconds);
        match time("exp") {
            Some(end) if now < end.saturating_add(LEEWAY) => {}
            Some(_) => return Err(wrong("is over (exp): set this machine's clock right, if it is not")),
            None => return Err(wrong("says no end (exp)")),
        }
        match time("iat") {
            Some(issued) if issued <= now.saturating_add(LEEWAY) => {}
            Some(_) => {
                return Err(wrong(
                    "was issued in the future (iat): set this machine's clock right, if it is not",
                ));
            }
            None => return Err(wrong("does not say when it was issued (iat)")),
        }
        let Some(most) = expected.max_age.and_then(|age| i64::try_from(age).ok()) else { return Ok(()) };
        match time("auth_time") {
            Some(at) if now <= at.saturating_add(most).saturating_add(LEEWAY) => Ok(()),
            Some(_) => Err(wrong("is of an older sign-in than max_age allows (auth_time)")),
            None => {
                Err(wrong("does not say when the user signed in (auth_time), though max_age asks for it"))
            }
        }
    }

    fn check_audience(&self, client_id: &str) -> Result<(), Failure> {
        let audiences: Vec<&str> = match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is_ours = self.claims.get("azp").is_none_or(|party| party.as_str() == Some(client_id));
        if audiences.contains(&client_id) && is_ours {
            return Ok(());
        }
        Err(wrong("is for another client (aud, azp)"))
    }
}

/// What it says is the user's own business.
impl std::fmt::Debug for IdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdToken")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The name under which the session's user is stored with the tokens.
pub const SUBJECT: &str = "rekindle.sub";

/// Whether the ID token of a refresh is for another user than the session's (OpenID Connect Core section 12.2).
/// Returns `false` for an unreadable ID token.
///
/// ```
/// use rekindle_proto::sign_in::is_somebody_elses;
///
/// assert!(!is_somebody_elses(&"nonsense".into(), "ada"));
/// ```
#[must_use]
pub fn is_somebody_elses(text: &Secret, subject: &str) -> bool {
    IdToken::read(text.expose()).is_ok_and(|token| token.subject != subject)
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|number| number.is_finite()).map(|number| number as i64))
}

fn object(part: &str) -> Result<Map<String, Value>, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable())?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Failure {
    wrong("is no signed JWT")
}

fn wrong(what: &str) -> Failure {
    let message =
        format!("the ID token that the server gave {what}, so nobody is signed in; start the sign-in again");
    Failure::new(ErrorKind::InvalidResponse, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", encode(&json!({ "alg": "RS256", "kid": "1" })), encode(claims))
    }

    fn claims(with: &Value) -> Value {
        let mut claims = json!({ "iss": "https://a.example", "sub": "ada", "aud": "app", "exp": 2000, "iat": 1000, "nonce": "n" });
        for (name, value) in with.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn checked(with: &Value, now: i64) -> Result<(), Failure> {
        let expected = IdTokenExpected {
            issuer: Some("https://a.example"),
            other_issuer: Some("a.example"),
            client_id: "app",
            nonce: Some("n"),
            max_age: with.get("auth_time").map(|_| 300),
        };
        IdToken::read(&token(&claims(with)))?.check(&expected, Wall(now * 1000))
    }

    // spec 12.14
    #[test]
    fn an_id_token_must_be_of_this_server_client_and_sign_in_and_of_now() {
        for good in [
            json!({}),
            json!({ "aud": ["b", "app"], "azp": "app" }),
            json!({ "exp": 2000.5 }),
            json!({ "auth_time": 1000 }),
        ] {
            assert!(checked(&good, 1000).is_ok(), "{good}");
        }
        let bad = [
            json!({ "iss": "https://a.example/" }),
            json!({ "iss": null }),
            json!({ "aud": "another" }),
            json!({ "aud": ["another"] }),
            json!({ "aud": null }),
            json!({ "azp": "another" }),
            json!({ "nonce": "of another" }),
            json!({ "nonce": null }),
            json!({ "exp": null }),
            json!({ "exp": "2000" }),
            json!({ "exp": 900 }),
            json!({ "iat": 1100 }),
            json!({ "iat": null }),
            json!({ "sub": "" }),
            json!({ "sub": 7 }),
            json!({ "auth_time": 600 }),
            json!({ "auth_time": null }),
        ];
        for bad in bad {
            assert_eq!(checked(&bad, 1000).unwrap_err().kind, ErrorKind::InvalidResponse, "{bad}");
        }
        // Clocks differ by a minute at most.
        assert!(checked(&json!({}), 2059).is_ok() && checked(&json!({}), 2060).is_err());
    }

    // spec 12.14
    #[test]
    fn an_issuer_may_have_another_name_in_its_id_tokens_where_that_is_known() {
        let token = IdToken::read(&token(&claims(&json!({ "iss": "a.example" })))).unwrap();
        let of = |issuer, other_issuer| {
            let expected =
                IdTokenExpected { issuer, other_issuer, client_id: "app", nonce: None, max_age: None };
            token.check(&expected, Wall(1_000_000)).is_ok()
        };
        let issuer = Some("https://a.example");
        assert!(of(issuer, Some("a.example")));
        assert!(!of(issuer, None) && !of(issuer, Some("b.example")));
    }

    // spec 12.14
    #[test]
    fn what_is_no_signed_jwt_is_refused_without_a_word_of_it() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let crit = format!("{}.{}.", encode(r#"{"alg":"RS256","crit":["b64"]}"#), encode(r#"{"sub":"ada"}"#));
        for text in ["", "a.b", "a.b.c", "sentinel.sentinel.sentinel.x", &crit, &"x".repeat(LONGEST + 1)] {
            let failure = IdToken::read(text).unwrap_err();
            assert!(!failure.message.contains("sentinel"), "{failure}");
        }
        let shown =
            format!("{:?}", IdToken::read(&token(&claims(&json!({ "email": "ada@sentinel" })))).unwrap());
        assert!(!shown.contains("sentinel") && !shown.contains("ada"), "{shown}");
    }
}
