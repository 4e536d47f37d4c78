//! GraphQL over HTTP: what a request does, and the `errors` of a response (spec 2.5).

use apollo_parser::{Parser, cst};
use serde::Deserialize;
use serde_json::Value;

use crate::dialect::{Path, json};
use crate::verdict::Operation;

/// A longer document is not parsed: it counts as a mutation.
const DOCUMENT_LIMIT: usize = 256 * 1024;
/// Deeper nesting and more tokens are not parsed either: hostile input must not overflow the stack or take seconds.
const DEPTH_LIMIT: usize = 64;
const TOKEN_LIMIT: usize = 50_000;

/// What a body does that is known to be a GraphQL request. An unreadable body, a persisted operation without its
/// text, and a batch with anything but queries count as a mutation.
///
/// ```
/// use rekindle_proto::{Operation, graphql};
/// assert_eq!(graphql::operation(br#"{"query":"{ students { id } }"}"#), Operation::GraphqlQuery);
/// assert_eq!(graphql::operation(br#"{"query":"mutation { pay }"}"#), Operation::GraphqlMutation);
/// assert_eq!(graphql::operation(b"not JSON"), Operation::GraphqlMutation);
/// ```
#[must_use]
pub fn operation(body: &[u8]) -> Operation {
    detect(body).unwrap_or(Operation::GraphqlMutation)
}

/// The same for a body that may be something else: `None` if it does not look like GraphQL.
///
/// ```
/// use rekindle_proto::{Operation, graphql};
/// assert_eq!(graphql::detect(br#"{"name":"x"}"#), None);
/// assert_eq!(graphql::detect(br#"{"query":"{ me }"}"#), Some(Operation::GraphqlQuery));
/// ```
#[must_use]
pub fn detect(body: &[u8]) -> Option<Operation> {
    match body.trim_ascii_start().first()? {
        b'[' => batch(&serde_json::from_slice::<Vec<Request>>(body).ok()?),
        _ => serde_json::from_slice::<Request>(body).ok()?.operation(),
    }
}

/// What the operation of this name does; without a name the document must contain exactly one.
///
/// ```
/// use rekindle_proto::{Operation, graphql};
/// let document = "query A { a } mutation B { b }";
/// assert_eq!(graphql::document_operation(document, Some("A")), Operation::GraphqlQuery);
/// assert_eq!(graphql::document_operation(document, Some("B")), Operation::GraphqlMutation);
/// assert_eq!(graphql::document_operation(document, None), Operation::GraphqlMutation);
/// ```
#[must_use]
pub fn document_operation(document: &str, name: Option<&str>) -> Operation {
    match is_query(document, name.filter(|name| !name.is_empty())) {
        Some(true) => Operation::GraphqlQuery,
        _ => Operation::GraphqlMutation,
    }
}

/// One entry of a response's `errors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphqlError {
    /// `message`, as sent: redact it before it is shown (spec 2.7).
    pub message: String,
    /// `extensions.code`, the Apollo convention.
    pub code: Option<String>,
    /// `type`, which GitHub uses for its code.
    pub kind: Option<String>,
}

/// Every entry of `errors`, over all responses of a batch; of a truncated body, the complete ones. Empty if the body
/// is not a GraphQL response.
///
/// ```
/// let body = br#"{"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
/// assert_eq!(rekindle_proto::graphql::errors(body)[0].code.as_deref(), Some("UNAUTHENTICATED"));
/// ```
#[must_use]
pub fn errors(body: &[u8]) -> Vec<GraphqlError> {
    let paths = ["errors[*].message", "errors[*].extensions.code", "errors[*].type"];
    let paths: Vec<Path> = paths.iter().filter_map(|path| path.parse().ok()).collect();
    let root = json::read(body, &paths).value.unwrap_or(Value::Null);
    let answers = root.as_array().map_or(std::slice::from_ref(&root), Vec::as_slice);
    let entries = answers.iter().filter_map(|answer| answer.get("errors")?.as_array()).flatten();
    entries.map(read_error).collect()
}

fn read_error(entry: &Value) -> GraphqlError {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    GraphqlError {
        message: text(entry.get("message")).unwrap_or_default(),
        code: text(entry.get("extensions").and_then(|extensions| extensions.get("code"))),
        kind: text(entry.get("type")),
    }
}

/// The members of a request that determine what it does.
#[derive(Deserialize)]
struct Request {
    query: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    extensions: Option<Extensions>,
    #[serde(rename = "documentId")]
    document_id: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(rename = "persistedQuery")]
    persisted_query: Option<serde::de::IgnoredAny>,
}

impl Request {
    fn operation(&self) -> Option<Operation> {
        match &self.query {
            Some(document) => Some(document_operation(document, self.operation_name.as_deref())),
            None => self.is_persisted().then_some(Operation::GraphqlMutation),
        }
    }

    fn is_persisted(&self) -> bool {
        let hashed = self.extensions.as_ref().is_some_and(|one| one.persisted_query.is_some());
        hashed || self.document_id.is_some()
    }
}

fn batch(requests: &[Request]) -> Option<Operation> {
    if requests.is_empty() {
        return None;
    }
    let operations: Option<Vec<_>> = requests.iter().map(Request::operation).collect();
    let all_queries = operations?.iter().all(|one| *one == Operation::GraphqlQuery);
    Some(if all_queries { Operation::GraphqlQuery } else { Operation::GraphqlMutation })
}

/// `None` if the document cannot be parsed, or does not say which operation is meant.
fn is_query(document: &str, name: Option<&str>) -> Option<bool> {
    if document.len() > DOCUMENT_LIMIT {
        return None;
    }
    let parser = Parser::new(document).recursion_limit(DEPTH_LIMIT).token_limit(TOKEN_LIMIT);
    let tree = parser.parse();
    if tree.errors().len() > 0 {
        return None;
    }
    let mut chosen =
        tree.document().definitions().filter_map(operation_definition).filter(|one| is_named(one, name));
    let (operation, more) = (chosen.next()?, chosen.next());
    if more.is_some() {
        return None;
    }
    Some(operation.operation_type().is_none_or(|kind| kind.query_token().is_some()))
}

fn operation_definition(definition: cst::Definition) -> Option<cst::OperationDefinition> {
    match definition {
        cst::Definition::OperationDefinition(operation) => Some(operation),
        _ => None,
    }
}

fn is_named(operation: &cst::OperationDefinition, name: Option<&str>) -> bool {
    name.is_none_or(|name| operation.name().is_some_and(|own| own.text() == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn of(body: Value) -> Option<Operation> {
        detect(body.to_string().as_bytes())
    }

    #[test]
    fn comments_strings_and_fragments_do_not_mislead() {
        let document = "# mutation { x }\nfragment F on T { mutation } query Q { a(s: \"mutation {\") ...F }";
        assert_eq!(document_operation(document, None), Operation::GraphqlQuery);
    }

    #[test]
    fn a_batch_of_nothing_but_queries_is_a_query() {
        assert_eq!(of(json!([{"query": "{a}"}, {"query": "query Q {b}"}])), Some(Operation::GraphqlQuery));
        assert_eq!(
            of(json!([{"query": "{a}"}, {"query": "mutation {b}"}])),
            Some(Operation::GraphqlMutation)
        );
    }

    #[test]
    fn a_hash_without_its_text_is_a_mutation() {
        let hash = json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}});
        assert_eq!(of(hash), Some(Operation::GraphqlMutation));
        assert_eq!(of(json!({"documentId": "ab"})), Some(Operation::GraphqlMutation));
    }

    #[test]
    fn what_cannot_be_read_is_a_mutation() {
        for document in ["", "{", "query Q {a} }", "subscription { a }", "query A {a} query B {b}", "\u{0}"] {
            assert_eq!(document_operation(document, None), Operation::GraphqlMutation, "{document}");
        }
        assert_eq!(document_operation("query A {a}", Some("B")), Operation::GraphqlMutation);
    }

    #[test]
    fn a_list_that_is_no_batch_is_not_graphql() {
        assert_eq!(of(json!([])), None);
        assert_eq!(of(json!([1, 2])), None);
        assert_eq!(of(json!("query")), None);
    }

    #[test]
    fn hostile_nesting_costs_no_stack() {
        for opening in ["{a", "{a(x:[", "{a(x:{b:", "query($a:[", "{a @b(c:["] {
            let document = opening.repeat(100_000);
            assert_eq!(document_operation(&document, None), Operation::GraphqlMutation);
        }
        let nested = format!("{}{}", "{a".repeat(2000), "}".repeat(2000));
        assert_eq!(document_operation(&nested, None), Operation::GraphqlMutation);
    }

    #[test]
    fn every_entry_of_every_answer_is_read() {
        let body =
            json!([{"errors": [{"message": "a"}, {"type": "RATE_LIMITED"}]}, {"data": {}}, {"errors": [{}]}]);
        let found = errors(body.to_string().as_bytes());
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].kind.as_deref(), Some("RATE_LIMITED"));
    }

    #[test]
    fn an_odd_member_hides_no_error() {
        let body = br#"{"data":{"n":1e999,"s":"\ud83d"},"errors":[{"message":"a	b","extensions":{"code":"X","n":NaN}}]}"#;
        assert_eq!(errors(body)[0].code.as_deref(), Some("X"));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (operation(&body), errors(&body));
        }

        #[test]
        fn no_document_panics(document in "[{}()\\[\\]a-c@$:!\"#. ]{0,200}") {
            let _ = document_operation(&document, None);
        }
    }
}
