//! Where a redirect leads, and what may come along (spec 9.2).

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
    COOKIE, HOST, LOCATION, PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

/// The hop that a redirect asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The body goes along; else it is dropped, with the headers that describe it.
    pub(super) keeps_body: bool,
    /// Another scheme, host or port: no credential goes along, then or later.
    pub(super) leaves_origin: bool,
    /// From https to http: no body goes along either.
    pub(super) downgrades: bool,
}

/// The next hop; `None` if the response is no redirect, or one that nobody can follow.
pub(super) fn next(method: &Method, url: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Hop> {
    let (method, keeps_body) = rewrite(method, status)?;
    let location = headers.get(LOCATION)?;
    let mut target = url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
    if !matches!(target.scheme(), "http" | "https") || target.host_str().is_none_or(str::is_empty) {
        return None;
    }
    // Credentials in a URL would become a header that nobody set.
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

/// RFC 9110 15.4, and what every client does with a POST on 301 and 302.
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

/// Takes away what describes a body that does not go along.
pub(super) fn drop_body_headers(headers: &mut HeaderMap) {
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

/// Takes away whatever may be a credential, and what belongs to the old origin. `own` are the dialect's names.
pub(super) fn drop_credentials(headers: &mut HeaderMap, own: &[HeaderName]) {
    let gone: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| is_credential(name, value) || own.contains(name))
        .map(|(name, _)| name.clone())
        .collect();
    for name in gone.into_iter().chain([HOST, REFERER]) {
        headers.remove(name);
    }
}

/// By name, or because whoever set it marked it as sensitive.
fn is_credential(name: &HeaderName, value: &HeaderValue) -> bool {
    const TELLING: [&str; 11] = [
        "auth",
        "token",
        "api-key",
        "apikey",
        "secret",
        "session",
        "credential",
        "password",
        "csrf",
        "xsrf",
        "signature",
    ];
    let text = name.as_str();
    value.is_sensitive()
        || [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
        || text.ends_with("-key") && text != "idempotency-key"
        || TELLING.iter().any(|part| text.contains(part))
}

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
            let hop = next(&from, &url("https://a.test/x"), status, &to("/y")).unwrap();
            assert_eq!((hop.method.as_str(), hop.keeps_body), (wanted, body), "{status} {from}");
        }
    }

    #[test]
    fn what_nobody_can_follow_is_no_redirect() {
        let base = url("https://a.test/x");
        for location in ["ftp://a.test/", "javascript:alert(1)", "https://", "http://[::1", "data:,x"] {
            assert_eq!(next(&Method::GET, &base, StatusCode::FOUND, &to(location)), None, "{location}");
        }
        assert_eq!(next(&Method::GET, &base, StatusCode::FOUND, &HeaderMap::new()), None);
        for status in [200, 300, 304, 305, 306, 400] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(next(&Method::GET, &base, status, &to("/y")), None);
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        let leaves = |from: &str, location: &str| {
            let hop = next(&Method::GET, &url(from), StatusCode::FOUND, &to(location)).unwrap();
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
        let hop = next(&Method::GET, &url("https://a.test/"), StatusCode::FOUND, &to("https://u:p@a.test/z"));
        assert_eq!(hop.unwrap().url.as_str(), "https://a.test/z");
    }

    #[test]
    fn credential_headers_are_recognized_by_name_mark_and_dialect() {
        let mut headers = HeaderMap::new();
        let mut marked = HeaderValue::from_static("x");
        marked.set_sensitive(true);
        headers.insert("x-marked", marked);
        let credentials = [
            "authorization",
            "cookie",
            "proxy-authorization",
            "x-api-key",
            "x-auth-token",
            "x-school",
            "x-amz-security-token",
            "ocp-apim-subscription-key",
            "dpop-session",
            "private-token",
        ];
        for name in credentials {
            headers.insert(name, HeaderValue::from_static("sentinel"));
        }
        for name in ["accept", "user-agent", "idempotency-key", "x-request-id", "content-type"] {
            headers.insert(name, HeaderValue::from_static("fine"));
        }
        drop_credentials(&mut headers, &[HeaderName::from_static("x-school")]);
        assert_eq!(headers.len(), 5, "{headers:?}");
        assert!(headers.values().all(|value| value == "fine"));
    }
}
