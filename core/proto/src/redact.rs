//! Redacts servers' text, which may contain live tokens (spec 2.7, 9.3).

mod spelling;

use std::borrow::Cow;

use crate::credential::Secret;

/// The replacement of a secret.
pub const MASK: &str = "***";

/// Longer texts are truncated: an error message is no place for a page of HTML.
const LENGTH_LIMIT: usize = 500;
/// Text beyond this is not searched, because it would be cut from the result.
const WINDOW: usize = 4096;
/// The same limit for text that is not truncated, such as a scope: searching more would take seconds.
const LONG_WINDOW: usize = 16 * 1024;
/// Longer than any word, and than most names in code.
const LONGEST_WORD: usize = 39;
/// Words of this length or more may be tokens.
const TOKEN_MINIMUM: usize = 16;

/// Removes secrets from a server's text: known ones in every encoding that servers use (spelling.rs), values of
/// token-like fields in JSON and forms, what follows an authentication scheme, and anything that looks like a JWT. A
/// suspected secret is masked only if it does not look like words, because those tell the user what to do about an
/// error. Control characters become spaces, and a long text is truncated.
///
/// ```
/// use rekindle_proto::{Secret, redact};
/// let secret = Secret::new("s3cr3t-token");
/// let seen = redact::text(r#"{"refresh_token":"abc","why":"s3cr3t-token is old"}"#, &[&secret]);
/// assert_eq!(seen, r#"{"refresh_token":"***","why":"*** is old"}"#);
/// ```
#[must_use]
pub fn text(text: &str, known: &[&Secret]) -> String {
    let plain = known.iter().fold(window(text, WINDOW), hide);
    let plain = mask_words(&mask_fields(&plain));
    shorten(&plain)
}

/// Whether a word is likely to be a token: long, and no words.
///
/// ```
/// use rekindle_proto::redact::is_opaque;
/// assert!(is_opaque("8xLOxBtZp8Qm2Vw0aKd3"));
/// assert!(!is_opaque("validation-failed") && !is_opaque("GRAPHQL_VALIDATION_FAILED"));
/// ```
#[must_use]
pub fn is_opaque(word: &str) -> bool {
    let of_token = |letter: char| letter.is_ascii_alphanumeric() || "-._~+/=".contains(letter);
    word.split(|letter| !of_token(letter)).any(|part| part.len() >= TOKEN_MINIMUM && !is_wordlike(part))
}

/// Removes only known secrets from a text; nothing is guessed, and texts below 16 KiB are not truncated. Control
/// characters become spaces.
///
/// ```
/// use rekindle_proto::{Secret, redact};
/// let secret = Secret::new("s3cr3t-token");
/// assert_eq!(redact::known("read s3cr3t-token", &[&secret]), "read ***");
/// ```
#[must_use]
pub fn known(text: &str, known: &[&Secret]) -> String {
    let plain = known.iter().fold(window(text, LONG_WINDOW), hide);
    plain.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The same for a body of any bytes.
///
/// ```
/// let seen = rekindle_proto::redact::body(b"access_token=abc&error=no", &[]);
/// assert_eq!(seen, "access_token=***&error=no");
/// ```
#[must_use]
pub fn body(bytes: &[u8], known: &[&Secret]) -> String {
    text(&String::from_utf8_lossy(bytes), known)
}

/// Whether a field of this name is likely to hold a secret.
///
/// ```
/// assert!(rekindle_proto::redact::is_secret_name("refreshToken"));
/// assert!(!rekindle_proto::redact::is_secret_name("token_type"));
/// ```
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let harmless = ["tokentype", "tokenclass", "tokenuri", "tokenurl", "tokenendpoint"];
    let telling = ["token", "secret", "password", "passwd", "assertion", "apikey", "credential", "sessionid"];
    let exact = ["jwt", "authorization", "cookie", "setcookie", "access", "refresh", "sid", "otp"];
    if harmless.contains(&name.as_str()) || name.ends_with("expiresin") || name.ends_with("expiresat") {
        return false;
    }
    telling.iter().any(|part| name.contains(part)) || exact.contains(&name.as_str())
}

fn hide<'a>(text: Cow<'a, str>, secret: &&Secret) -> Cow<'a, str> {
    match spelling::without(&text, secret.expose()) {
        Some(masked) => Cow::Owned(masked),
        None => text,
    }
}

/// Masks the value in `"name": "value"`, `name=value` and `name: value` if the name indicates a secret.
fn mask_fields(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter| !is_name(letter)).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        seen.push_str(before);
        seen.push_str(name);
        rest = after;
        if is_secret_name(name) {
            rest = mask_value(after, &mut seen);
        }
    }
    seen.push_str(rest);
    seen
}

/// Copies the separator of name and value, masks the value, and returns the rest.
fn mask_value<'a>(after: &'a str, seen: &mut String) -> &'a str {
    let Some(joint) = joint(after) else { return after };
    let (joint, value) = after.split_at(joint);
    let length = value_length(value, joint.ends_with('"'), joint.ends_with('\''));
    let value_itself = &value[..length];
    // The value of a field in JSON or a form is masked by its name; "Invalid Refresh Token: Already Used" is a
    // sentence.
    let is_field = joint.starts_with(['"', '\\']) || joint == "=";
    let is_prose = if is_field {
        value_itself.contains(' ') && has_words(value_itself)
    } else {
        has_words(value_itself)
    };
    if length == 0 || is_plain(value_itself) || is_prose {
        return after;
    }
    seen.push_str(joint);
    seen.push_str(MASK);
    &value[length..]
}

/// The length of `" : "`, `=`, `\":\"` and the like; `None` if no value follows.
fn joint(after: &str) -> Option<usize> {
    let trimmed = after.trim_start_matches(['\\', '"', '\'', ' ', '\t']);
    let rest = trimmed.strip_prefix([':', '='])?;
    let value = rest.trim_start_matches([' ', '\t', '\n', '\r', '\\', '"', '\'']);
    // An empty string is not a separator: its closing quote must not be taken for an opening one.
    (!rest.trim_start().starts_with("\"\"")).then_some(after.len() - value.len())
}

fn value_length(value: &str, double: bool, single: bool) -> usize {
    let end = |letter: char| match (double, single) {
        (true, _) => letter == '"',
        (_, true) => letter == '\'',
        _ => letter.is_whitespace() || "&,;\"'{}[]<>)".contains(letter),
    };
    let mut escaped = false;
    for (at, letter) in value.char_indices() {
        if !escaped && end(letter) {
            return at;
        }
        escaped = !escaped && letter == '\\' && double;
    }
    value.len()
}

/// `null`, `true` and already masked values reveal nothing.
fn is_plain(value: &str) -> bool {
    matches!(value, "null" | "true" | "false" | MASK)
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

/// Masks what looks like a JWT, and what follows `Bearer` and its like.
fn mask_words(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let (mut rest, mut after_scheme) = (text, false);
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter| !is_word(letter)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        seen.push_str(before);
        let follows = after_scheme && before.trim() == "" && !before.is_empty();
        seen.push_str(&shown(word, follows));
        after_scheme = is_scheme(word);
        rest = after;
    }
    seen.push_str(rest);
    seen
}

fn shown(word: &str, after_scheme: bool) -> Cow<'_, str> {
    // "Bearer token" and "Bearer authentication-required" are prose, "Bearer 8xLOxBtZp8" is not.
    let tokenish = !is_wordlike(word) || (word.bytes().any(|byte| byte.is_ascii_digit()) && word.len() >= 8);
    if has_jwt(word) || (after_scheme && tokenish) { Cow::Borrowed(MASK) } else { Cow::Borrowed(word) }
}

/// Words separated by spaces, none of which could be a token.
fn has_words(text: &str) -> bool {
    text.split_whitespace().all(is_wordlike)
}

/// Words, names and numbers seldom alternate between lower case, upper case and digits; random text does so at half
/// of its places.
fn is_wordlike(text: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let (mut changes, mut letters, mut last, mut run) = (0_usize, 0_usize, 0, 0_usize);
    for byte in text.bytes() {
        let kind = kind(byte);
        letters += usize::from(kind != 0);
        run = if kind == 0 { 0 } else { run + 1 };
        // A capital before lower-case letters starts a word, and so does the first letter.
        let begins_word = last == 2 && kind == 1;
        changes += usize::from(kind != 0 && last != 0 && kind != last && !begins_word);
        if run > LONGEST_WORD {
            return false;
        }
        last = kind;
    }
    changes * 5 <= letters
}

fn is_scheme(word: &str) -> bool {
    ["bearer", "dpop", "basic", "token", "zoho-oauthtoken"].iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// Whether a word contains a JWT: two long base64url parts with a dot between them, the first of which starts a JSON
/// object.
///
/// ```
/// assert!(rekindle_proto::redact::has_jwt("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"));
/// ```
#[must_use]
pub fn has_jwt(word: &str) -> bool {
    let Some(start) = word.find("eyJ") else { return false };
    let mut parts = word[start..].split('.');
    let long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 8);
    long(parts.next()) && long(parts.next())
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.~+/=*".contains(letter)
}

/// The beginning of a text, up to the end of a word: half a secret would not be recognized.
fn window(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let whole = text[..end].trim_end_matches(|letter: char| !letter.is_whitespace());
    let from = if whole.is_empty() { "" } else { whole };
    Cow::Owned(format!("{from}…"))
}

fn shorten(text: &str) -> String {
    let clean = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut short: String = clean.take(LENGTH_LIMIT).collect();
    if text.chars().nth(LENGTH_LIMIT).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";

    #[test]
    fn a_jwt_is_masked_wherever_it_stands() {
        let seen = text(&format!("Access token expired: {JWT}. Visit https://example.com"), &[]);
        assert_eq!(seen, "Access token expired: *** Visit https://example.com");
    }

    #[test]
    fn token_fields_are_masked_in_json_and_in_forms() {
        let json = text(r#"{"accessToken" : "a\"b", "expires_in":3600,"client_secret":"x1","ok":true}"#, &[]);
        assert_eq!(json, r#"{"accessToken" : "***", "expires_in":3600,"client_secret":"***","ok":true}"#);
        let form = text("refresh_token=ab%2Bc&token_type=bearer&error=x", &[]);
        assert_eq!(form, "refresh_token=***&token_type=bearer&error=x");
    }

    #[test]
    fn json_within_json_is_masked() {
        let seen = text(r#"{"message":"body was {\"refresh_token\":\"hunter2\"}"}"#, &[]);
        assert!(!seen.contains("hunter2"), "{seen}");
    }

    #[test]
    fn a_known_secret_is_masked_in_every_spelling() {
        let secret = Secret::new("a/b+c d\"e");
        for spelled in ["a/b+c d\"e", "a\\/b+c d\"e", "a/b+c d\\\"e", "a%2Fb%2Bc+d%22e"] {
            assert_eq!(text(&format!("<{spelled}>"), &[&secret]), "<***>");
        }
    }

    #[test]
    fn an_authorization_header_is_masked() {
        assert_eq!(text("sent Bearer 8xLOxBtZp8 to us", &[]), "sent Bearer *** to us");
        assert_eq!(text("the Bearer token is old", &[]), "the Bearer token is old");
    }

    #[test]
    fn ordinary_messages_stay_readable() {
        for message in [
            "Unknown or invalid refresh token.",
            "Session not active",
            "error=\"invalid_token\"",
            "Invalid Refresh Token: Already Used",
            "Invalid Refresh Token: Refresh Token Not Found",
            "Authorization: Bearer authentication-required-for-everybody",
            "token: 'has expired'",
            "{\"refresh_token\":[\"The refresh token is invalid.\"]}",
            "{\"token\":\"it has expired\"}",
            "validation-failed: GRAPHQL_VALIDATION_FAILED in createStudentV2Response",
        ] {
            assert_eq!(text(message, &[]), message);
        }
        assert_eq!(text(r#"{"token":"","next":"kept"}"#, &[]), r#"{"token":"","next":"kept"}"#);
    }

    #[test]
    fn a_token_after_a_colon_is_masked() {
        assert_eq!(text("Invalid token: 8xLOxBtZp8 used", &[]), "Invalid token: *** used");
        assert_eq!(text("Bearer 8xLOxBtZp8Qm2Vw0aKd3.aK", &[]), "Bearer ***");
    }

    #[test]
    fn a_token_is_told_from_words() {
        for word in [
            "8xLOxBtZp8Qm2Vw0aKd3",
            "d41d8cd98f00b204e9800998ecf8427e",
            "ghu_16C7e42F292c6912E7710c838347Ae178B4a",
        ] {
            assert!(is_opaque(word), "{word}");
        }
        for word in [
            "validation-failed",
            "persisted-query-not-found",
            "createStudentV2Response",
            "INTERNAL_SERVER_ERROR",
        ] {
            assert!(!is_opaque(word), "{word}");
        }
    }

    // spec 2.7
    #[test]
    fn a_long_text_costs_no_seconds_and_keeps_no_secret() {
        let secret = Secret::new("Zk3pQ9xTw7Ym2Lr8Hs5".repeat(50));
        let seen = known(&format!("a {} {}", secret.expose(), "scope ".repeat(200_000)), &[&secret]);
        assert!(seen.starts_with("a *** scope") && seen.len() <= LONG_WINDOW + 3, "{}", seen.len());
    }

    #[test]
    fn a_page_is_cut_and_control_characters_go() {
        let seen = text(&"<p>\u{1b}[31m".repeat(500), &[]);
        assert!(seen.chars().count() <= LENGTH_LIMIT + 1 && !seen.contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn no_text_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = body(&bytes, &[&Secret::new("abcd")]);
        }

        #[test]
        fn a_known_secret_never_survives(before in "[ -~]{0,30}", secret in "[A-Za-z0-9]{8,30}", after in "[ -~]{0,30}") {
            let known = Secret::new(secret.clone());
            let seen = text(&format!("{before}{secret}{after}"), &[&known]);
            prop_assert!(!seen.contains(&secret));
        }

        #[test]
        fn a_token_field_never_survives(secret in "[A-Za-z0-9._~+/-]{9,60}") {
            let json = format!("{{\"refresh_token\":\"{secret}\"}}");
            prop_assert!(!text(&json, &[]).contains(&secret));
        }
    }
}
