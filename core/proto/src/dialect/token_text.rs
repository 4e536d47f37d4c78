//! Which texts are valid tokens, in a header, in a cookie, in a form.

use http::HeaderMap;
use http::header::SET_COOKIE;

/// RFC 6750 section 2.1, `b64token`; `extra` are further characters of the dialect's tokens.
pub(super) fn is_access_token(text: &str, extra: &str) -> bool {
    let letters = text.trim_end_matches('=');
    let fits =
        |letter: char| letter.is_ascii_alphanumeric() || "-._~+/".contains(letter) || extra.contains(letter);
    !letters.is_empty() && letters.chars().all(fits)
}

/// RFC 6749 appendix A.17 allows printable characters. Text outside ASCII can be sent back unchanged, except
/// unreadable characters (U+FFFD).
pub(super) fn is_refresh_token(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|letter: char| letter.is_control() || letter == char::REPLACEMENT_CHARACTER)
}

/// RFC 6265 section 4.1.1, `cookie-octet`.
pub(super) fn is_cookie_value(text: &str) -> bool {
    let octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
    !text.is_empty() && text.bytes().all(octet)
}

/// The name of a cookie, or of another token of RFC 9110.
pub(super) fn is_cookie_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(letter)
}

/// The value of a cookie that a response sets; the last one counts, as in a browser. `None` if it deletes the cookie.
pub(super) fn set_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut cookies = headers.get_all(SET_COOKIE).iter().filter_map(|line| {
        let line = line.to_str().ok()?;
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (given, value) = pair.split_once('=')?;
        (given.trim() == name).then(|| (value.trim().trim_matches('"'), attributes))
    });
    let (value, attributes) = cookies.next_back()?;
    (!value.is_empty() && !deletes(attributes)).then_some(value)
}

/// Whether a cookie with these attributes ends at once: servers write `deleted` and the like as its value.
fn deletes(attributes: &str) -> bool {
    let mut pairs = attributes.split(';').filter_map(|attribute| attribute.split_once('='));
    pairs.any(|(name, value)| match name.trim().to_ascii_lowercase().as_str() {
        "max-age" => value.trim().parse().is_ok_and(|seconds: i64| seconds <= 0),
        // RFC 6265 section 5.1.1 allows hyphens in the date.
        "expires" => value.replace('-', " ").contains(" 1970 "),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn an_access_token_is_what_rfc_6750_says() {
        for token in ["AT2", "a.b-c_d~e+f/g", "abc==", "0"] {
            assert!(is_access_token(token, ""), "{token}");
        }
        for text in
            ["", "=", "==", "AT 2", "\"AT2\"", "Bearer AT2", "a=b", "AT\n", "\u{e9}", "a|b", "error: no"]
        {
            assert!(!is_access_token(text, ""), "{text}");
        }
        assert!(is_access_token("00D!AQ", "!"));
    }

    #[test]
    fn the_last_cookie_of_a_name_counts() {
        let mut headers = HeaderMap::new();
        for line in ["rt=one; Path=/", "other=x", "rt=\"two\"; HttpOnly"] {
            headers.append(SET_COOKIE, HeaderValue::from_static(line));
        }
        assert_eq!(set_cookie(&headers, "rt"), Some("two"));
        headers.append(SET_COOKIE, HeaderValue::from_static("rt=; Max-Age=0"));
        assert_eq!(set_cookie(&headers, "rt"), None);
    }

    #[test]
    fn a_cookie_that_is_deleted_has_no_value() {
        let value = |line: &'static str| {
            let headers = HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static(line))]);
            set_cookie(&headers, "rt").map(str::to_owned)
        };
        assert_eq!(value("rt=deleted; Path=/; max-age=0"), None);
        assert_eq!(value("rt=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"), None);
        assert_eq!(value("rt=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), None);
        assert_eq!(value("rt=x; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=60").as_deref(), Some("x"));
    }
}
