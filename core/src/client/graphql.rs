//! GraphQL over HTTP: data, or a typed error.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header::CONTENT_TYPE};
use rekindle_proto::{ErrorKind, Operation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::incoming::Incoming;
use super::response::{Response, place};
use crate::error::Error;

/// One error of a GraphQL answer, its message redacted (spec 2.7).
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct GraphqlError {
    /// The message, redacted.
    #[serde(default, deserialize_with = "text")]
    pub message: String,
    /// `extensions.code`, if there is one.
    #[serde(default, rename = "extensions", deserialize_with = "code")]
    pub code: Option<String>,
    /// Where in the answer, as `user.posts.0.title`.
    #[serde(default, deserialize_with = "path")]
    pub path: Option<String>,
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
    response.body = Incoming::of(bytes.clone());
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
        format!("neither data nor errors in the answer from {}; is it GraphQL?", place(&response.url));
    Err(Error::new(ErrorKind::InvalidResponse, message).with_response(response))
}

fn failed(response: Response, errors: Vec<GraphqlError>) -> Error {
    let first = errors.first().map_or("", |error| &error.message);
    let code = errors.first().and_then(|error| error.code.as_deref()).unwrap_or("no code");
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    let message = format!("{first} [{code}]{more}; see the error's list, and its response for partial data");
    Error::new(ErrorKind::GraphQL, message).with_graphql(errors).with_response(response)
}

/// What a request does, as far as its body tells (spec 2.5).
pub(super) fn operation(method: &Method, headers: &HeaderMap, body: Option<&Bytes>) -> Operation {
    let json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().windows(4).any(|part| part == b"json"));
    match body {
        Some(body) if *method == Method::POST && json => operation_of(body),
        _ => Operation::Http,
    }
}

/// PLACEHOLDER for the reader in `rekindle_proto::graphql`: knows only what begins as a query and names
/// no other operation anywhere.
fn operation_of(body: &[u8]) -> Operation {
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else { return Operation::Http };
    let Some(Value::String(query)) = request.get("query") else { return Operation::Http };
    let query = query.trim_start();
    let reads = query.starts_with('{') || query.starts_with("query");
    if reads && !query.contains("mutation") && !query.contains("subscription") {
        Operation::GraphqlQuery
    } else {
        Operation::GraphqlMutation
    }
}

fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let message = Value::deserialize(deserializer)?;
    Ok(redact(message.as_str().unwrap_or("no message")))
}

fn code<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let extensions = Value::deserialize(deserializer)?;
    Ok(extensions.get("code").and_then(Value::as_str).map(redact))
}

fn path<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let path = Value::deserialize(deserializer)?;
    let steps = path.as_array().map(|steps| steps.iter().map(step).collect::<Vec<_>>().join("."));
    Ok(steps.as_deref().map(redact))
}

fn step(step: &Value) -> String {
    step.as_str().map_or_else(|| step.to_string(), ToOwned::to_owned)
}

/// PLACEHOLDER for `rekindle_proto::redact`: hides every word that could be a token.
fn redact(text: &str) -> String {
    const MOST: usize = 300;
    let hidden = |word: &str| {
        let tokenish = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        let longest = word.split(|c| !tokenish(c)).map(str::len).max().unwrap_or(0);
        let mixed = word.contains(|c: char| c.is_ascii_digit()) || word.contains('-');
        longest >= 16 && mixed || longest >= 40
    };
    let words = text.split_whitespace().map(|word| if hidden(word) { "***" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(MOST).collect()
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
    fn only_what_is_surely_a_query_is_one() {
        let of = |query: &str| operation_of(serde_json::json!({ "query": query }).to_string().as_bytes());
        assert_eq!(of("{ me { id } }"), Operation::GraphqlQuery);
        assert_eq!(of(" query Me { me { id } }"), Operation::GraphqlQuery);
        assert_eq!(of("mutation M { pay }"), Operation::GraphqlMutation);
        assert_eq!(of("query A { a } mutation B { b }"), Operation::GraphqlMutation);
        assert_eq!(operation_of(b"[1]"), Operation::Http);
    }
}
