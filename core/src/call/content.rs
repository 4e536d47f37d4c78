//! What is known about a request's body, and what the request therefore does (spec 2.5).

use std::fmt;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap};
use rekindle_proto::{Operation, graphql};

use super::Reads;

/// What is known about a request's body.
///
/// ```
/// use rekindle::call::Content;
///
/// assert!(Content::none().is_replayable());
/// assert!(Content::from(r#"{"name":"Ada"}"#).is_replayable());
/// assert!(!Content::Once.is_replayable());
/// ```
#[derive(Clone)]
pub enum Content {
    /// The complete body, so it can be sent again; GraphQL is read from it.
    Bytes(Bytes),
    /// Not the bytes, only that the body can be sent again.
    Replayable,
    /// Not the bytes, only that the body can be sent once.
    Once,
}

impl Content {
    /// No body.
    ///
    /// ```
    /// assert!(rekindle::call::Content::none().is_replayable());
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// Bytes that the caller keeps and can send again. They are copied only if they may contain GraphQL.
    ///
    /// ```
    /// use http::Method;
    /// use rekindle::call::Content;
    ///
    /// assert!(matches!(Content::copy_of(&Method::PUT, b"12 bytes"), Content::Replayable));
    /// assert!(matches!(Content::copy_of(&Method::POST, b"{\"query\": \"{ me }\"}"), Content::Bytes(_)));
    /// ```
    #[must_use]
    pub fn copy_of(method: &Method, bytes: &[u8]) -> Self {
        if *method == Method::POST && Reads::goes_on(bytes) {
            Self::Bytes(Bytes::copy_from_slice(bytes))
        } else if bytes.is_empty() {
            Self::none()
        } else {
            Self::Replayable
        }
    }

    /// Whether the body can be sent twice (spec 3.4).
    ///
    /// ```
    /// use rekindle::call::Content;
    ///
    /// assert!(Content::Replayable.is_replayable() && !Content::Once.is_replayable());
    /// ```
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        !matches!(self, Self::Once)
    }

    pub(super) fn bytes(&self) -> Option<&Bytes> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes(_) => "Content::Bytes(..)",
            Self::Replayable => "Content::Replayable",
            Self::Once => "Content::Once",
        })
    }
}

/// Whether the media type may be that of GraphQL: JSON, or the form for uploads.
pub(crate) fn may_be_graphql(headers: &HeaderMap) -> bool {
    let named =
        |value: &[u8], part: &[u8]| value.windows(part.len()).any(|some| some.eq_ignore_ascii_case(part));
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| named(value.as_bytes(), b"json") || named(value.as_bytes(), b"multipart"))
}

/// What a request does, according to its body. `likely`: its media type may be that of GraphQL. An unreadable body
/// counts as a mutation, which matters only if the response is a GraphQL response.
pub(crate) fn operation(method: &Method, likely: bool, body: Option<&Bytes>) -> Operation {
    if *method != Method::POST {
        return Operation::Http;
    }
    match body {
        Some(body) => graphql::detect(body).unwrap_or_default(),
        None if likely => Operation::GraphqlMutation,
        None => Operation::Http,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 2.5
    #[test]
    fn what_cannot_be_read_counts_as_a_mutation() {
        let of = |method: Method, likely, body: Option<&'static str>| {
            operation(&method, likely, body.map(Bytes::from).as_ref())
        };
        assert_eq!(of(Method::POST, true, Some(r#"{"query":"{ me }"}"#)), Operation::GraphqlQuery);
        assert_eq!(
            of(Method::POST, true, Some(r#"[{"query":"{ me }"},{"query":"mutation { pay }"}]"#)),
            Operation::GraphqlMutation
        );
        assert_eq!(of(Method::POST, true, Some(r#"{"name":"Ada"}"#)), Operation::Http);
        assert_eq!(of(Method::POST, true, None), Operation::GraphqlMutation);
        assert_eq!(of(Method::POST, false, None), Operation::Http);
        assert_eq!(of(Method::PUT, true, None), Operation::Http);
    }
}
