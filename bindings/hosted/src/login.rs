//! The host signs the user in again while callers wait (spec 12.13).

use async_trait::async_trait;
use rekindle::{Cause, Error, ErrorKind, Failure, OnLoginRequired, Session};
use rekindle_bindings::Thrown;
use serde_json::json;

use crate::host::SessionHost;

/// The host's handler: it signs in with messages of its own, and answers when it is done.
pub(crate) struct HostedLogin(pub(crate) SessionHost);

#[async_trait]
impl OnLoginRequired for HostedLogin {
    async fn sign_in(&self, _: Session) -> Result<(), Error> {
        let ended = |_| Error::new(ErrorKind::Misuse, "the host has ended, so no sign-in is possible");
        let answer = self.0.effect(json!({ "effect": "login" })).await.map_err(ended)?;
        let Some(reason) = answer["error"].as_str() else { return Ok(()) };
        let kind = ErrorKind::ALL.iter().copied().find(|kind| answer["kind"] == kind.name());
        let failure = Failure::new(kind.unwrap_or(ErrorKind::Misuse), reason);
        let cause =
            answer["thrown"].as_u64().map(|thrown| Cause::new("an error of the host's", Thrown(thrown)));
        Err(Failure { cause, ..failure }.into())
    }
}
