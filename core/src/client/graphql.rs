//! GraphQL over HTTP: data, or a typed error.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header::CONTENT_TYPE};
use rekindle_proto::graphql as read;
use rekindle_proto::{ErrorKind, Operation, redact};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::incoming::Incoming;
use super::response::{Response, place};
use crate::error::Error;

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

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(default = "none", bound(deserialize = "T: Deserialize<'de>"))]
    data: Option<T>,
    #[serde(default)]
    errors: Option<Vec<GraphqlError>>,
}

fn none<T>() -> Option<T> {
    None
}

/// The data of an answer; an error if it holds errors, or no data.
pub(super) async fn data<T: DeserializeOwned>(mut response: Response) -> Result<T, Error> {
    let bytes = response.read().await?;
    response.0.body = Incoming::of(bytes.clone());
    // Data of another shape may be due to errors: those come first.
    let answer = match serde_json::from_slice::<Answer<T>>(&bytes) {
        Ok(Answer { data: Some(data), errors }) if errors.as_ref().is_none_or(Vec::is_empty) => {
            return Ok(data);
        }
        Ok(answer) => Ok(answer.errors),
        Err(cause) => match serde_json::from_slice::<Answer<serde::de::IgnoredAny>>(&bytes) {
            Ok(Answer { errors: Some(errors), .. }) => Ok(Some(errors)),
            _ => Err(cause),
        },
    };
    match answer {
        Ok(Some(errors)) if !errors.is_empty() => Err(failed(response, errors)),
        Ok(_) => null_or_missing(response, &bytes),
        Err(cause) => {
            Err(response.error_for_status().map_or_else(|error| error, |fine| fine.unreadable(&cause)))
        }
    }
}

/// `"data": null` without errors is an answer where `T` takes null.
fn null_or_missing<T: DeserializeOwned>(response: Response, bytes: &Bytes) -> Result<T, Error> {
    let response = response.error_for_status()?;
    let answer = serde_json::from_slice::<serde_json::Map<String, Value>>(bytes);
    if let Ok(Some(Ok(data))) = answer.map(|answer| answer.get("data").cloned().map(serde_json::from_value)) {
        return Ok(data);
    }
    let message =
        format!("neither data nor errors in the answer from {}; is it GraphQL?", place(response.url()));
    Err(Error::new(ErrorKind::InvalidResponse, message).with_response(response))
}

fn failed(response: Response, errors: Vec<GraphqlError>) -> Error {
    let first = errors.first().map_or("", |error| &error.message);
    let code = errors.first().and_then(|error| error.code.as_deref()).unwrap_or("no code");
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    let message = format!("{first} [{code}]{more}; see the error's list, and its response for partial data");
    Error::new(ErrorKind::GraphQL, message).with_graphql(errors).with_response(response)
}

/// What a request does, as far as its body tells (spec 2.5). `sure` where it is GraphQL for certain.
pub(super) fn operation(method: &Method, headers: &HeaderMap, body: Option<&Bytes>, sure: bool) -> Operation {
    let json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().windows(4).any(|part| part == b"json"));
    match body {
        Some(body) if sure => read::operation(body),
        Some(body) if *method == Method::POST && json => read::detect(body).unwrap_or_default(),
        // What cannot be read counts as a mutation: it makes a difference only if the answer is one of GraphQL.
        None if sure || *method == Method::POST && json => Operation::GraphqlMutation,
        _ => Operation::Http,
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

    #[test]
    fn a_body_is_read_as_graphql_where_it_says_so() {
        let json = HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static("application/json"))]);
        let of = |body: &'static str, sure| operation(&Method::POST, &json, Some(&Bytes::from(body)), sure);
        assert_eq!(of(r#"{"query":"{ me }"}"#, false), Operation::GraphqlQuery);
        assert_eq!(
            of(r#"[{"query":"{ me }"},{"query":"mutation { pay }"}]"#, false),
            Operation::GraphqlMutation
        );
        assert_eq!(of(r#"{"name":"Ada"}"#, false), Operation::Http);
        assert_eq!(of(r#"{"name":"Ada"}"#, true), Operation::GraphqlMutation);
    }
}
