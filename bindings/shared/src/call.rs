//! Converts the input of adapters for other HTTP clients to core's types. An error names the argument.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle::Error;
use url::Url;

/// A request's method.
///
/// ```
/// assert_eq!(rekindle_bindings::call::method("GET").unwrap(), http::Method::GET);
/// assert_eq!(rekindle_bindings::call::method("GE T").unwrap_err().argument(), Some("method"));
/// ```
///
/// # Errors
///
/// InvalidConfig.
pub fn method(text: &str) -> Result<Method, Error> {
    Method::from_bytes(text.as_bytes()).map_err(|_| Error::config("method", "not an HTTP method"))
}

/// An absolute URL.
///
/// ```
/// assert_eq!(rekindle_bindings::call::url("proxy", "nonsense").unwrap_err().argument(), Some("proxy"));
/// ```
///
/// # Errors
///
/// InvalidConfig.
pub fn url(argument: &str, text: &str) -> Result<Url, Error> {
    let wrong = |cause| format!("not a URL ({cause}): write it with its scheme, https://...");
    Url::parse(text).map_err(|cause| Error::config(argument, wrong(cause)))
}

/// A URL that an HTTP client went to by itself. An invalid one becomes a URL with an opaque origin, which equals no
/// other.
///
/// ```
/// use rekindle_bindings::call::any_url;
///
/// assert_eq!(any_url("https://api.example.com/a").path(), "/a");
/// assert_ne!(any_url("nonsense").origin(), any_url("nonsense").origin());
/// ```
#[must_use]
#[allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a constant")]
pub fn any_url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|_| Url::parse("data:,").expect("a URL"))
}

/// A response's status.
///
/// ```
/// assert_eq!(rekindle_bindings::call::status(7).unwrap_err().argument(), Some("status"));
/// ```
///
/// # Errors
///
/// InvalidConfig.
pub fn status(code: u16) -> Result<StatusCode, Error> {
    StatusCode::from_u16(code).map_err(|_| Error::config("status", "not an HTTP status"))
}

/// Headers as pairs of text. A byte outside ASCII becomes one character (RFC 9110 section 5.5).
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::SERVER};
/// use rekindle_bindings::call::headers;
///
/// let map = HeaderMap::from_iter([(SERVER, HeaderValue::from_bytes(b"caf\xe9").unwrap())]);
/// assert_eq!(headers(&map), [("server".to_owned(), "café".to_owned())]);
/// ```
#[must_use]
pub fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter().map(|(name, value)| pair(name, value)).collect()
}

/// The headers that core adds to a request.
///
/// ```no_run
/// # async fn f(call: &mut rekindle::Call) -> Result<(), rekindle::Error> {
/// for (name, value) in rekindle_bindings::call::added(&call.headers().await?) {
///     println!("{name} is {} characters long", value.len());
/// }
/// # Ok(()) }
/// ```
#[must_use]
pub fn added(headers: &rekindle::call::Headers) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| pair(name, value)).collect()
}

/// A `HeaderMap` from pairs of name and value.
///
/// ```
/// use rekindle_bindings::call::header_map;
///
/// let header = |name: &str| (name.to_owned(), "1".to_owned());
/// assert_eq!(header_map([header("X-A")]).unwrap()["x-a"], "1");
/// assert_eq!(header_map([header("X A")]).unwrap_err(), "X A");
/// ```
///
/// # Errors
///
/// The name of a header that cannot be sent.
pub fn header_map(headers: impl IntoIterator<Item = (String, String)>) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let Some((parsed, value)) = parsed(&name, &value) else { return Err(name) };
        // `HeaderMap` panics when it is full.
        if map.try_append(parsed, value).is_err() {
            return Err(name);
        }
    }
    Ok(map)
}

/// Like [`header_map`], for the headers of another HTTP client: invalid ones are skipped.
///
/// ```
/// use rekindle_bindings::call::lenient_header_map;
///
/// let header = |name: &str| (name.to_owned(), "1".to_owned());
/// assert_eq!(lenient_header_map([header("X-A"), header("X A")]).len(), 1);
/// ```
#[must_use]
pub fn lenient_header_map(headers: impl IntoIterator<Item = (String, String)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers.into_iter().filter_map(|(name, value)| parsed(&name, &value)) {
        // A response with more headers is not understood anyway.
        let _ = map.try_append(name, value);
    }
    map
}

/// Whether a header of a request's own may be sent after a redirect leaves the origin, because it is known to carry
/// no credential.
///
/// ```
/// use rekindle_bindings::call::may_travel;
///
/// assert!(may_travel("Accept") && !may_travel("Cookie") && !may_travel("not a header"));
/// ```
#[must_use]
pub fn may_travel(name: &str) -> bool {
    let plain = HeaderValue::from_static("");
    HeaderName::try_from(name).is_ok_and(|name| rekindle::call::may_travel(&name, &plain))
}

fn pair(name: &HeaderName, value: &HeaderValue) -> (String, String) {
    (name.as_str().to_owned(), value.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

fn parsed(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(&bytes?).ok()?))
}
