//! How much of a response's body must be read to judge it (spec 2.6).

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};

/// How much of a body is read for judging; a longer body is judged by its beginning.
const JUDGED: usize = 8 * 1024 * 1024;

/// How much of a response's body, decoded, must be read before [`Call::answered`](super::Call::answered).
///
/// ```
/// use rekindle::call::Reads;
///
/// assert!(Reads::goes_on(b"  {\"errors\""));
/// assert!(!Reads::goes_on(b"<html>"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// The whole body, up to this many bytes.
    UpTo(usize),
    /// The first bytes; up to this many bytes if [`Reads::goes_on`] returns true for them.
    IfJson(usize),
}

impl Reads {
    /// How much of a response to a request with our token must be read. `success_may_hold_errors`: the dialect has
    /// rules for errors with status 200.
    pub(crate) fn of(success_may_hold_errors: bool, status: StatusCode, headers: &HeaderMap) -> Self {
        if status.as_u16() >= 400 {
            Self::UpTo(JUDGED)
        } else if !success_may_hold_errors {
            Self::Nothing
        } else if is_json(headers) {
            Self::UpTo(JUDGED)
        } else if is_vague(headers) {
            Self::IfJson(JUDGED)
        } else {
            Self::Nothing
        }
    }

    /// Whether the first bytes of a body without a conclusive media type look like JSON.
    #[must_use]
    pub fn goes_on(first: &[u8]) -> bool {
        matches!(first.trim_ascii_start().first(), Some(b'{' | b'['))
    }
}

/// Decides by media type.
fn is_json(headers: &HeaderMap) -> bool {
    let essence = media_type(headers);
    essence.eq_ignore_ascii_case(b"application/json")
        || essence.eq_ignore_ascii_case(b"text/json")
        || essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json")
}

/// A default type of servers, which says nothing about the body. Event streams and similar types never end.
fn is_vague(headers: &HeaderMap) -> bool {
    const VAGUE: [&[u8]; 4] = [b"", b"text/plain", b"text/html", b"application/octet-stream"];
    VAGUE.iter().any(|vague| media_type(headers).eq_ignore_ascii_case(vague))
}

fn media_type(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), |value| value.as_bytes());
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    // spec 2.6
    #[test]
    fn a_success_is_read_where_its_dialect_hides_errors_in_it_and_it_may_be_json() {
        let table = [
            ("application/json; charset=utf-8", Reads::UpTo(JUDGED)),
            ("application/graphql-response+json", Reads::UpTo(JUDGED)),
            ("text/html", Reads::IfJson(JUDGED)),
            ("", Reads::IfJson(JUDGED)),
            ("text/event-stream", Reads::Nothing),
            ("image/png", Reads::Nothing),
        ];
        for (kind, reads) in table {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(Reads::of(true, StatusCode::OK, &headers), reads, "{kind}");
            assert_eq!(Reads::of(false, StatusCode::OK, &headers), Reads::Nothing, "{kind}");
            assert_eq!(Reads::of(false, StatusCode::FORBIDDEN, &headers), Reads::UpTo(JUDGED), "{kind}");
        }
    }
}
