//! Signing in and out.

use rekindle_proto::machine::{Machine, Ticket};
use rekindle_proto::{Credential, Expiry, Failure, Now};

use super::Session;
use super::setup::Setup;
use super::token_source::Revocation;
use super::waiters::Done;
use crate::error::Error;
use crate::proof::Proofs;

impl Session {
    /// Signs in: this credential replaces any existing one at once (spec 4.6).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::Credential;
    ///
    /// let credential = Credential { access_token: Some("at-2".into()), ..Credential::default() };
    /// session.sign_in(credential).await?;
    /// assert_eq!(session.token().await?.value(), "at-2");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the credential cannot be used. StoreUnavailable if it could not be saved: it is then served
    /// from memory, and saved as soon as possible.
    pub async fn sign_in(&self, credential: Credential) -> Result<(), Error> {
        let credential = completed(credential, &self.setup);
        self.written(|machine, now| machine.sign_in(&credential, now)).await
    }

    /// Signs the user out: no token is served from now on, and the store's record is replaced by a tombstone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// session.sign_out().await?;
    /// assert!(session.token().await.unwrap_err().is_signed_out());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable if the store could not be wiped: the session keeps trying as long as the process runs.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.written(|machine, now| Ok(machine.sign_out(now))).await
    }

    /// Signs the user out and asks the server to revoke the refresh token, if the dialect has a revocation endpoint
    /// (RFC 7009). Without revocation, stolen tokens stay valid until they expire; with it, some servers end all other
    /// sessions of the user, too. The session is signed out whatever the server answers.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("json").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::session::Revocation;
    ///
    /// assert_eq!(session.sign_out_and_revoke().await?, Revocation::NotOffered);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// StoreUnavailable if the store could not be wiped: the session keeps trying as long as the process runs.
    pub async fn sign_out_and_revoke(&self) -> Result<Revocation, Error> {
        // The stored token may be newer than the one in memory; if the store cannot be read, the session is signed
        // out anyway.
        let _ = self.fresh_status().await;
        let token = self.engine.look(|machine, _| machine.revocable());
        self.sign_out().await?;
        let Some(token) = token else { return Ok(Revocation::NotOffered) };
        Ok(match self.engine.revoke(token).await {
            Some(true) => Revocation::Done,
            Some(false) => Revocation::Failed,
            None => Revocation::NotOffered,
        })
    }

    /// Moves a stored credential to this session's configuration: another token endpoint, dialect or other origins of
    /// the same client. Without this, such a credential is refused (spec 7.5, 7.10). Returns whether anything had to be
    /// moved.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/v2/token");
    /// assert!(!builder.build()?.rebind().await?); // nothing is stored
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the tokens belong to another client or are bound to another key: sign in again. SignedOut;
    /// StoreUnavailable.
    pub async fn rebind(&self) -> Result<bool, Error> {
        let moved = self.engine.rebind().await?;
        if moved {
            self.read_store().await?;
        }
        Ok(moved)
    }

    async fn written(
        &self,
        begin: impl FnOnce(&mut Machine, Now) -> Result<Ticket, Failure>,
    ) -> Result<(), Error> {
        let (begun, waiter) = self.engine.ask_and_wait(self.deadline(None), |machine, now| {
            let begun = begin(machine, now);
            let ticket = begun.as_ref().ok().copied();
            (begun, ticket)
        });
        begun?;
        let Some(waiter) = waiter else { return Ok(()) };
        match self.engine.wait(waiter).await? {
            Done::Failed(failure) => Err(failure.into()),
            Done::Ready(_) | Done::Again => Ok(()),
        }
    }
}

/// The user's credential, completed from configuration and dialect.
pub(crate) fn completed(mut credential: Credential, setup: &Setup) -> Credential {
    if setup.proofs.as_deref().is_some_and(Proofs::bind_tokens) {
        credential.token_type.get_or_insert_with(|| "DPoP".to_owned());
    }
    if let (None, Some(token)) = (credential.expiry, &credential.access_token) {
        credential.expiry = setup.dialect.end_by_jwt(token).map(Expiry::At);
    }
    credential
}
