//! How a dialect handles API requests and their responses.

use http::HeaderName;

use super::{Dialect, Placement};
use crate::credential::Secret;
use crate::error::Failure;
use crate::verdict::{Exchange, Verdict};

impl Dialect {
    /// Returns the delay that a response requests: `Retry-After` (seconds or date), or the dialect's own headers.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
    /// use rekindle_proto::{Dialect, Wall};
    ///
    /// let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
    /// let dialect = Dialect::preset("oauth2").unwrap();
    /// assert_eq!(dialect.retry_after(&headers, Wall(0)), Some(Duration::from_secs(7)));
    /// ```
    #[must_use]
    pub fn retry_after(
        &self,
        headers: &http::HeaderMap,
        now: crate::time::Wall,
    ) -> Option<std::time::Duration> {
        self.spec.retry_after.read(headers, None, Some(now))
    }

    /// Returns the meaning of an API response for the token (spec 2).
    ///
    /// ```
    /// use rekindle_proto::{Applied, Dialect, Exchange, ExpiredReason, Operation, Verdict};
    /// let exchange = Exchange {
    ///     method: &http::Method::POST,
    ///     url: &"https://api.example/graphql".parse().unwrap(),
    ///     operation: Operation::GraphqlMutation,
    ///     replayable: true,
    ///     status: http::StatusCode::OK,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#,
    /// };
    /// let expired = Verdict::Expired { reason: ExpiredReason::Unknown, applied: Applied::No };
    /// assert_eq!(Dialect::preset("graphql").unwrap().judge(&exchange), expired);
    /// ```
    #[must_use]
    pub fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        self.spec.judge(exchange, false)
    }

    /// Like [`Dialect::judge`], for a token that has expired by the clock: rules with `past_end = true` apply too, for
    /// servers and gateways that report an expired token like any other failure.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Exchange, Operation};
    /// let text = "[[api.rules]]\nstatus = 404\npast_end = true\nverdict = \"expired\"";
    /// let dialect = Dialect::from_toml(text, "gateway.toml")?;
    /// let exchange = Exchange {
    ///     method: &http::Method::GET,
    ///     url: &"https://api.example/data".parse().unwrap(),
    ///     operation: Operation::Http,
    ///     replayable: true,
    ///     status: http::StatusCode::NOT_FOUND,
    ///     headers: &http::HeaderMap::new(),
    ///     body: b"",
    /// };
    /// assert_eq!(dialect.judge_past_end(&exchange).name(), "expired");
    /// assert_eq!(dialect.judge(&exchange).name(), "accepted");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn judge_past_end(&self, exchange: &Exchange<'_>) -> Verdict {
        self.spec.judge(exchange, true)
    }

    /// Whether [`Dialect::judge_past_end`] may return a different verdict from [`Dialect::judge`].
    ///
    /// ```
    /// assert!(!rekindle_proto::Dialect::preset("oauth2").unwrap().asks_for_the_clock());
    /// ```
    #[must_use]
    pub fn asks_for_the_clock(&self) -> bool {
        self.spec.asks_for_the_clock()
    }

    /// How long after a refresh the API may not yet know the new token. Zero if the API knows it immediately.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::Dialect;
    /// assert_eq!(Dialect::preset("oauth2").unwrap().settle(), Duration::ZERO);
    /// assert!(Dialect::preset("github-app").unwrap().settle() > Duration::ZERO);
    /// ```
    #[must_use]
    pub fn settle(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.spec.api.settle_ms.into())
    }

    /// Whether API responses may carry new tokens (`[response_tokens]`).
    ///
    /// ```
    /// assert!(!rekindle_proto::Dialect::preset("oauth2").unwrap().reads_response_tokens());
    /// ```
    #[must_use]
    pub fn reads_response_tokens(&self) -> bool {
        self.spec.reads_response_tokens()
    }

    /// Returns the new tokens that an API response carries in its headers (spec 2.13). `None` if it carries no access
    /// token, a malformed one, several different ones, or one that has expired. The lifetime counts from `received_at`.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use rekindle_proto::{Dialect, Wall};
    ///
    /// let text = "[response_tokens]\nheaders = { access_token = \"X-Access-Token\" }";
    /// let dialect = Dialect::from_toml(text, "acme.toml")?;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-access-token", HeaderValue::from_static("at-2"));
    /// let tokens = dialect.response_tokens(&headers, Wall(0)).expect("a new token");
    /// assert_eq!(tokens.access_token.expose(), "at-2");
    /// headers.insert("x-access-token", HeaderValue::from_static("signed out"));
    /// assert!(dialect.response_tokens(&headers, Wall(0)).is_none());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn response_tokens(
        &self,
        headers: &http::HeaderMap,
        received_at: crate::time::Wall,
    ) -> Option<crate::credential::TokenResponse> {
        self.spec.response_tokens(headers, received_at)
    }

    /// Returns the header that carries the token. Fails if the token is not a valid header value (contains a newline)
    /// or if the dialect does not support `token_type`, as returned by the server.
    ///
    /// ```
    /// let placement = rekindle_proto::Dialect::preset("oauth2")?.place(&"abc".into(), Some("bearer"))?;
    /// assert_eq!(placement.name, "authorization");
    /// assert_eq!(placement.value, "Bearer abc");
    /// assert!(placement.value.is_sensitive());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn place(&self, token: &Secret, token_type: Option<&str>) -> Result<Placement, Failure> {
        self.spec.place(token, token_type)
    }

    /// Whether a token of this type may be served; a token of another type is only persisted (spec 5.4).
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("oauth2").unwrap();
    /// assert!(dialect.understands(None) && dialect.understands(Some("bearer")));
    /// assert!(!dialect.understands(Some("mac")));
    /// ```
    #[must_use]
    pub fn understands(&self, token_type: Option<&str>) -> bool {
        self.spec.understands(token_type)
    }

    /// The header that carries the access token. If a caller's request already has this header, it carries its own
    /// credential, and no token is added.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// assert_eq!(Dialect::preset("supabase").unwrap().token_header(), "authorization");
    /// assert_eq!(Dialect::preset("shopify").unwrap().token_header(), "x-shopify-access-token");
    /// ```
    #[must_use]
    pub fn token_header(&self) -> HeaderName {
        self.spec.token_header()
    }

    /// The dialect's credential headers besides the standard ones: dropped when a redirect leaves the origin
    /// (spec 9.2).
    ///
    /// ```
    /// let names = rekindle_proto::Dialect::preset("shopify").unwrap().credential_headers();
    /// assert_eq!(names, ["x-shopify-access-token"]);
    /// ```
    #[must_use]
    pub fn credential_headers(&self) -> Vec<HeaderName> {
        self.spec.credential_headers()
    }

    /// Makes a server's body safe to display: blanks the dialect's `[redact]` paths, then redacts (spec 2.7).
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("fitbit").unwrap();
    /// let body = br#"{"errors":[{"errorType":"expired_token","message":"Access token expired: s3cr3t"}]}"#;
    /// assert!(!dialect.redact(body, &[]).contains("s3cr3t"));
    /// ```
    #[must_use]
    pub fn redact(&self, body: &[u8], known: &[&Secret]) -> String {
        self.spec.redact(body, known)
    }
}
