//! What an API says of itself (RFC 9728): which servers sign users in for it.

use http::header::HeaderMap;
use serde::{Deserialize, Serialize};
use url::Url;

use super::redirect_uri::is_loopback;
use crate::challenge;
use crate::error::{ErrorKind, Failure};

/// An API's metadata: plain data, which can be kept and used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceMetadata {
    /// What it calls itself: the `resource` of authorization and token requests (RFC 8707).
    pub resource: String,
    /// The issuers of the servers that sign users in for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<String>,
    /// The scopes that it knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// Its name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
}

impl ResourceMetadata {
    /// Where the metadata of an API may be, in the order in which they are tried (RFC 9728 section 3.1).
    ///
    /// ```
    /// use rekindle_proto::sign_in::ResourceMetadata;
    ///
    /// let places = ResourceMetadata::places("https://mcp.example.com/mcp")?;
    /// assert_eq!(places[0].as_str(), "https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
    /// assert_eq!(places[1].as_str(), "https://mcp.example.com/.well-known/oauth-protected-resource");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: it is no web address.
    pub fn places(resource: &str) -> Result<Vec<Url>, Failure> {
        let url = address(resource)?;
        let path = url.path().trim_end_matches('/').to_owned();
        let at = |path: &str, query: Option<&str>| {
            let mut place = url.clone();
            place.set_path(&format!("/.well-known/oauth-protected-resource{path}"));
            place.set_query(query);
            place.set_fragment(None);
            place
        };
        let mut places = vec![at(&path, url.query()), at("", None)];
        places.dedup();
        Ok(places)
    }

    /// The place that an answer to a request without a token names (RFC 9728 section 5.1), if it does.
    ///
    /// ```
    /// use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
    /// use rekindle_proto::sign_in::ResourceMetadata;
    ///
    /// let challenge = "Bearer resource_metadata=\"https://mcp.example.com/about\"";
    /// let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))]);
    /// assert_eq!(ResourceMetadata::named(&headers).map(String::from).as_deref(), Some("https://mcp.example.com/about"));
    /// ```
    #[must_use]
    pub fn named(headers: &HeaderMap) -> Option<Url> {
        let challenges = challenge::from_headers(headers);
        challenges.iter().find_map(|challenge| Url::parse(challenge.param("resource_metadata")?).ok())
    }

    /// Reads what was found there. A document of another API is not used (RFC 9728 section 3.3): it could have a token for
    /// this one made for somebody else. An API may be named by the beginning of its address.
    ///
    /// ```
    /// use rekindle_proto::sign_in::ResourceMetadata;
    ///
    /// let body = br#"{"resource": "https://mcp.example.com", "authorization_servers": ["https://auth.example.com"]}"#;
    /// let found = ResourceMetadata::read("https://mcp.example.com/mcp", body)?;
    /// assert_eq!(found.issuer()?, "https://auth.example.com");
    /// assert!(ResourceMetadata::read("https://other.example/mcp", body).is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse: it is no metadata, or another API's, or it sends users to a server of this machine's.
    pub fn read(asked: &str, body: &[u8]) -> Result<Self, Failure> {
        let invalid = |message: String| Failure::new(ErrorKind::InvalidResponse, message);
        let read: Self = serde_json::from_slice(body)
            .map_err(|_| invalid(format!("the response of {asked} is not an API's metadata (RFC 9728)")))?;
        let given: String = read.resource.chars().filter(|letter| !letter.is_control()).take(200).collect();
        let url = address(asked)?;
        if !Url::parse(&read.resource).is_ok_and(|resource| is_part_of(&url, &resource)) {
            return Err(invalid(format!(
                "the metadata found for {asked} is that of {given}, and is not used: a token for one would be sent to the \
                 other"
            )));
        }
        for issuer in &read.authorization_servers {
            if !may_name(&url, &address(issuer).map_err(|_| invalid(no_issuer(asked)))?) {
                return Err(invalid(format!(
                    "{asked} sends its users to a server that is neither https nor, if it is on this machine itself, \
                     loopback: it is not asked"
                )));
            }
        }
        Ok(read)
    }

    /// The first server that signs users in for it.
    ///
    /// The example is at [`ResourceMetadata::read`].
    ///
    /// # Errors
    ///
    /// InvalidResponse: there is none.
    pub fn issuer(&self) -> Result<&str, Failure> {
        let first = self.authorization_servers.first().map(String::as_str);
        first.ok_or_else(|| Failure::new(ErrorKind::InvalidResponse, no_issuer(&self.resource)))
    }
}

/// Whether a server may name another address: what is not on this machine must not have this machine's own services asked.
#[must_use]
pub fn may_name(server: &Url, named: &Url) -> bool {
    named.scheme() == "https" && (!is_loopback(named) || is_loopback(server))
        || is_loopback(named) && is_loopback(server)
}

/// The same origin, and a path below the other's.
fn is_part_of(url: &Url, resource: &Url) -> bool {
    let above = resource.path().trim_end_matches('/');
    let below = url.path().strip_prefix(above);
    let same_query = resource.query().is_none() || resource.query() == url.query();
    url.origin() == resource.origin()
        && same_query
        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn address(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.filter(|url| url.username().is_empty() && url.fragment().is_none()).ok_or_else(|| {
        Failure::config("resource", " must be the https URL of an API, without user and fragment")
    })
}

fn no_issuer(resource: &str) -> String {
    format!(
        "{resource} does not say which server signs users in for it (authorization_servers): ask its operator"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 12.16
    #[test]
    fn an_api_speaks_for_itself_alone() {
        let read = |resource: &str, issuer: &str| {
            let body = format!("{{\"resource\":\"{resource}\",\"authorization_servers\":[\"{issuer}\"]}}");
            ResourceMetadata::read("https://api.example/a/b", body.as_bytes()).map_err(|failure| failure.kind)
        };
        for resource in [
            "https://api.example/a/b",
            "https://api.example/a",
            "https://api.example",
            "https://api.example/a/",
        ] {
            assert!(read(resource, "https://auth.example").is_ok(), "{resource}");
        }
        for resource in [
            "https://api.example/a/b/c",
            "https://api.example/ab",
            "https://evil.example/a/b",
            "http://api.example/a/b",
            "api",
        ] {
            assert_eq!(read(resource, "https://auth.example"), Err(ErrorKind::InvalidResponse), "{resource}");
        }
        for issuer in
            ["http://auth.example", "http://127.0.0.1:8080", "https://localhost", "ftp://a", "nonsense"]
        {
            assert_eq!(read("https://api.example", issuer), Err(ErrorKind::InvalidResponse), "{issuer}");
        }
        let local =
            br#"{"resource": "http://127.0.0.1:1/mcp", "authorization_servers": ["http://127.0.0.1:2"]}"#;
        assert!(ResourceMetadata::read("http://127.0.0.1:1/mcp", local).is_ok());
        let nobody =
            ResourceMetadata::read("https://api.example", br#"{"resource": "https://api.example"}"#).unwrap();
        assert!(nobody.issuer().unwrap_err().message.contains("authorization_servers"));
    }
}
