//! Servers' messages, redacted for display (spec 2.7).

use http::HeaderMap;
use serde_json::Value;

use super::body;
use super::file::Spec;
use super::path::Path;
use crate::credential::Secret;
use crate::redact;

/// The fields in which servers put a message for people.
const MESSAGES: [&str; 7] =
    ["error_description", "error.message", "errors[*].message", "message", "msg", "detail", "error"];
/// The fields in which servers put a code.
const CODES: [&str; 5] = ["error", "error_code", "errors[*].extensions.code", "errors[*].errorType", "code"];

impl Spec {
    pub(super) fn redact(&self, body: &[u8], known: &[&Secret]) -> String {
        match body::whole(body).filter(|_| !self.redact.paths.0.is_empty()) {
            Some(fields) => redact::text(&self.blanked(fields).to_string(), known),
            None => redact::body(body, known),
        }
    }

    pub(super) fn server_message(&self, body: &[u8], known: &[&Secret]) -> Option<String> {
        let paths = paths(&MESSAGES);
        let asked = paths.iter().chain(&self.redact.paths.0);
        let fields = self.blanked(body::fields(&HeaderMap::new(), body, asked).0?);
        let text = paths.iter().find_map(|at| text(at, &fields).filter(|text| !text.is_empty()));
        text.map(|text| redact::text(text, known))
    }

    pub(super) fn error_code(&self, body: &[u8]) -> Option<String> {
        code(&body::fields(&HeaderMap::new(), body, &code_paths()).0?)
    }

    /// The body without the secrets that the dialect names.
    fn blanked(&self, mut fields: Value) -> Value {
        let mask = Value::from(redact::MASK);
        self.redact.paths.0.iter().for_each(|path| path.replace(&mut fields, &mask));
        fields
    }
}

/// The error code, if it is a word; anything else may be a secret.
pub(super) fn code(fields: &Value) -> Option<String> {
    let codes = code_paths();
    codes.iter().find_map(|at| text(at, fields).filter(|text| is_code(text)).map(str::to_owned))
}

/// Letters and connecting characters: no token looks like that.
pub(super) fn is_code(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || b"_.-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

/// The paths that [`code`] reads.
pub(super) fn code_paths() -> Vec<Path> {
    paths(&CODES)
}

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn text<'a>(at: &Path, fields: &'a Value) -> Option<&'a str> {
    at.first(fields)?.as_str()
}
