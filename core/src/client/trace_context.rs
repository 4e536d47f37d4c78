//! The `traceparent` header (W3C Trace Context, level 1) that a client generates (spec 11.9).

use http::header::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Starts a trace, unless the caller has set one. Without randomness there is none, because two traces could have the
/// same id.
pub(super) fn add(headers: &mut HeaderMap) {
    if headers.contains_key(TRACEPARENT) {
        return;
    }
    let number = || crate::platform::random::number().ok().filter(|number| *number != 0);
    if let (Some(high), Some(low), Some(span)) = (number(), number(), number())
        && let Ok(value) = HeaderValue::from_str(&format!("00-{high:016x}{low:016x}-{span:016x}-01"))
    {
        headers.insert(TRACEPARENT, value);
    }
}
