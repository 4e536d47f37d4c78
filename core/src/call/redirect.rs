//! The target of a redirect, and what may be sent there (spec 9.2).

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, LOCATION,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

/// The next hop of a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// The method of the next request.
    pub method: Method,
    /// The URL, without user name and password.
    pub url: Url,
    /// Whether the body is sent again; otherwise it is dropped, with the headers that describe it.
    pub keeps_body: bool,
    /// Whether scheme, host or port change: no credential is sent, then or later.
    pub leaves_origin: bool,
    /// Whether it leads from https to http: then no body is sent either.
    pub downgrades: bool,
}

/// The next hop; `None` if the response is not a redirect, or not one that can be followed.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Method, StatusCode, header::LOCATION};
///
/// let url = "https://api.example.com/export".parse().expect("a URL");
/// let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static("https://files.example/1"))]);
/// let hop = rekindle::call::next_hop(&Method::POST, &url, StatusCode::SEE_OTHER, &headers).unwrap();
/// assert_eq!((hop.method, hop.keeps_body, hop.leaves_origin), (Method::GET, false, true));
/// ```
#[must_use]
pub fn next_hop(method: &Method, url: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Hop> {
    let (method, keeps_body) = rewrite(method, status)?;
    let location = headers.get(LOCATION)?;
    let mut target = url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
    if !matches!(target.scheme(), "http" | "https") || target.host_str().is_none_or(str::is_empty) {
        return None;
    }
    // HTTP clients would turn credentials in a URL into a header.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    Some(Hop {
        method,
        keeps_body,
        leaves_origin: target.origin() != url.origin(),
        downgrades: url.scheme() == "https" && target.scheme() == "http",
        url: target,
    })
}

/// RFC 9110 section 15.4, and what every client does with a POST after 301 and 302.
fn rewrite(method: &Method, status: StatusCode) -> Option<(Method, bool)> {
    let same = (method.clone(), true);
    match status.as_u16() {
        307 | 308 => Some(same),
        301 | 302 if *method != Method::POST => Some(same),
        303 if *method == Method::HEAD => Some(same),
        301..=303 => Some((Method::GET, false)),
        _ => None,
    }
}

/// Removes the headers that describe a body that is not sent.
pub(crate) fn drop_body_headers(headers: &mut HeaderMap) {
    for name in [
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_LENGTH,
        CONTENT_LOCATION,
        CONTENT_TYPE,
        TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
}

/// Removes all headers that may not be sent to another origin.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("accept", HeaderValue::from_static("text/html"));
/// headers.insert("x-otp", HeaderValue::from_static("123456"));
/// rekindle::call::keep_what_may_travel(&mut headers);
/// assert_eq!(headers.len(), 1);
/// ```
pub fn keep_what_may_travel(headers: &mut HeaderMap) {
    let may_not =
        |(name, value): (&HeaderName, &HeaderValue)| (!may_travel(name, value)).then(|| name.clone());
    let gone: Vec<HeaderName> = headers.iter().filter_map(may_not).collect();
    for name in gone {
        headers.remove(name);
    }
}

/// Whether a request header may be sent after a redirect leaves the origin: only names that are known to carry no
/// credential may, and only if the value is not marked sensitive.
///
/// ```
/// use http::{HeaderName, HeaderValue};
/// use rekindle::call::may_travel;
///
/// let value = HeaderValue::from_static("v");
/// assert!(may_travel(&HeaderName::from_static("accept"), &value));
/// assert!(!may_travel(&HeaderName::from_static("x-jwt-assertion"), &value));
/// ```
#[must_use]
pub fn may_travel(name: &HeaderName, value: &HeaderValue) -> bool {
    !value.is_sensitive() && HARMLESS.contains(&name.as_str())
}

/// Headers that describe the desired response, the body and the user agent; ids that a server keeps per caller
/// anyway.
const HARMLESS: [&str; 36] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "cache-control",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-type",
    "date",
    "digest",
    "dnt",
    "expect",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "pragma",
    "prefer",
    "priority",
    "range",
    "te",
    "traceparent",
    "transfer-encoding",
    "upgrade-insecure-requests",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn to(location: &str) -> HeaderMap {
        HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).unwrap())])
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_method_changes_as_the_rules_say() {
        let table = [
            (301, "GET", "GET", true),
            (302, "GET", "GET", true),
            (303, "GET", "GET", false),
            (301, "POST", "GET", false),
            (302, "POST", "GET", false),
            (303, "POST", "GET", false),
            (301, "PUT", "PUT", true),
            (302, "DELETE", "DELETE", true),
            (303, "PUT", "GET", false),
            (307, "POST", "POST", true),
            (308, "PATCH", "PATCH", true),
            (303, "HEAD", "HEAD", true),
        ];
        for (status, from, wanted, body) in table {
            let from = Method::from_bytes(from.as_bytes()).unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            let hop = next_hop(&from, &url("https://a.test/x"), status, &to("/y")).unwrap();
            assert_eq!((hop.method.as_str(), hop.keeps_body), (wanted, body), "{status} {from}");
        }
    }

    #[test]
    fn what_nobody_can_follow_is_no_redirect() {
        let base = url("https://a.test/x");
        for location in ["ftp://a.test/", "javascript:alert(1)", "https://", "http://[::1", "data:,x"] {
            assert_eq!(next_hop(&Method::GET, &base, StatusCode::FOUND, &to(location)), None, "{location}");
        }
        assert_eq!(next_hop(&Method::GET, &base, StatusCode::FOUND, &HeaderMap::new()), None);
        for status in [200, 300, 304, 305, 306, 400] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(next_hop(&Method::GET, &base, status, &to("/y")), None);
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        let leaves = |from: &str, location: &str| {
            let hop = next_hop(&Method::GET, &url(from), StatusCode::FOUND, &to(location)).unwrap();
            (hop.leaves_origin, hop.downgrades)
        };
        assert_eq!(leaves("https://a.test/x", "/y"), (false, false));
        assert_eq!(leaves("https://a.test/x", "https://a.test:443/y"), (false, false));
        assert_eq!(leaves("https://a.test/x", "https://a.test:444/y"), (true, false));
        assert_eq!(leaves("https://a.test/x", "https://b.a.test/"), (true, false));
        assert_eq!(leaves("https://a.test/x", "//b.test/"), (true, false));
        assert_eq!(leaves("https://a.test/x", "http://a.test/"), (true, true));
        assert_eq!(leaves("http://a.test/x", "https://a.test/"), (true, false));
    }

    #[test]
    fn credentials_in_a_location_are_dropped() {
        let hop =
            next_hop(&Method::GET, &url("https://a.test/"), StatusCode::FOUND, &to("https://u:p@a.test/z"));
        assert_eq!(hop.unwrap().url.as_str(), "https://a.test/z");
    }

    // spec 9.2
    #[test]
    fn only_headers_that_are_known_to_be_harmless_travel() {
        let mut headers = HeaderMap::new();
        let mut marked = HeaderValue::from_static("x");
        marked.set_sensitive(true);
        headers.insert("accept-language", marked);
        let kept_back = [
            "api_key",
            "authorization",
            "cookie",
            "dpop",
            "dpop-session",
            "host",
            "ocp-apim-subscription-key",
            "origin",
            "private-token",
            "proxy-authorization",
            "referer",
            "x-access",
            "x-amz-security-token",
            "x-api-key",
            "x-auth-token",
            "x-goog-iap-jwt-assertion",
            "x-otp",
            "x-school",
        ];
        for name in kept_back {
            headers.insert(name, HeaderValue::from_static("sentinel"));
        }
        for name in ["accept", "user-agent", "idempotency-key", "x-request-id", "content-type"] {
            headers.insert(name, HeaderValue::from_static("fine"));
        }
        keep_what_may_travel(&mut headers);
        assert_eq!(headers.len(), 5, "{headers:?}");
        assert!(headers.values().all(|value| value == "fine"));
    }
}
