//! Reads dialects: errors name the file, the line, the field and the fix.

use std::borrow::Cow;

use http::HeaderValue;

#[cfg(feature = "toml")]
use super::document::Document;
use super::extends;
use super::file::{
    ClientAuth, Encoding, GrantSection, PasswordSection, RefreshCredential, ResponseTokens, Spec, TokenMethod,
};
use super::mistake::{self, Mistake};
use super::token_text::is_cookie_name;
use crate::error::{ErrorKind, Failure};

const BASIC: &str = "`client_auth = \"client_secret_basic\"` uses the header Authorization as well";

impl Spec {
    #[cfg(feature = "toml")]
    /// Reads a dialect file; `file` names it in errors.
    pub(super) fn from_toml(text: &str, file: &str) -> Result<Self, Failure> {
        let mut document = Document::parse(text).map_err(|mistake| misread(file, &mistake))?;
        document.extend(&super::preset::data).map_err(|mistake| misread(file, &mistake))?;
        if let Some((field, what)) = token_in_the_url(document.value()) {
            return Err(misread(file, &Mistake { line: document.line(&field), field, what }));
        }
        let spec: Self = document.read().map_err(|mistake| misread(file, &mistake))?;
        let stem = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".toml");
        let spec = spec.named(stem);
        spec.check().map_err(|(field, what)| {
            misread(file, &Mistake { line: document.line(field), field: field.into(), what })
        })?;
        Ok(spec)
    }

    /// Reads the same structure from JSON data.
    pub(super) fn from_json(
        value: &serde_json::Value,
        preset: &dyn Fn(&str) -> Result<serde_json::Value, Failure>,
    ) -> Result<Self, Failure> {
        let misread = |mistake: Mistake| misread("the dialect", &mistake);
        let mut value = Cow::Borrowed(value);
        if value.get("extends").is_some() {
            extends::extend(value.to_mut(), preset).map_err(misread)?;
        }
        if let Some((field, what)) = token_in_the_url(&value) {
            return Err(invalid("the dialect", &field, &what));
        }
        let spec: Self = mistake::read(&value).map_err(misread)?;
        let spec = spec.named("custom");
        spec.check().map_err(|(field, what)| invalid("the dialect", field, &what))?;
        Ok(spec)
    }

    fn named(mut self, name: &str) -> Self {
        if self.name.is_empty() {
            self.name = name.to_owned();
        }
        self
    }

    /// Checks that involve several fields: returns the wrong field, and why it is wrong.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let wrong = |field, what: &str| Err((field, what.to_owned()));
        if HeaderValue::from_str(&self.token.scheme).is_err() {
            return wrong("token.scheme", "it is not allowed in a header");
        }
        if self.token.cookie.as_deref().is_some_and(|name| !is_cookie_name(name)) {
            return wrong("token.cookie", "it is not the name of a cookie");
        }
        if self.answer.cookies.values().any(|name| !is_cookie_name(name)) {
            return wrong("answer.cookies", "it is not the name of a cookie");
        }
        if self.token.extra_characters.contains(|letter: char| !letter.is_ascii_graphic()) {
            return wrong("token.extra_characters", "a token in a header cannot contain them");
        }
        self.check_response_tokens()?;
        self.check_token_place()?;
        self.check_query()?;
        self.check_documents()
    }

    /// An access token must be among them: what else comes belongs to it.
    fn check_response_tokens(&self) -> Result<(), (&'static str, String)> {
        let wrong = |field, what: &str| Err((field, what.to_owned()));
        let ResponseTokens { headers, cookies, expires_in, expires_at } = &self.response_tokens;
        if cookies.values().any(|name| !is_cookie_name(name)) {
            return wrong("response_tokens.cookies", "it is not the name of a cookie");
        }
        let says_something =
            !headers.is_empty() || !cookies.is_empty() || expires_in.is_some() || expires_at.is_some();
        if says_something && !self.reads_response_tokens() {
            let what = "it names no access token: set `headers.access_token` or `cookies.access_token`";
            return wrong("response_tokens", what);
        }
        Ok(())
    }

    /// Checks requests without a body, and secrets that must not be in a URL.
    fn check_query(&self) -> Result<(), (&'static str, String)> {
        let wrong = |field, what: &str| Err((field, what.to_owned()));
        let (endpoint, password) = (&self.token_endpoint, self.password.as_ref());
        if endpoint.method == TokenMethod::Get && endpoint.encoding != Encoding::Query {
            return wrong("token_endpoint.method", "a GET has no body: set `encoding = \"query\"`");
        }
        let encoding = |section: &PasswordSection| section.encoding.unwrap_or(endpoint.encoding);
        if password.is_some_and(|section| encoding(section) == Encoding::Query) {
            return wrong("password", "a password must not be sent in a URL: set its `encoding`");
        }
        Ok(())
    }

    /// The refresh token is sent in exactly one place.
    fn check_token_place(&self) -> Result<(), (&'static str, String)> {
        let wrong = |field, what: &str| Err((field, what.to_owned()));
        let section = &self.refresh_token;
        let GrantSection { token_header, token_scheme, token_cookie, credential, .. } = section;
        let is_sent = token_header.is_some() || token_cookie.is_some();
        if *credential == RefreshCredential::Cookie && is_sent {
            let what = "with `cookie` the host keeps the cookie and no token is sent: leave out `token_header` and `token_cookie`";
            return wrong("refresh_token.credential", what);
        }
        let is_basic = self.token_endpoint.client_auth == ClientAuth::ClientSecretBasic;
        match (token_header, token_cookie) {
            (Some(_), Some(_)) => {
                wrong("refresh_token.token_cookie", "the token is already sent in `token_header`")
            }
            (Some(name), None) if name.0 == "authorization" && is_basic => {
                wrong("refresh_token.token_header", BASIC)
            }
            (None, Some(name)) if !is_cookie_name(name) => {
                wrong("refresh_token.token_cookie", "it is not the name of a cookie")
            }
            _ if section.access_token_header.is_some() && section.access_token_header == *token_header => {
                wrong("refresh_token.access_token_header", "`token_header` uses it already")
            }
            _ if section.access_token_header.as_ref().is_some_and(|name| name.0 == "authorization")
                && is_basic =>
            {
                wrong("refresh_token.access_token_header", BASIC)
            }
            _ if section.access_token_scheme.is_some() && section.access_token_header.is_none() => {
                wrong("refresh_token.access_token_scheme", "it is only valid with `access_token_header`")
            }
            (None, _) if token_scheme.is_some() => {
                wrong("refresh_token.token_scheme", "it is only valid with `token_header`")
            }
            _ => self.check_no_token_place(),
        }
    }

    /// The client credentials grant has no refresh token and no second document.
    fn check_no_token_place(&self) -> Result<(), (&'static str, String)> {
        let has_one = |section: &GrantSection| {
            section.token_header.is_some()
                || section.token_scheme.is_some()
                || section.token_cookie.is_some()
                || section.credential != RefreshCredential::Token
                || section.access_token_header.is_some()
                || section.access_token_scheme.is_some()
                || section.fallback_document.is_some()
        };
        let sections = [
            ("client_credentials", &self.client_credentials),
            ("authorization_code", &self.authorization_code),
            ("device_code", &self.device_code),
            ("token_exchange", &self.token_exchange),
            ("jwt_bearer", &self.jwt_bearer),
        ];
        match sections.into_iter().find(|(_, section)| has_one(section)) {
            Some((name, _)) => {
                let what = "`token_header`, `token_scheme`, `token_cookie`, `credential`, `access_token_header`, `access_token_scheme` and `fallback_document` belong in [refresh_token]";
                Err((name, what.to_owned()))
            }
            None => Ok(()),
        }
    }

    fn check_documents(&self) -> Result<(), (&'static str, String)> {
        let only_with =
            "`document` goes with `encoding = \"graphql\"` in [token_endpoint]: set both or neither";
        let section = &self.refresh_token;
        let document = &section.document;
        if self.token_endpoint.encoding != Encoding::Graphql {
            if section.fallback_document.is_some() {
                return Err(("refresh_token.fallback_document", only_with.to_owned()));
            }
            let sections = [("refresh_token.document", document)];
            let others = [("client_credentials.document", &self.client_credentials.document)];
            let lost = sections.iter().chain(&others).find(|(_, document)| !document.is_empty());
            return lost.map_or(Ok(()), |(field, _)| Err((field, only_with.to_owned())));
        }
        let name = &self.token_endpoint.names.refresh_token;
        if document.is_empty() {
            return Err((
                "token_endpoint.encoding",
                "`graphql` needs a `document` in [refresh_token]".to_owned(),
            ));
        }
        let is_in_body = section.token_header.is_none()
            && section.token_cookie.is_none()
            && section.credential == RefreshCredential::Token;
        let lacks_token = |document: &String| is_in_body && !document.contains(&format!("${name}"));
        if lacks_token(document) || section.fallback_document.as_ref().is_some_and(lacks_token) {
            let what = format!(
                "it must take the refresh token as the variable `${name}`; it is never inserted into the text of the document"
            );
            return Err(("refresh_token.document", what));
        }
        Ok(())
    }
}

/// An access token in a URL is refused, by whatever name it is written.
fn token_in_the_url(dialect: &serde_json::Value) -> Option<(String, String)> {
    let token = dialect.get("token")?;
    let names = ["query", "query_parameter", "parameter"];
    let name = names.into_iter().find(|name| token.get(name).is_some())?;
    let what = "an access token is not sent in a URL, which servers, proxies and browsers log (RFC 9700 section 4.3.2); \
                set `header` (with `scheme`) or `cookie`: nearly all servers accept the token there as well. For one that \
                does not, put `session.token()` into the URL in your own code";
    Some((format!("token.{name}"), what.to_owned()))
}

fn misread(file: &str, mistake: &Mistake) -> Failure {
    let line = mistake.line.map_or_else(String::new, |line| format!(", line {line}"));
    invalid(&format!("{file}{line}"), &mistake.field, &mistake.what)
}

/// The file, the line, the field, and the fix.
fn invalid(place: &str, field: &str, what: &str) -> Failure {
    let field = if field.is_empty() { String::new() } else { format!(", field `{field}`") };
    let what = what.replace('\n', " ");
    let way_out = "correct it there, or use a preset (`rekindle presets` lists them)";
    let message = format!("{place}{field}: {}; {way_out}", what.trim());
    Failure { argument: Some("dialect".to_owned()), ..Failure::new(ErrorKind::InvalidConfig, message) }
}
