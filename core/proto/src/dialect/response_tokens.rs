//! New tokens in the headers of an API's responses (spec 2.13).

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::expiry_fields::{self, End};
use super::file::{Header, Spec, TokenField};
use super::token_text;
use crate::credential::{Secret, TokenResponse};
use crate::time::Wall;

impl Spec {
    pub(super) fn reads_response_tokens(&self) -> bool {
        let section = &self.response_tokens;
        let field = &TokenField::AccessToken;
        section.headers.contains_key(field) || section.cookies.contains_key(field)
    }

    pub(super) fn response_tokens(&self, headers: &HeaderMap, received_at: Wall) -> Option<TokenResponse> {
        let text = self.response_token(TokenField::AccessToken, headers)?;
        if !token_text::is_access_token(text, &self.token.extra_characters) {
            return None;
        }
        let lifetime = match self.response_end(text, headers, received_at) {
            Some(End::In(lifetime)) => Some(lifetime),
            Some(End::Past) => return None,
            None => self.default_lifetime(),
        };
        let refresh_token = self.response_token(TokenField::RefreshToken, headers);
        let refresh_token = refresh_token.filter(|text| token_text::is_refresh_token(text)).map(Secret::from);
        Some(TokenResponse { lifetime, refresh_token, ..TokenResponse::new(text) })
    }

    /// The token's text without a scheme before it.
    fn response_token<'a>(&self, field: TokenField, headers: &'a HeaderMap) -> Option<&'a str> {
        let section = &self.response_tokens;
        let header = section.headers.get(&field).and_then(|name| only_value(headers, name));
        let cookie = || token_text::set_cookie(headers, section.cookies.get(&field)?);
        let text = header.or_else(cookie)?;
        let schemes = ["Bearer", self.token.scheme.as_str()];
        Some(schemes.into_iter().find_map(|scheme| after_scheme(text, scheme)).unwrap_or(text))
    }

    fn response_end(&self, token: &str, headers: &HeaderMap, received_at: Wall) -> Option<End> {
        let (section, answer) = (&self.response_tokens, &self.answer);
        let value = |name: &Option<Header>| only_value(headers, name.as_ref()?).map(Value::from);
        let epoch = |value: &Value| expiry_fields::epoch(value, headers, received_at);
        let told = value(&section.expires_in).as_ref().and_then(expiry_fields::seconds).map(End::In);
        let told = told.or_else(|| epoch(&value(&section.expires_at)?));
        told.or_else(|| epoch(&answer.jwt_exp.then(|| expiry_fields::jwt_end(token))??))
    }

    /// How long an access token lives where nothing is said of it.
    pub(super) fn default_lifetime(&self) -> Option<Duration> {
        let seconds = self.answer.default_lifetime_seconds.filter(|seconds| *seconds > 0)?;
        Some(Duration::from_secs(seconds.into()))
    }
}

/// The header's value, if it has one: of several that differ, nobody knows which holds.
fn only_value<'a>(headers: &'a HeaderMap, name: &Header) -> Option<&'a str> {
    let mut values = headers.get_all(name.name()?).iter();
    let value = values.next()?;
    let text = value.to_str().ok()?.trim_ascii();
    (values.all(|other| other == value) && !text.is_empty()).then_some(text)
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (before, token) = text.split_once(' ')?;
    before.eq_ignore_ascii_case(scheme).then(|| token.trim_start())
}

#[cfg(test)]
#[cfg(feature = "toml")]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::dialect::Dialect;

    const RECEIVED: Wall = Wall(1_795_219_200_000);

    fn dialect(text: &str) -> Dialect {
        Dialect::from_toml(text, "acme.toml").unwrap_or_else(|failure| panic!("{}", failure.message))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        HeaderMap::from_iter(pairs.iter().map(pair))
    }

    fn found(text: &str, pairs: &[(&'static str, &str)]) -> Option<TokenResponse> {
        dialect(text).response_tokens(&headers(pairs), RECEIVED)
    }

    const BOTH: &str =
        "[response_tokens]\nheaders = { access_token = \"X-Token\", refresh_token = \"X-Refresh-Token\" }";

    // spec 2.13
    #[test]
    fn tokens_are_read_from_the_named_headers() {
        let tokens = found(BOTH, &[("x-token", "Bearer AT-2"), ("x-refresh-token", "RT-2")]).unwrap();
        assert_eq!(
            tokens,
            TokenResponse { refresh_token: Some("RT-2".into()), ..TokenResponse::new("AT-2") }
        );
        assert_eq!(found(BOTH, &[("x-token", " AT-2 ")]).unwrap(), TokenResponse::new("AT-2"));
    }

    // spec 2.13
    #[test]
    fn malformed_ambiguous_and_missing_tokens_are_none() {
        for value in ["", " ", "no token", "AT-2 AT-3", "\"AT-2\"", "=", "deleted;"] {
            assert_eq!(found(BOTH, &[("x-token", value)]), None, "{value:?}");
        }
        assert_eq!(found(BOTH, &[("x-refresh-token", "RT-2")]), None);
        let mut twice = headers(&[("x-token", "AT-2")]);
        twice.append("x-token", HeaderValue::from_static("AT-2"));
        assert!(dialect(BOTH).response_tokens(&twice, RECEIVED).is_some());
        twice.append("x-token", HeaderValue::from_static("AT-3"));
        assert_eq!(dialect(BOTH).response_tokens(&twice, RECEIVED), None);
    }

    // spec 2.13
    #[test]
    fn a_cookie_that_is_deleted_renews_nothing() {
        let text = "[token]\ncookie = \"sid\"\n[response_tokens]\ncookies = { access_token = \"sid\" }";
        let set = |line: &str| found(text, &[("set-cookie", line)]);
        assert_eq!(set("sid=AT-2; HttpOnly; Secure"), Some(TokenResponse::new("AT-2")));
        assert_eq!(set("sid=deleted; Max-Age=0"), None);
        assert_eq!(set("other=AT-2"), None);
    }

    // spec 2.13, 1.3
    #[test]
    fn a_lifetime_is_read_from_a_header_or_else_as_the_token_endpoints() {
        let text = |more: &str| format!("[response_tokens]\nheaders.access_token = \"x-token\"\n{more}");
        let lifetime = |more: &str, pair: (&'static str, &str)| {
            found(&text(more), &[("x-token", "AT-2"), pair]).map(|tokens| tokens.lifetime)
        };
        let seconds = |seconds| Some(Some(Duration::from_secs(seconds)));
        assert_eq!(lifetime("expires_in = \"x-ttl\"", ("x-ttl", "900")), seconds(900));
        assert_eq!(lifetime("expires_in = \"x-ttl\"", ("x-ttl", "soon")), Some(None));
        assert_eq!(lifetime("expires_at = \"expiry\"", ("expiry", "1795219260")), seconds(60));
        let ended =
            [("x-token", "AT-2"), ("expiry", "1795219100"), ("date", "Sat, 21 Nov 2026 00:00:00 GMT")];
        assert_eq!(found(&text("expires_at = \"expiry\""), &ended), None);
        assert_eq!(lifetime("[answer]\ndefault_lifetime_seconds = 300", ("x", "y")), seconds(300));
        assert_eq!(lifetime("", ("x", "y")), Some(None));
    }

    // spec 2.13
    #[test]
    fn a_section_without_an_access_token_is_refused() {
        for text in [
            "headers = { refresh_token = \"x-refresh-token\" }",
            "expires_in = \"x-ttl\"",
            "cookies = { access_token = \"a b\" }",
        ] {
            let failure = Dialect::from_toml(&format!("[response_tokens]\n{text}"), "acme.toml").unwrap_err();
            assert!(failure.message.contains("response_tokens"), "{}", failure.message);
        }
    }
}
