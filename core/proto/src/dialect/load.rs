//! Reading a dialect: errors name the file, the line, the field and the way out.

use http::HeaderValue;

use super::file::Spec;
use crate::error::{ErrorKind, Failure};

impl Spec {
    /// Reads a dialect file; `file` names it in errors.
    pub(super) fn from_toml(text: &str, file: &str) -> Result<Self, Failure> {
        let broken = |error: &toml::de::Error, field: &str| {
            let line =
                error.span().map_or_else(String::new, |span| format!(", line {}", line(text, span.start)));
            invalid(&format!("{file}{line}"), field, error.message())
        };
        let document = toml::Deserializer::parse(text).map_err(|error| broken(&error, ""))?;
        let spec = serde_path_to_error::deserialize(document);
        let spec: Self = spec.map_err(|error| broken(error.inner(), &error.path().to_string()))?;
        let stem = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".toml");
        spec.named(stem).checked(file)
    }

    /// Reads the same shape as JSON data.
    pub(super) fn from_json(value: &serde_json::Value) -> Result<Self, Failure> {
        let spec: Self = serde_path_to_error::deserialize(value)
            .map_err(|error| invalid("the dialect", &error.path().to_string(), &error.inner().to_string()))?;
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

/// The number of the line that holds this byte.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Names the file, the line and the field, and the way out.
fn invalid(place: &str, field: &str, what: &str) -> Failure {
    let field = if matches!(field, "" | ".") { String::new() } else { format!(", field `{field}`") };
    let what = without_value(what).replace('\n', " ");
    let way_out = "correct it there, or take a preset (`rekindle presets` lists them)";
    Failure::new(ErrorKind::InvalidConfig, format!("{place}{field}: {}; {way_out}", what.trim()))
}

/// serde shows the value of a wrong type, and a dialect may hold an API key.
fn without_value(what: &str) -> String {
    let value =
        what.strip_prefix("invalid type: string ").or_else(|| what.strip_prefix("invalid value: string "));
    match value.and_then(|value| value.rfind(", expected ").map(|at| &value[at..])) {
        Some(expected) => format!("a text does not fit here{expected}"),
        None => what.to_owned(),
    }
}
