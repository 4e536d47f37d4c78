//! The errors of a GraphQL answer, as data.

use std::fmt;

use rekindle_proto::redact;
use serde::Deserialize;
use serde_json::Value;

/// One error of a GraphQL answer, redacted: whatever looks like a token is hidden (spec 2.7).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
pub struct GraphqlError {
    /// The message.
    pub message: String,
    /// `extensions.code`, else `type`, where GitHub has it.
    pub code: Option<String>,
    /// Where in the answer, as `user.posts.0.title`.
    pub path: Option<String>,
}

/// An error as servers write it: every field may be missing, or something else.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    message: Value,
    extensions: Value,
    r#type: Value,
    path: Value,
}

impl From<Raw> for GraphqlError {
    fn from(raw: Raw) -> Self {
        let code = raw.extensions.get("code").unwrap_or(&raw.r#type);
        let path = raw.path.as_array().map(|steps| steps.iter().map(step).collect::<Vec<_>>().join("."));
        Self {
            message: redacted(raw.message.as_str().unwrap_or("no message")),
            code: code.as_str().map(redacted),
            path: path.as_deref().map(redacted),
        }
    }
}

impl fmt::Debug for GraphqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphqlError").field("message", &self.message).field("code", &self.code).finish()
    }
}

fn step(step: &Value) -> String {
    step.as_str().map_or_else(|| step.to_string(), ToOwned::to_owned)
}

/// Also hides words that could be opaque tokens: prose has no such words, and the response has the original.
fn redacted(text: &str) -> String {
    let text = redact::text(text, &[]);
    let words = text.split_whitespace().map(|word| if is_opaque(word) { redact::MASK } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn is_opaque(word: &str) -> bool {
    let of_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let longest = word.split(|c| !of_token(c)).map(str::len).max().unwrap_or(0);
    longest >= 40 || longest >= 16 && word.contains(|c: char| c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_code_and_path_and_hides_tokens() {
        let json = r#"{"message":"token eyJhbGciOi.J9abc123.sig expired","extensions":{"code":"UNAUTHENTICATED"},"path":["a",0,"b"]}"#;
        let error: GraphqlError = serde_json::from_str(json).unwrap();
        assert_eq!(error.message, "token *** expired");
        assert_eq!(error.code.as_deref(), Some("UNAUTHENTICATED"));
        assert_eq!(error.path.as_deref(), Some("a.0.b"));
    }

    #[test]
    fn odd_errors_are_errors_all_the_same() {
        for json in [r#"{}"#, r#"{"message":3,"extensions":null,"path":"x"}"#, r#"{"extensions":{"code":7}}"#]
        {
            assert!(serde_json::from_str::<GraphqlError>(json).is_ok(), "{json}");
        }
    }
}
