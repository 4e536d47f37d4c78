//! A server's own words, made fit to be shown (spec 2.7).

use http::HeaderMap;
use serde_json::Value;

use super::body;
use super::file::Spec;
use super::path::Path;
use crate::credential::Secret;
use crate::redact;

/// Where servers put a sentence for people.
const MESSAGES: [&str; 7] =
    ["error_description", "error.message", "errors[*].message", "message", "msg", "detail", "error"];
/// Where they put a code.
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

    /// The body without what the dialect knows to be secret.
    fn blanked(&self, mut fields: Value) -> Value {
        let mask = Value::from(redact::MASK);
        self.redact.paths.0.iter().for_each(|path| path.replace(&mut fields, &mask));
        fields
    }
}

/// The code of an error, if it is a word: anything else may be a secret.
pub(super) fn code(fields: &Value) -> Option<String> {
    let codes = code_paths();
    codes.iter().find_map(|at| text(at, fields).filter(|text| is_code(text)).map(str::to_owned))
}

/// Letters and what joins them: no token looks like that.
pub(super) fn is_code(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || b"_.-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

/// Where [`code`] looks.
pub(super) fn code_paths() -> Vec<Path> {
    paths(&CODES)
}

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn text<'a>(at: &Path, fields: &'a Value) -> Option<&'a str> {
    at.first(fields)?.as_str()
}
