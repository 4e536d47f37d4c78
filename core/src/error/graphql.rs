//! The errors of a GraphQL response, as data.

use std::borrow::Cow;
use std::fmt;

use rekindle_proto::{Secret, redact};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One error of a GraphQL response, redacted: anything that looks like a token is hidden (spec 2.7).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
#[non_exhaustive]
pub struct GraphqlError {
    /// The message.
    pub message: String,
    /// `extensions.code`, or else `type`, which GitHub uses.
    pub code: Option<String>,
    /// The path in the response, such as `user.posts.0.title`.
    pub path: Option<String>,
}

/// The errors of an answer, the first of them, and how many there are. A server can send millions.
#[derive(Default)]
pub(crate) struct GraphqlErrors {
    pub(crate) first: Vec<GraphqlError>,
    pub(crate) count: usize,
}

/// No program reads more of them one by one.
const MOST_ERRORS: usize = 100;

/// No message is meant to be longer.
const MOST_TEXT: usize = 4096;

impl From<Vec<rekindle_proto::graphql::GraphqlError>> for GraphqlErrors {
    fn from(read: Vec<rekindle_proto::graphql::GraphqlError>) -> Self {
        let count = read.len();
        Self { first: read.into_iter().take(MOST_ERRORS).map(Into::into).collect(), count }
    }
}

impl<'de> Deserialize<'de> for GraphqlErrors {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct First;

        impl<'de> Visitor<'de> for First {
            type Value = GraphqlErrors;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of errors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<GraphqlErrors, A::Error> {
                let mut errors = GraphqlErrors::default();
                while errors.first.len() < MOST_ERRORS
                    && let Some(error) = list.next_element()?
                {
                    errors.first.push(error);
                }
                errors.count = errors.first.len();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    errors.count += 1;
                }
                Ok(errors)
            }
        }

        json.deserialize_seq(First)
    }
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
    let text = redact::text(&beginning(text), &[]);
    let words = text.split_whitespace().map(|word| if redact::is_opaque(word) { redact::MASK } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Whole words of it: the half of a token would look like none.
fn beginning(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_TEXT {
        return Cow::Borrowed(text);
    }
    let (cut, _) = text.char_indices().take_while(|(at, _)| *at <= MOST_TEXT).last().unwrap_or_default();
    let end = text[..cut].rfind(char::is_whitespace).unwrap_or(0);
    Cow::Owned(format!("{} ...", text[..end].trim_end()))
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

    // spec 11.4
    #[test]
    fn of_millions_of_errors_and_endless_texts_the_beginning_is_kept() {
        let json = format!("[{}{{}}]", r#"{"message":"over"},"#.repeat(200_000));
        let errors: GraphqlErrors = serde_json::from_str(&json).unwrap();
        assert_eq!((errors.first.len(), errors.count), (MOST_ERRORS, 200_001));
        let long = redacted(&"words and words ".repeat(100_000));
        assert!(long.len() <= MOST_TEXT + 4 && long.starts_with("words and words"), "{}", long.len());
        assert_eq!(redacted(&"x".repeat(MOST_TEXT + 1)), "...");
        assert_eq!(redacted(&format!("a {}", "ü".repeat(MOST_TEXT))), "a ...");
    }

    #[test]
    fn odd_errors_are_errors_all_the_same() {
        for json in [r#"{}"#, r#"{"message":3,"extensions":null,"path":"x"}"#, r#"{"extensions":{"code":7}}"#]
        {
            assert!(serde_json::from_str::<GraphqlError>(json).is_ok(), "{json}");
        }
    }
}
