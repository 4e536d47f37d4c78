//! The client's settings applied to requests of your own HTTP client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::de::IgnoredAny;

use super::request::IDEMPOTENCY_KEY;
use super::{Client, base, graphql};
use crate::call::{Call, Content, Judged, OfClient};
use crate::error::{Error, ErrorResponse};

impl Client {
    /// As [`Session::call`](crate::Session::call), with this client's settings: the path is relative to the base URL,
    /// the default headers are added to `headers`, the client's deadline applies, and transient failures are retried
    /// (spec 8).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let client = rekindle::Client::builder(session).base_url("https://api.example.com/v1");
    /// let client = client.default_header("accept-language", "de").build()?;
    /// let mut headers = HeaderMap::new();
    /// let mut call = client.call(Method::GET, "/pupils", &mut headers, Content::none())?;
    /// assert_eq!(call.url().as_str(), "https://api.example.com/v1/pupils");
    /// assert_eq!(headers["accept-language"], "de");
    /// assert!(!call.headers().await?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the path is not below the base URL.
    pub fn call(
        &self,
        method: Method,
        path_or_url: impl AsRef<str>,
        headers: &mut HeaderMap,
        content: impl Into<Content>,
    ) -> Result<Call, Error> {
        let settings = self.settings();
        let url = base::resolve(settings.base.as_ref(), path_or_url.as_ref())?;
        for (name, value) in &settings.default_headers {
            if !headers.contains_key(name) {
                headers.append(name, value.clone());
            }
        }
        let retries = Arc::clone(&self.0.retries);
        retries.deposit(self.session().clock().mono());
        let mut call = self.session().call(method, url, headers, content);
        if let Some(timeout) = settings.timeout {
            call = call.timeout(timeout);
        }
        Ok(call.of_client(OfClient {
            retries,
            sends: 1,
            idempotency_key: headers.contains_key(IDEMPOTENCY_KEY),
            max_redirects: settings.max_redirects,
            redirects: 0,
        }))
    }

    /// The path, below the base URL, that [`Client::graphql`] sends requests to.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let client = rekindle::Client::new(session, "https://api.example.com")?;
    /// assert_eq!(client.graphql_path(), "/graphql");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn graphql_path(&self) -> &str {
        &self.settings().graphql_path
    }

    /// The maximum size in bytes of a body that is read completely (spec 11.4).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let client = rekindle::Client::builder(session).base_url("https://api.example.com").max_body_bytes(1_000_000).build()?;
    /// assert_eq!(client.max_body_bytes(), 1_000_000);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.settings().max_body_bytes
    }

    /// The deadline for a whole request, including retries and refreshes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let client = rekindle::Client::new(session, "https://api.example.com")?;
    /// assert_eq!(client.timeout(), Some(std::time::Duration::from_secs(60)));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.settings().timeout
    }

    /// Checks that the complete response to a GraphQL request of a [`Client::call`] has data and no errors. `judged` is
    /// what the response said about our token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use http::{HeaderMap, Method, StatusCode};
    /// use rekindle::call::Content;
    ///
    /// let client = rekindle::Client::new(session, "https://api.example.com")?;
    /// let content = Content::from(r#"{"query":"{ me { name } }"}"#);
    /// let call = client.call(Method::POST, client.graphql_path(), &mut HeaderMap::new(), content)?.graphql();
    /// let answer = br#"{"errors":[{"message":"no such field"}]}"#;
    /// let checked = client.check_graphql(&call, None, StatusCode::OK, &HeaderMap::new(), answer).await;
    /// assert_eq!(checked.unwrap_err().kind(), rekindle::ErrorKind::GraphQL);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// GraphQL, with the errors of the response; HttpStatus or InvalidResponse if it is not a GraphQL response.
    pub async fn check_graphql(
        &self,
        call: &Call,
        judged: Option<&Judged>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Error> {
        let mut response = ErrorResponse::new(status, call.url().clone());
        response.headers = headers.clone();
        response.body = Bytes::copy_from_slice(body);
        response.verdict = judged.map(|judged| judged.verdict.clone());
        response.replay_refused = judged.and_then(|judged| judged.replay_refused);
        let data = graphql::data::<IgnoredAny>(response.into(), || self.session().secrets());
        data.await.map(|_| ())
    }
}
