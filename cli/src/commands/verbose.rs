//! `request -v`: what is sent and what comes back, on standard error. Each hop and each replay, as it travels.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use rekindle::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use url::Url;
use zeroize::Zeroizing;

use crate::output;

/// A transport that tells what passes. Credentials are masked: in headers and queries by their names, and in what comes
/// back by their values, too.
pub(super) struct Verbose {
    inner: Arc<dyn Transport>,
    /// The dialect's own header of tokens.
    token_header: HeaderName,
}

/// What a name of a header or a parameter holds where the value is a secret.
const SECRET: [&str; 14] = [
    "auth",
    "token",
    "key",
    "secret",
    "cookie",
    "session",
    "dpop",
    "password",
    "passwd",
    "code",
    "credential",
    "signature",
    "jwt",
    "assertion",
];

impl Verbose {
    pub(super) fn over(inner: Arc<dyn Transport>, token_header: HeaderName) -> Self {
        Self { inner, token_header }
    }

    fn is_secret(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        value.is_sensitive() || *name == self.token_header || is_secret(name.as_str())
    }

    fn tell(&self, mark: char, headers: &HeaderMap, secrets: &[Zeroizing<String>]) {
        for (name, value) in headers {
            let text = String::from_utf8_lossy(value.as_bytes());
            let shown = match self.is_secret(name, value) {
                true => "***".to_owned(),
                false => masked(&text, secrets),
            };
            output::warn(&format!("{mark} {name}: {shown}"));
        }
        output::warn(&mark.to_string());
    }

    /// The values of credentials, and what stands after their scheme.
    fn secrets(&self, headers: &HeaderMap) -> Vec<Zeroizing<String>> {
        let secret = headers.iter().filter(|(name, value)| self.is_secret(name, value));
        let values = secret.filter_map(|(_, value)| value.to_str().ok());
        let parts = values.flat_map(|value| [value, value.rsplit(' ').next().unwrap_or(value)]);
        // A shorter one is in every other word.
        parts.filter(|part| part.len() >= 4).map(|part| Zeroizing::new(part.to_owned())).collect()
    }
}

#[async_trait]
impl Transport for Verbose {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let secrets = self.secrets(&request.headers);
        let url = shown_url(&request.url);
        output::warn(&format!("> {} {}", request.method, masked(&url, &secrets)));
        self.tell('>', &request.headers, &secrets);
        let response = self.inner.send(request).await;
        match &response {
            Ok(answer) => {
                output::warn(&format!("< {:?} {}", answer.version, answer.status));
                self.tell('<', &answer.headers, &secrets);
            }
            Err(error) => output::warn(&format!("* {}", masked(&error.message, &secrets))),
        }
        response
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|secret| name.contains(secret))
}

/// URLs in it are shown without their secrets, too.
fn masked(text: &str, secrets: &[Zeroizing<String>]) -> String {
    let text = match text.contains('?') || text.contains('#') || text.contains('@') {
        true => text.split(' ').map(shown_reference).collect::<Vec<_>>().join(" "),
        false => text.to_owned(),
    };
    secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "***"))
}

fn shown_url(url: &Url) -> String {
    shown_reference(url.as_str())
}

/// A URL, or the end of one: without user and password, and without the values of parameters that are secrets.
fn shown_reference(text: &str) -> String {
    let text = without_user(text);
    let mut shown = String::new();
    for part in text.split_inclusive(['?', '&', '#', ';', ',']) {
        let end = part.len() - usize::from(part.ends_with(['?', '&', '#', ';', ',']));
        match part[..end].split_once('=') {
            Some((name, _)) if is_secret(name) => shown.push_str(&format!("{name}=***{}", &part[end..])),
            _ => shown.push_str(part),
        }
    }
    shown
}

fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_masked() {
        for (text, shown) in [
            ("https://a.test/x?page=2", "https://a.test/x?page=2"),
            (
                "https://a.test/x?access_token=s&page=2#code=s",
                "https://a.test/x?access_token=***&page=2#code=***",
            ),
            ("https://me:pw@a.test/x", "https://***@a.test/x"),
            ("/cb?code=s", "/cb?code=***"),
            ("@://", "@://"),
            ("https://a.test/x@y", "https://a.test/x@y"),
        ] {
            assert_eq!(shown_reference(text), shown);
        }
    }

    #[test]
    fn a_credential_is_masked_wherever_it_comes_back() {
        let secrets = [Zeroizing::new("hidden".to_owned())];
        assert_eq!(masked("a hidden b ?x=hidden", &secrets), "a *** b ?x=***");
    }
}
