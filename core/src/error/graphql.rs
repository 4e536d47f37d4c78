//! The errors of a GraphQL answer, as data.

use std::fmt;

use rekindle_proto::{Secret, redact};
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
            // Programs branch on it: no guess may touch it.
            code: code.as_str().map(fit_to_show),
            path: path.as_deref().map(redacted),
        }
    }
}

/// Of an answer that no strict reader takes: a lone surrogate or a raw line break in an error hides none.
impl From<rekindle_proto::graphql::GraphqlError> for GraphqlError {
    fn from(read: rekindle_proto::graphql::GraphqlError) -> Self {
        let code = read.code.or(read.kind);
        Self { message: redacted(&read.message), code: code.as_deref().map(fit_to_show), path: None }
    }
}

impl GraphqlError {
    /// Hides the secrets that are known, which no guess can tell from words.
    pub(crate) fn hide(&mut self, known: &[&Secret]) {
        let texts = [Some(&mut self.message), self.code.as_mut(), self.path.as_mut()];
        texts.into_iter().flatten().for_each(|text| *text = redact::known(text, known));
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
    let words = text.split_whitespace().map(|word| if redact::is_opaque(word) { redact::MASK } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A code as it is; what is too long to be one, as any other text.
fn fit_to_show(code: &str) -> String {
    let is_code = code.len() <= 128 && code.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_code && !redact::has_jwt(code) { code.to_owned() } else { redacted(code) }
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

    // spec 2.7
    #[test]
    fn codes_are_what_the_server_wrote() {
        for code in ["validation-failed", "persisted-query-not-found-2024", "PGRST303", "HC0016", "a.b/c-d_e"]
        {
            let json = serde_json::json!({ "message": "x", "extensions": { "code": code } });
            let error: GraphqlError = serde_json::from_value(json).unwrap();
            assert_eq!(error.code.as_deref(), Some(code));
        }
    }

    // spec 2.7
    #[test]
    fn a_known_token_is_hidden_everywhere() {
        let json =
            r#"{"message":"no sentinel-at here","extensions":{"code":"sentinel-at"},"path":["sentinel-at"]}"#;
        let mut error: GraphqlError = serde_json::from_str(json).unwrap();
        error.hide(&[&"sentinel-at".into()]);
        assert_eq!(
            (error.message.as_str(), error.code.as_deref(), error.path.as_deref()),
            ("no *** here", Some("***"), Some("***"))
        );
    }

    #[test]
    fn odd_errors_are_errors_all_the_same() {
        for json in [r#"{}"#, r#"{"message":3,"extensions":null,"path":"x"}"#, r#"{"extensions":{"code":7}}"#]
        {
            assert!(serde_json::from_str::<GraphqlError>(json).is_ok(), "{json}");
        }
    }
}
