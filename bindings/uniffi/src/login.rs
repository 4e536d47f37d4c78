//! Signing in again while callers wait (spec 12.13).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use rekindle::{Cause, Error, ErrorKind, Failure, OnLoginRequired};
use rekindle_bindings::Thrown;

use crate::session::Session;

/// Signs the user in again, once for all who wait.
#[uniffi::export(foreign)]
#[async_trait]
pub trait Login: Send + Sync {
    /// Signs that session in. It must not ask it for a token before.
    ///
    /// # Errors
    ///
    /// Why nobody is signed in: those who wait get it.
    async fn sign_in(&self, session: Arc<Session>) -> Result<(), LoginFailure>;
}

/// Nobody is signed in.
#[derive(Debug, uniffi::Error)]
pub enum LoginFailure {
    /// Why.
    Failed {
        /// The kind of rekindle's own error; without it, Misuse.
        kind: Option<String>,
        /// It goes into the error: no secrets.
        reason: String,
        /// Names what the function threw, for the host to find it again.
        thrown: Option<u64>,
    },
}

pub(crate) struct HostLogin(pub(crate) Arc<dyn Login>);

#[async_trait]
impl OnLoginRequired for HostLogin {
    async fn sign_in(&self, session: rekindle::Session) -> Result<(), Error> {
        let done = self.0.sign_in(Arc::new(Session::of(session))).await;
        done.map_err(|LoginFailure::Failed { kind, reason, thrown }| {
            let known = kind.and_then(|name| ErrorKind::ALL.iter().copied().find(|kind| kind.name() == name));
            let failure = Failure::new(known.unwrap_or(ErrorKind::Misuse), reason);
            let cause = thrown.map(|thrown| Cause::new("an error of the host's", Thrown(thrown)));
            Failure { cause, ..failure }.into()
        })
    }
}

impl fmt::Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { reason, .. } = self;
        f.write_str(reason)
    }
}

impl std::error::Error for LoginFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for LoginFailure {
    /// Its text could quote the credential.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { kind: None, reason: "the login handler failed".to_owned(), thrown: None }
    }
}
