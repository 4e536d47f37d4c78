//! A session: one sign-in, kept alive.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use rekindle_bindings::call;

use crate::cancel::{CancelToken, unless};
use crate::config::Credential;
use crate::error::RekindleError;
use crate::event::EventStream;
use crate::records::Status;
use crate::token::{Token, tag};

mod new;

/// Keeps one sign-in alive: serves its access token, refreshes it once for everybody, stores what it got.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Session(rekindle::Session);

#[uniffi::export]
impl Session {
    /// A valid access token, with at least `min_life` left if the server's tokens live that long. Waits for a refresh
    /// if one is needed.
    ///
    /// # Errors
    ///
    /// LoginRequired, SignedOut, RefreshFailed, RefreshLimited, RateLimited, Timeout, StoreUnavailable,
    /// ClientRejected, InvalidConfig; Cancelled.
    #[uniffi::method(default(min_life = None, cancel = None))]
    pub async fn token(
        &self,
        min_life: Option<Duration>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<Arc<Token>, RekindleError> {
        let work = async {
            let token = match min_life {
                Some(life) => self.0.token_living(life).await,
                None => self.0.token().await,
            };
            settled(token)
        };
        unless(cancel, work).await
    }

    /// The access token if it can be served at once.
    #[must_use]
    pub fn token_if_valid(&self) -> Option<Arc<Token>> {
        self.0.token_if_valid().map(|token| Arc::new(Token::new(&token)))
    }

    /// The tag of the access token that can be served at once; 0 where none can. Whoever keeps the token of that tag
    /// need not ask for it again: one number crosses, where a token is several allocations.
    #[must_use]
    pub fn token_tag(&self) -> u64 {
        self.0.token_if_valid().as_ref().map_or(0, tag)
    }

    /// Refreshes now, or joins the refresh that is under way.
    ///
    /// # Errors
    ///
    /// As `token`.
    #[uniffi::method(default(cancel = None))]
    pub async fn refresh(&self, cancel: Option<Arc<CancelToken>>) -> Result<Arc<Token>, RekindleError> {
        unless(cancel, async { settled(self.0.refresh().await) }).await
    }

    /// As `refresh`, even during a back-off, and once more with a refresh token that the server rejected.
    ///
    /// # Errors
    ///
    /// As `token`.
    #[uniffi::method(default(cancel = None))]
    pub async fn force_refresh(&self, cancel: Option<Arc<CancelToken>>) -> Result<Arc<Token>, RekindleError> {
        unless(cancel, async { settled(self.0.force_refresh().await) }).await
    }

    /// As if the access token had expired: the next caller refreshes it.
    pub fn invalidate(&self) {
        self.0.invalidate();
    }

    /// The user signed in: this credential replaces whatever there is, at once. A cancelled caller does not take it
    /// back.
    ///
    /// # Errors
    ///
    /// InvalidConfig; StoreUnavailable if it could not be saved: it is served from memory and saved when possible.
    #[uniffi::method(default(cancel = None))]
    pub async fn sign_in(
        &self,
        credential: Credential,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), RekindleError> {
        let credential = credential.checked()?;
        unless(cancel, async { Ok(self.0.sign_in(credential).await?) }).await
    }

    /// The user signs out: nothing is served from now on, and the store is wiped but for a tombstone. A cancelled caller
    /// does not take it back.
    ///
    /// # Errors
    ///
    /// StoreUnavailable if the store could not be wiped: that is tried again as long as the process runs.
    #[uniffi::method(default(cancel = None))]
    pub async fn sign_out(&self, cancel: Option<Arc<CancelToken>>) -> Result<(), RekindleError> {
        unless(cancel, async { Ok(self.0.sign_out().await?) }).await
    }

    /// Who is signed in, by the server's own name for them (`sub` of the ID token), if the scope had `openid`.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        self.0.subject()
    }

    /// The same number for all sessions that share a state: what a login handler is called for must not wait for it.
    #[must_use]
    pub fn state_id(&self) -> u64 {
        self.0.state_id()
    }

    /// How things stand, as far as memory knows.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status().into()
    }

    /// The same after the store has been read, if it was not yet.
    ///
    /// # Errors
    ///
    /// StoreUnavailable, Timeout; Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn fresh_status(&self, cancel: Option<Arc<CancelToken>>) -> Result<Status, RekindleError> {
        unless(cancel, async { Ok(self.0.fresh_status().await?.into()) }).await
    }

    /// How often things happened, by name.
    #[must_use]
    pub fn stats(&self) -> HashMap<String, u64> {
        self.0.stats().entries().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// The counters in the Prometheus text format.
    #[must_use]
    pub fn prometheus(&self) -> String {
        self.0.stats().to_prometheus()
    }

    /// The events from now on.
    #[must_use]
    pub fn events(&self) -> Arc<EventStream> {
        Arc::new(EventStream::new(self.0.events()))
    }

    /// Whether nothing is under way or unsaved.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.0.is_settled()
    }

    /// Waits for what is under way or unsaved, at most so long; whether nothing is left. The session can be used on.
    ///
    /// # Errors
    ///
    /// Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn shutdown(
        &self,
        most: Duration,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<bool, RekindleError> {
        unless(cancel, async { Ok(self.0.shutdown(most).await) }).await
    }
}

/// For adapters.
#[uniffi::export]
impl Session {
    /// Whether the token is for that URL.
    ///
    /// # Errors
    ///
    /// InvalidConfig: it is no URL.
    pub fn owns(&self, url: String) -> Result<bool, RekindleError> {
        Ok(self.0.owns(&call::url("url", &url)?))
    }

    /// For adapters, as they are made: a session that lists no origin would do nothing in a client of one's own.
    ///
    /// # Errors
    ///
    /// InvalidConfig: there is none.
    pub fn require_origins(&self) -> Result<(), RekindleError> {
        Ok(self.0.require_origins()?)
    }

    /// The headers that say who asks, in lower case: a request that has one of them brings its own. A key that goes
    /// along with the token, like Supabase's `apikey`, is none of them.
    #[must_use]
    pub fn credential_headers(&self) -> Vec<String> {
        let names = [self.0.dialect().token_header(), AUTHORIZATION];
        names.iter().map(|name| name.as_str().to_owned()).collect()
    }
}

impl Session {
    pub(crate) fn of(session: rekindle::Session) -> Self {
        Self(session)
    }

    pub(crate) fn inner(&self) -> &rekindle::Session {
        &self.0
    }
}

fn settled(token: Result<rekindle::Token, rekindle::Error>) -> Result<Arc<Token>, RekindleError> {
    Ok(Arc::new(Token::new(&token?)))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
