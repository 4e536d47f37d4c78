//! Reads bodies only as far as a rule requires (spec 2.6: the cost for an accepted response is negligible).

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::json::{self, Found};
use super::path::Path;

/// Looks for the values at these paths; does not read the body if there are no paths.
pub(super) fn glance(body: &[u8], wanted: &[&Path]) -> Found {
    let body = trim(body);
    match looks_like_json(body) && !wanted.is_empty() {
        true => json::read(body, wanted.iter().copied()),
        false => Found::default(),
    }
}

/// Reads the outline of a body: its `data` and `errors` keys.
pub(super) fn outline(body: &[u8]) -> Found {
    json::read(trim(body), [])
}

/// Parses a token endpoint's response: JSON regardless of its media type, otherwise a form. Also returns whether it
/// was complete.
pub(super) fn fields<'p>(
    headers: &HeaderMap,
    body: &[u8],
    wanted: impl IntoIterator<Item = &'p Path>,
) -> (Option<Value>, bool) {
    let body = trim(body);
    if looks_like_json(body) {
        let found = json::read(body, wanted);
        return (found.value, found.is_closed);
    }
    let says_form = media_type(headers).is_some_and(|kind| kind.contains("form-urlencoded"));
    let is_form = is_form(body) || (says_form && body.contains(&b'='));
    (is_form.then(|| form(body)), true)
}

/// A JSON body, or the readable part of a truncated one.
pub(super) fn whole(body: &[u8]) -> Option<Value> {
    let body = trim(body);
    looks_like_json(body).then(|| json::read_all(body))?
}

/// Whether the body contains only white space.
pub(super) fn is_empty(body: &[u8]) -> bool {
    trim(body).is_empty()
}

/// Whether a browser would display the body as a page.
///
/// ```
/// let page = b"<!DOCTYPE html><title>Sign in</title>";
/// assert!(rekindle_proto::dialect::is_html(&http::HeaderMap::new(), page));
/// assert!(!rekindle_proto::dialect::is_html(&http::HeaderMap::new(), b"{}"));
/// ```
#[must_use]
pub fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let body = trim(body);
    let begins = |with: &[u8]| body.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let says_html = || media_type(headers).is_some_and(|kind| kind.starts_with("text/html"));
    begins(b"<!doctype html") || begins(b"<html") || (begins(b"<") && says_html())
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase())
}

fn form(body: &[u8]) -> Value {
    let pairs = url::form_urlencoded::parse(body);
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect())
}

/// Characters that may occur in a form but rarely alone in HTML or prose; some servers escape no others.
fn is_form(body: &[u8]) -> bool {
    let letter = |byte: &u8| {
        byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"-._~*+%&=:/@!$'(),;[]".contains(byte)
    };
    body.contains(&b'=') && body.iter().all(letter)
}

/// A body without its byte order mark and surrounding white space.
fn trim(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    fn look(body: &str, paths: &[&str]) -> Found {
        let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
        glance(body.as_bytes(), &paths.iter().collect::<Vec<_>>())
    }

    fn read(headers: &HeaderMap, body: &[u8], paths: &[&str]) -> Option<Value> {
        let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
        let (fields, is_whole) = fields(headers, body, &paths);
        fields.filter(|_| is_whole)
    }

    #[test]
    fn only_the_wanted_values_are_kept() {
        let seen =
            look(r#"{"data":{"a":[1,2]},"errors":[{"code":1,"x":2}],"extensions":{}}"#, &["errors[*].code"]);
        assert_eq!(seen.value, Some(json!({"errors": [{"code": 1}]})));
        assert!(seen.has_data && seen.has_errors && seen.is_complete);
    }

    #[test]
    fn a_body_that_breaks_off_keeps_what_came_whole() {
        let seen = look(r#"{"errors":[{"code":1}],"data":{"a":["#, &["errors[*].code"]);
        assert_eq!(seen.value, Some(json!({"errors": [{"code": 1}]})));
        assert!(seen.has_data && !seen.is_complete);
        let batch = look(r#"[{"data":1},{"errors":[7],"x"#, &["errors"]);
        assert_eq!(batch.value, Some(json!([{}, {"errors": [7]}])));
        assert!(batch.has_data && batch.has_errors);
    }

    #[test]
    fn a_page_is_known_by_how_it_begins_or_by_what_it_is_called() {
        let (none, mut html) = (HeaderMap::new(), HeaderMap::new());
        html.insert(CONTENT_TYPE, HeaderValue::from_static("Text/HTML; charset=utf-8"));
        for page in ["<!doctype HTML>", " \n<html lang=en>", "<HTML>"] {
            assert!(is_html(&none, page.as_bytes()), "{page}");
        }
        assert!(is_html(&html, b"<p>Bad gateway</p>") && !is_html(&none, b"<p>Bad gateway</p>"));
        assert!(!is_html(&html, b"{}") && !is_html(&html, b"") && !is_html(&none, b"<ht"));
    }

    #[test]
    fn lists_at_the_top_and_wildcards_work() {
        assert_eq!(
            look(r#"[{"errorCode":"A","x":1}]"#, &["[0].errorCode"]).value,
            Some(json!([{"errorCode": "A"}]))
        );
        assert_eq!(look(r#"{"k":{"id":5}}"#, &["*.id"]).value, Some(json!({"k": {"id": 5}})));
        let filtered = look(r#"{"t":[{"v":1,"k":"a","x":2},{"k":"b"}]}"#, &["t[?k=a].v"]);
        assert_eq!(filtered.value, Some(json!({"t": [{"v": 1, "k": "a"}, {"k": "b"}]})));
        assert_eq!(look(r#"[[{"id":5}]]"#, &["[0][0].id"]).value, Some(json!([[{"id": 5}]])));
    }

    #[test]
    fn token_answers_are_json_or_forms_whatever_the_media_type_says() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(read(&headers, b"\xef\xbb\xbf {\"a\":1}\r\n", &["a"]), Some(json!({"a": 1})));
        assert_eq!(read(&headers, b"a=1&b=x+y%21", &["a"]), Some(json!({"a": "1", "b": "x y!"})));
        assert_eq!(
            read(&headers, b"a=1&b=J\xfcrgen%FF", &[]),
            Some(json!({"a": "1", "b": "J\u{fffd}rgen\u{fffd}"}))
        );
        for broken in [&b"{\"a\":"[..], b"<a href=\"x\">", b"", b"oops", b"a = b"] {
            assert_eq!(read(&headers, broken, &["a"]), None);
        }
    }
}
