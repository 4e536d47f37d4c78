//! Builds GraphQL requests.

use std::fmt;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use rekindle_proto::retry::RetryPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builder::RequestBuilder;
use super::request::Reading;
use super::{Client, graphql};
use crate::error::Error;

/// Builds a GraphQL request; [`send`](Self::send) reports invalid arguments.
#[must_use = "nothing happens before `send`"]
pub struct GraphqlRequest<'a, V = ()> {
    client: Client,
    request: RequestBuilder,
    call: Call<'a, V>,
}

/// The keys are sent in this order, those of the variables in the caller's order.
#[derive(Serialize)]
struct Call<'a, V> {
    query: &'a str,
    variables: V,
    #[serde(rename = "operationName", skip_serializing_if = "Option::is_none")]
    operation_name: Option<&'a str>,
}

impl<'a> GraphqlRequest<'a> {
    pub(super) fn new(client: &Client, query: &'a str) -> Self {
        let request = client.post(client.graphql_path()).reading(Reading::Whole);
        Self { client: client.clone(), request, call: Call { query, variables: (), operation_name: None } }
    }
}

impl<'a, V: Serialize> GraphqlRequest<'a, V> {
    /// The variables: a struct, a map, or JSON.
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let query = client.graphql_request("query Pupil($id: ID!) { pupil(id: $id) { name } }");
    /// let data: serde_json::Value = query.variables(serde_json::json!({ "id": 7 })).send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn variables<W: Serialize>(self, variables: W) -> GraphqlRequest<'a, W> {
        let Call { query, operation_name, .. } = self.call;
        let call = Call { query, variables, operation_name };
        GraphqlRequest { client: self.client, request: self.request, call }
    }

    /// The operation to run if the document has several. Whether the request is replayed depends on this operation.
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let document = "query Me { me { name } } mutation Leave { leave }";
    /// let data: serde_json::Value = client.graphql_request(document).operation_name("Me").send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn operation_name(mut self, name: &'a str) -> Self {
        self.call.operation_name = Some(name);
        self
    }

    /// As [`RequestBuilder::header`].
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let query = client.graphql_request("{ me { name } }").header("x-trace", "7f");
    /// let data: serde_json::Value = query.send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn header<K, W>(self, name: K, value: W) -> Self
    where
        K: TryInto<HeaderName>,
        W: TryInto<HeaderValue>,
    {
        self.change(|request| request.header(name, value))
    }

    /// As [`RequestBuilder::timeout`].
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let query = client.graphql_request("{ me { name } }").timeout(std::time::Duration::from_secs(5));
    /// let data: serde_json::Value = query.send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|request| request.timeout(timeout))
    }

    /// As [`RequestBuilder::connect_timeout`].
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let query = client.graphql_request("{ me { name } }").connect_timeout(std::time::Duration::from_secs(3));
    /// let data: serde_json::Value = query.send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.change(|request| request.connect_timeout(timeout))
    }

    /// As [`RequestBuilder::read_timeout`].
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let query = client.graphql_request("{ me { name } }").read_timeout(std::time::Duration::from_secs(5));
    /// let data: serde_json::Value = query.send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn read_timeout(self, timeout: Duration) -> Self {
        self.change(|request| request.read_timeout(timeout))
    }

    /// As [`RequestBuilder::retry`].
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let query = client.graphql_request("{ me { name } }").retry(rekindle::RetryPolicy::never());
    /// let data: serde_json::Value = query.send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.change(|request| request.retry(policy))
    }

    /// As [`RequestBuilder::replay`]: `true` for a mutation that may be applied twice.
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let seen = client.graphql_request("mutation { markAsRead(id: 7) { id } }").replay(true);
    /// let data: serde_json::Value = seen.send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    pub fn replay(self, may_be_applied_twice: bool) -> Self {
        self.change(|request| request.replay(may_be_applied_twice))
    }

    /// Sends the request and returns its data, or an error of kind `GraphQL` with the errors of the response.
    ///
    /// ```no_run
    /// # async fn run(client: rekindle::Client) -> Result<(), rekindle::Error> {
    /// let data: serde_json::Value = client.graphql_request("{ me { name } }").send().await?;
    /// # let _ = data;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// GraphQL, with the errors of the response. If a mutation was not sent again, the error says so.
    pub async fn send<T: DeserializeOwned>(self) -> Result<T, Error> {
        let accept = "application/graphql-response+json, application/json;q=0.9";
        let request = self.request.or_header("accept", accept).json(&self.call);
        graphql::data(request.send().await?, || self.client.session().secrets()).await
    }

    fn change(mut self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        self.request = change(self.request);
        self
    }
}

impl<V> fmt::Debug for GraphqlRequest<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphqlRequest").field("request", &self.request).finish_non_exhaustive()
    }
}
