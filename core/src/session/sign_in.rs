//! What the user does to a session: sign in, sign out.

use rekindle_proto::machine::{Machine, Ticket};
use rekindle_proto::{Credential, Expiry, Failure, Now};

use super::Session;
use super::setup::Setup;
use super::token_source::Revocation;
use super::waiters::Done;
use crate::error::Error;
use crate::proof::Proofs;

impl Session {
    /// The user signed in: this credential replaces whatever there is, at once (spec 4.6).
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
    /// InvalidConfig for a credential that cannot be used; StoreUnavailable if it could not be saved: then
    /// it is served from memory and saved as soon as that is possible.
    pub async fn sign_in(&self, credential: Credential) -> Result<(), Error> {
        let credential = completed(credential, &self.setup);
        self.written(|machine, now| machine.sign_in(&credential, now)).await
    }

    /// The user signs out: nothing is served from now on, and the store is wiped but for a tombstone.
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
    /// StoreUnavailable if the store could not be wiped: that is tried again as long as the process runs.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.written(|machine, now| Ok(machine.sign_out(now))).await
    }

    /// The user signs out, and the server is asked to revoke the refresh token, where the dialect has an endpoint for
    /// that (RFC 7009). Without this, what was stolen before stays valid to its end; some servers end every other
    /// session of the user with it, too. The session is signed out whatever the server says.
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
    /// StoreUnavailable if the store could not be wiped: that is tried again as long as the process runs.
    pub async fn sign_out_and_revoke(&self) -> Result<Revocation, Error> {
        // What is stored may be newer than what is known; where it cannot be read it is signed out all the same.
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
    /// the same client. Otherwise such a session is refused (spec 7.5, 7.10). Whether something had to be moved.
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
    /// InvalidConfig where the tokens are those of another client, or bound to another key: sign in again. SignedOut;
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

/// A credential that somebody brings, with what configuration and dialect say about it.
pub(crate) fn completed(mut credential: Credential, setup: &Setup) -> Credential {
    if setup.proofs.as_deref().is_some_and(Proofs::bind_tokens) {
        credential.token_type.get_or_insert_with(|| "DPoP".to_owned());
    }
    if let (None, Some(token)) = (credential.expiry, &credential.access_token) {
        credential.expiry = setup.dialect.end_by_jwt(token).map(Expiry::At);
    }
    credential
}
