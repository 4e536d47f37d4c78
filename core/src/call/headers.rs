//! The headers to add to a request.

use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::proof::DPOP;
use crate::session::Token;

/// The headers to add to a request: our token, and the proof of possession if the token is bound to a key. They replace
/// headers of the same name. Empty if the request is sent without our token: see [`Unsigned`](super::Unsigned).
///
/// They are valid for one send: get new ones for the next.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rekindle::Error> {
/// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
/// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
/// use rekindle::call::Content;
///
/// let url = "https://api.example.com/data".parse().expect("a URL");
/// let mut headers = http::HeaderMap::new();
/// let mut call = session.call(http::Method::GET, url, &headers, Content::none());
/// call.headers().await?.apply(&mut headers);
/// assert_eq!(headers["authorization"], "Bearer at-1");
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    token: Option<(HeaderName, HeaderValue)>,
    proof: Option<HeaderValue>,
}

impl Headers {
    pub(super) fn new(token: &Token, proof: Option<HeaderValue>) -> Self {
        Self { token: Some((token.header_name().clone(), token.authorization().clone())), proof }
    }

    /// Whether there are no headers to add.
    ///
    /// ```
    /// assert!(rekindle::call::Headers::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.token.is_none()
    }

    /// Whether HTTP clients that follow redirects by themselves drop these headers if a redirect leaves the origin:
    /// they drop `Authorization` and `Cookie`, but not names they don't know. If this returns false and you can't see
    /// each hop, don't send the request unless redirects are switched off (spec 9.2).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let shop = |builder: rekindle::SessionBuilder| builder.variable("shop", "my-shop.myshopify.com");
    /// # let session = shop(rekindle::Session::builder("shopify")).client_id("app");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://my-shop.myshopify.com").build()?;
    /// use rekindle::call::Content;
    ///
    /// let url = "https://my-shop.myshopify.com/admin".parse().expect("a URL");
    /// let mut call = session.call(http::Method::GET, url, &http::HeaderMap::new(), Content::none());
    /// let headers = call.headers().await?;
    /// assert_eq!(headers.iter().next().unwrap().0, "x-shopify-access-token");
    /// assert!(!headers.stay_at_redirects());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stay_at_redirects(&self) -> bool {
        self.proof.is_none()
            && self.token.as_ref().is_none_or(|(name, _)| [AUTHORIZATION, COOKIE].contains(name))
    }

    /// The name and value of each header.
    ///
    /// ```
    /// assert_eq!(rekindle::call::Headers::default().iter().count(), 0);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let token = self.token.iter().map(|(name, value)| (name, value));
        token.chain(self.proof.iter().map(|value| (&DPOP_NAME, value)))
    }

    /// Inserts the headers into a request.
    ///
    /// ```
    /// let mut headers = http::HeaderMap::new();
    /// rekindle::call::Headers::default().apply(&mut headers);
    /// assert!(headers.is_empty());
    /// ```
    pub fn apply(self, headers: &mut HeaderMap) {
        if let Some((name, value)) = self.token {
            headers.insert(name, value);
        }
        if let Some(proof) = self.proof {
            headers.insert(DPOP, proof);
        }
    }
}

static DPOP_NAME: HeaderName = DPOP;

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
