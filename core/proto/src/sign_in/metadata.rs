//! Authorization server metadata (RFC 8414, OpenID Connect Discovery).

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::error::{ErrorKind, Failure};

/// A server's metadata: plain data that can be stored and reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerMetadata {
    /// The issuer identifier; identical to the requested one.
    pub issuer: String,
    /// The authorization endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub authorization_endpoint: Option<Url>,
    /// The token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub token_endpoint: Option<Url>,
    /// The device authorization endpoint (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub device_authorization_endpoint: Option<Url>,
    /// The revocation endpoint (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub revocation_endpoint: Option<Url>,
    /// The pushed authorization request endpoint (RFC 9126).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub pushed_authorization_request_endpoint: Option<Url>,
    /// Whether authorization requests must be pushed.
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// The client registration endpoint (RFC 7591).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub registration_endpoint: Option<Url>,
    /// The URL of the server's keys.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "address")]
    pub jwks_uri: Option<Url>,
    /// The supported PKCE methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// Whether callbacks contain `iss` (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl ServerMetadata {
    /// Returns the possible metadata URLs of an issuer, in the order to try them (RFC 8414 section 3.1 and 5).
    ///
    /// ```
    /// use rekindle_proto::sign_in::ServerMetadata;
    ///
    /// let places = ServerMetadata::places("https://auth.example.com/tenant")?;
    /// assert_eq!(places[0].as_str(), "https://auth.example.com/.well-known/oauth-authorization-server/tenant");
    /// assert_eq!(places[2].as_str(), "https://auth.example.com/tenant/.well-known/openid-configuration");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the issuer is not a URL, or has a query or fragment.
    pub fn places(issuer: &str) -> Result<Vec<Url>, Failure> {
        let url =
            Url::parse(issuer).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let plain =
            |url: &Url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let Some(url) = url.filter(plain) else {
            let what = " must be an https URL without user, query and fragment (RFC 8414 section 2)";
            return Err(Failure::config("issuer", what));
        };
        let path = url.path().trim_end_matches('/').to_owned();
        let at = |path: String| {
            let mut place = url.clone();
            place.set_path(&path);
            place
        };
        let mut places = vec![
            at(format!("/.well-known/oauth-authorization-server{path}")),
            at(format!("/.well-known/openid-configuration{path}")),
            at(format!("{path}/.well-known/openid-configuration")),
        ];
        places.dedup();
        Ok(places)
    }

    /// Parses a metadata document. A document with another issuer is rejected (RFC 8414 section 3.3): its endpoints
    /// would get codes and secrets that are meant for this issuer.
    ///
    /// ```
    /// use rekindle_proto::sign_in::ServerMetadata;
    ///
    /// let body = br#"{"issuer": "https://evil.example", "token_endpoint": "https://evil.example/token"}"#;
    /// let failure = ServerMetadata::read("https://auth.example.com", body).unwrap_err();
    /// assert!(failure.message.contains("https://evil.example"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse if the document is not metadata or belongs to another server.
    pub fn read(issuer: &str, body: &[u8]) -> Result<Self, Failure> {
        let invalid = |message: String| Failure::new(ErrorKind::InvalidResponse, message);
        let read: Self = serde_json::from_slice(body)
            .map_err(|_| invalid(format!("the response of {issuer} is not server metadata (RFC 8414)")))?;
        if read.issuer != issuer {
            let given: String = read.issuer.chars().filter(|letter| !letter.is_control()).take(200).collect();
            return Err(invalid(format!(
                "the metadata found for the issuer {issuer} is that of {given}, and is not used: write the issuer exactly \
                 as the server does (a slash at the end counts)"
            )));
        }
        for endpoint in read.endpoints() {
            if !matches!(endpoint.scheme(), "https" | "http") || endpoint.fragment().is_some() {
                return Err(invalid(format!(
                    "the metadata of {issuer} names an endpoint that is no web address"
                )));
            }
        }
        Ok(read)
    }

    /// All its endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = &Url> {
        let all = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.device_authorization_endpoint,
            &self.revocation_endpoint,
            &self.pushed_authorization_request_endpoint,
            &self.registration_endpoint,
            &self.jwks_uri,
        ];
        all.into_iter().flatten()
    }
}

/// An address as text.
mod address {
    use super::*;

    pub(super) fn serialize<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
        url.as_ref().map(Url::as_str).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| Url::parse(&text).map_err(|_| D::Error::custom("an endpoint is not a URL")))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 12.9
    #[test]
    fn metadata_of_another_issuer_is_not_used() {
        let body =
            |issuer: &str| format!("{{\"issuer\":\"{issuer}\",\"token_endpoint\":\"https://a.example/t\"}}");
        assert!(ServerMetadata::read("https://a.example", body("https://a.example").as_bytes()).is_ok());
        for other in ["https://a.example/", "https://b.example", "http://a.example", "https://A.example", ""]
        {
            let failure = ServerMetadata::read("https://a.example", body(other).as_bytes()).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::InvalidResponse, "{other}");
        }
        for body in ["", "[]", "<html>", "{\"issuer\":\"https://a.example\",\"token_endpoint\":\"ftp://a\"}"]
        {
            assert!(ServerMetadata::read("https://a.example", body.as_bytes()).is_err(), "{body}");
        }
    }

    // spec 12.9
    #[test]
    fn an_issuer_without_a_path_has_two_places_and_a_wrong_one_none() {
        let places = ServerMetadata::places("https://a.example/").unwrap();
        let paths: Vec<_> = places.iter().map(Url::path).collect();
        assert_eq!(paths, ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]);
        for issuer in ["", "a.example", "https://a.example?x", "https://u@a.example", "ftp://a.example"] {
            assert_eq!(ServerMetadata::places(issuer).unwrap_err().argument.as_deref(), Some("issuer"));
        }
    }
}
