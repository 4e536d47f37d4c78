//! GraphQL over HTTP: returns data or a typed error.

use bytes::Bytes;
use http::{HeaderMap, Method};
use rekindle_proto::graphql as read;
use rekindle_proto::{ErrorKind, Operation, Secret};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::incoming::Incoming;
use super::response::Response;
use crate::call;
use crate::error::{Error, GraphqlErrors, place};
use crate::session::ReplayRefused;

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(default = "none", bound(deserialize = "T: Deserialize<'de>"))]
    data: Option<T>,
    #[serde(default)]
    errors: Option<GraphqlErrors>,
}

fn none<T>() -> Option<T> {
    None
}

/// The data of a response; an error if it contains errors, or no data.
///
/// `secrets`: the session's secrets, which an error may repeat.
pub(super) async fn data<T: DeserializeOwned>(
    mut response: Response,
    secrets: impl FnOnce() -> Vec<Secret>,
) -> Result<T, Error> {
    let bytes = response.read().await?;
    response.0.body = Incoming::of(bytes.clone());
    // Data of an unexpected type may be due to errors, so errors come first.
    let answer = match serde_json::from_slice::<Answer<T>>(&bytes) {
        Ok(Answer { data: Some(data), errors }) if errors.as_ref().is_none_or(|errors| errors.count == 0) => {
            return Ok(data);
        }
        Ok(answer) => Ok(answer.errors),
        Err(cause) => match serde_json::from_slice::<Answer<serde::de::IgnoredAny>>(&bytes) {
            Ok(Answer { errors: Some(errors), .. }) => Ok(Some(errors)),
            _ => match read::errors(&bytes) {
                errors if errors.is_empty() => Err(cause),
                errors => Ok(Some(errors.into())),
            },
        },
    };
    match answer {
        Ok(Some(mut errors)) if errors.count > 0 => {
            let secrets = secrets();
            let known: Vec<&Secret> = secrets.iter().collect();
            errors.first.iter_mut().for_each(|error| error.hide(&known));
            Err(failed(response, errors))
        }
        Ok(_) => null_or_missing(response, &bytes),
        Err(cause) => {
            Err(response.error_for_status().map_or_else(|error| error, |fine| fine.unreadable(&cause)))
        }
    }
}

/// `"data": null` without errors is a result if `T` accepts null.
fn null_or_missing<T: DeserializeOwned>(response: Response, bytes: &Bytes) -> Result<T, Error> {
    let response = response.error_for_status()?;
    let answer = serde_json::from_slice::<serde_json::Map<String, Value>>(bytes);
    if let Ok(Some(Ok(data))) = answer.map(|answer| answer.get("data").cloned().map(serde_json::from_value)) {
        return Ok(data);
    }
    let message =
        format!("neither data nor errors in the response from {}; is it GraphQL?", place(response.url()));
    Err(Error::new(ErrorKind::InvalidResponse, message).with_response(response.0.to_error_response()))
}

fn failed(response: Response, GraphqlErrors { first: errors, count }: GraphqlErrors) -> Error {
    let first = errors.first().map_or("", |error| &error.message);
    let code = errors.first().and_then(|error| error.code.as_deref()).unwrap_or("no code");
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let unsent = response.replay_refused().map_or("", not_sent_again);
    let message =
        format!("{first} [{code}]{more}{unsent}; see the error's list, and its response for partial data");
    Error::new(ErrorKind::GraphQL, message).with_graphql(errors).with_response(response.0.to_error_response())
}

/// What happened to a request whose token was rejected.
fn not_sent_again(why: ReplayRefused) -> &'static str {
    match why {
        ReplayRefused::MaybeApplied => {
            "; the token was refreshed, and this was not sent again, for the server may have applied it \
             (replay = true says that it may be applied twice)"
        }
        _ => "; not sent again with another token",
    }
}

/// What a request does, according to its body (spec 2.5). `sure`: it is certainly GraphQL.
pub(super) fn operation(method: &Method, headers: &HeaderMap, body: Option<&Bytes>, sure: bool) -> Operation {
    match body {
        Some(body) if sure => read::operation(body),
        None if sure => Operation::GraphqlMutation,
        body => call::operation(method, call::may_be_graphql(headers), body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 2.5
    #[test]
    fn what_is_graphql_for_certain_and_cannot_be_read_is_a_mutation() {
        let of = |body: Option<&'static str>, sure| {
            operation(&Method::POST, &HeaderMap::new(), body.map(Bytes::from).as_ref(), sure)
        };
        assert_eq!(of(Some(r#"{"query":"{ me }"}"#), false), Operation::GraphqlQuery);
        assert_eq!(of(Some(r#"{"name":"Ada"}"#), false), Operation::Http);
        assert_eq!(of(Some(r#"{"name":"Ada"}"#), true), Operation::GraphqlMutation);
        assert_eq!(of(None, true), Operation::GraphqlMutation);
    }
}
