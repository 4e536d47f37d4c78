//! What a request needs from its session: the origins that the token may be sent to, and DPoP proofs.

use std::sync::Arc;

use http::{HeaderValue, Method};
use rekindle_proto::Verdict;
use rekindle_proto::event::{EventKind, Warning};
use rekindle_proto::machine::OriginId;
use url::Url;

use super::Session;
use super::origins::{self, Origins};
use super::token::Token;
use crate::error::Error;

impl Session {
    pub(crate) fn origin_of(&self, url: &Url) -> Option<OriginId> {
        self.origins.find(url)
    }

    pub(crate) fn has_proofs(&self) -> bool {
        self.setup.proofs.is_some()
    }

    /// Whether the machine must be notified of a first send that this origin accepts.
    pub(crate) fn watches(&self, origin: OriginId) -> bool {
        self.engine.published().snapshot.watches(origin, false)
    }

    /// Whether the token may be sent to this URL's origin.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// assert!(session.owns(&"https://api.example.com/data".parse().expect("a URL")));
    /// assert!(!session.owns(&"https://www.example.com/".parse().expect("a URL")));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        self.origins.find(url).is_some()
    }

    /// Checks that the session lists an origin; adapters call it when they are created, because otherwise no request
    /// would carry a token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// let builder = || rekindle::Session::builder("json").token_url("https://auth.example.com/token").tokens("at", "rt");
    /// assert!(builder().build()?.require_origins().is_err());
    /// assert!(builder().origin("https://api.example.com").build()?.require_origins().is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the session lists no origin.
    pub fn require_origins(&self) -> Result<(), Error> {
        self.origins.require().map_err(Error::from)
    }

    /// The DPoP proof for a request to that URL (RFC 9449 section 7): a new one for each send. `None`: the token is
    /// not bound to a key.
    pub(crate) fn proof(
        &self,
        token: &Token,
        method: &Method,
        url: &Url,
    ) -> Result<Option<HeaderValue>, Error> {
        let Some(proofs) = self.setup.proofs.as_ref().filter(|_| token.is_bound()) else { return Ok(None) };
        Ok(proofs.possession(method, url, Some(token.secret()), self.clock().now().wall)?)
    }

    /// The same session, whose token may also be sent to the origin of a client's base URL (spec 9.1).
    pub(crate) fn with_base(&self, url: &Url) -> Result<Self, Error> {
        if self.owns(url) {
            return Ok(self.clone());
        }
        let mut origins = Origins::clone(&self.origins);
        origins.check("base_url", url)?;
        if !origins::secure(url) {
            self.engine.warn(Warning::InsecureOrigin);
        }
        origins.list(self.engine.origin(url));
        Ok(Self { origins: Arc::new(origins), ..self.clone() })
    }

    /// Reports that a request is sent again because of that verdict. With a nonce it carries the same token: not a
    /// replay.
    pub(crate) fn sends_again(&self, verdict: &Verdict) {
        if !matches!(verdict, Verdict::NonceRequired(_)) {
            self.emit(EventKind::Replayed);
        }
    }

    /// Reports what happened to a request.
    pub(crate) fn emit(&self, kind: EventKind) {
        self.engine.report(kind);
    }
}
