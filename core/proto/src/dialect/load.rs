//! Reading a dialect: errors name the file, the line, the field and the way out.

use http::HeaderValue;

use super::document::{self, Document, Mistake};
use super::file::Spec;
use crate::error::{ErrorKind, Failure};

impl Spec {
    /// Reads a dialect file; `file` names it in errors.
    pub(super) fn from_toml(text: &str, file: &str) -> Result<Self, Failure> {
        let read = Document::parse(text).and_then(|document| document.read());
        let spec: Self = read.map_err(|mistake| misread(file, &mistake))?;
        let stem = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".toml");
        spec.named(stem).checked(file)
    }

    /// Reads the same shape as JSON data.
    pub(super) fn from_json(value: &serde_json::Value) -> Result<Self, Failure> {
        let spec: Self = document::read(value).map_err(|mistake| misread("the dialect", &mistake))?;
        spec.named("custom").checked("the dialect")
    }

    fn named(mut self, name: &str) -> Self {
        if self.name.is_empty() {
            self.name = name.to_owned();
        }
        self
    }

    fn checked(self, file: &str) -> Result<Self, Failure> {
        if HeaderValue::from_str(&self.token.scheme).is_err() {
            return Err(invalid(file, "token.scheme", "it cannot stand in a header"));
        }
        let bad_cookie = |name: &String| {
            name.is_empty()
                || !name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        };
        if self.token.cookie.as_ref().is_some_and(bad_cookie) {
            return Err(invalid(file, "token.cookie", "it is not the name of a cookie"));
        }
        Ok(self)
    }
}

fn misread(file: &str, mistake: &Mistake) -> Failure {
    let line = mistake.line.map_or_else(String::new, |line| format!(", line {line}"));
    invalid(&format!("{file}{line}"), &mistake.field, &mistake.what)
}

/// Names the file, the line and the field, and the way out.
fn invalid(place: &str, field: &str, what: &str) -> Failure {
    let field = if field.is_empty() { String::new() } else { format!(", field `{field}`") };
    let what = what.replace('\n', " ");
    let way_out = "correct it there, or take a preset (`rekindle presets` lists them)";
    Failure::new(ErrorKind::InvalidConfig, format!("{place}{field}: {}; {way_out}", what.trim()))
}
