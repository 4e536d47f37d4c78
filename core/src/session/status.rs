//! The status of a session, its counters and events, and whether it has work left.

use std::collections::BTreeMap;
use std::time::Duration;

use rekindle_proto::machine::{Machine, Status, StatusStanding};
use rekindle_proto::sign_in::SUBJECT;

use super::Session;
use super::counters::Stats;
use super::events::Events;
use super::token_source::FALLBACK;
use super::waiters::Done;
use crate::error::Error;

impl Session {
    /// The current status, without secrets. Reads memory, not the store.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::session::StatusStanding;
    ///
    /// assert_eq!(session.status().standing, StatusStanding::Unread);
    /// session.token().await?;
    /// assert_eq!(session.status().standing, StatusStanding::Active);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        self.engine.look(Machine::status)
    }

    /// Reads the store if that has not been done yet, then returns the status.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let status = session.fresh_status().await?;
    /// assert_eq!(status.standing.name(), "active");
    /// assert!(status.valid && status.refreshable && status.persisted);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable, InvalidConfig.
    pub async fn fresh_status(&self) -> Result<Status, Error> {
        if self.status().standing == StatusStanding::Unread {
            self.read_store().await?;
        }
        Ok(self.status())
    }

    pub(super) async fn read_store(&self) -> Result<(), Error> {
        let deadline = self.deadline(None);
        let (_, waiter) = self.engine.ask_and_wait(deadline, |machine, _| ((), Some(machine.open())));
        if let Some(waiter) = waiter
            && let Done::Failed(failure) = self.engine.wait(waiter).await?
        {
            return Err(failure.into());
        }
        Ok(())
    }

    /// The values stored with the tokens: those of the token response that the dialect keeps (`answer.keep`), and the
    /// `extra` of a credential. For example an instance URL, a user id or an ID token: they may be as secret as the
    /// tokens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// use rekindle::Credential;
    ///
    /// let extra = [("instance_url".to_owned(), "https://eu1.example.com".to_owned())].into();
    /// session.sign_in(Credential { access_token: Some("at-1".into()), extra, ..Credential::default() }).await?;
    /// assert_eq!(session.extra().await?["instance_url"], "https://eu1.example.com");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable, InvalidConfig.
    pub async fn extra(&self) -> Result<BTreeMap<String, String>, Error> {
        self.fresh_status().await?;
        let mut extra = self.engine.look(|machine, _| machine.extra());
        for own in [FALLBACK, SUBJECT] {
            extra.remove(own);
        }
        Ok(extra)
    }

    /// The counters of the session.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// session.refresh().await?;
    /// assert_eq!(session.stats().refreshes, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.events.stats()
    }

    /// The events from now on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let server = rekindle_test_server::AuthServer::builder().start().unwrap();
    /// # let (api, tokens) = (server.base_url(), server.sign_in());
    /// # let session = rekindle::Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
    /// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build()?;
    /// let events = session.events();
    /// session.refresh().await?;
    /// while let Some(event) = events.try_next() {
    ///     println!("{}", event.kind.name()); // RefreshStarted, RefreshSucceeded
    /// }
    /// # assert_eq!(session.stats().refreshes_started, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn events(&self) -> Events {
        self.engine.events.stream()
    }

    /// Waits, for at most `most`, until refreshes in progress are finished and all credentials are saved. Returns
    /// `true` if no work is left. The session can still be used.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use std::time::Duration;
    ///
    /// session.token().await?;
    /// assert!(session.shutdown(Duration::from_secs(5)).await);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown(&self, most: Duration) -> bool {
        let deadline = self.clock().now().mono.saturating_add(most);
        self.engine.settle(deadline).await
    }

    /// Whether no work is in progress and everything is saved: [`Session::shutdown`] would not wait.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// assert!(session.is_settled());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.engine.is_settled()
    }
}
