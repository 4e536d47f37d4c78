//! The sign-ins that this process has finished: a code may be used only once (RFC 6749 section 4.1.2), and some servers
//! revoke all tokens issued for a code that is sent twice.

use std::collections::BTreeMap;
use std::time::Duration;

use rekindle_proto::sign_in::{LONGEST_SIGN_IN, PendingSignIn};
use rekindle_proto::{ErrorKind, Failure, Secret, Wall};

use crate::fork::PerProcess;
use crate::lock::Mutex;

/// By the fingerprint of their state; when they were finished. States are random, so all apps share this.
static SPENT: PerProcess<Mutex<BTreeMap<String, Wall>>> = PerProcess::new();

/// One that was finished right now.
pub(super) struct Spent(String);

/// Marks a sign-in as finished.
///
/// # Errors
///
/// Misuse: it was finished before.
pub(super) fn spend(pending: &PendingSignIn, now: Wall) -> Result<Spent, Failure> {
    let tag = Secret::new(pending.state()).fingerprint().0;
    let spent = SPENT.get_checked(inherit);
    let mut spent = spent.lock();
    // An older one is refused by its age.
    spent.retain(|_, finished| now.since(*finished) <= LONGEST_SIGN_IN + Duration::from_secs(60));
    if spent.insert(tag.clone(), now).is_some() {
        let message = "this sign-in was finished before, and its code was used: start the sign-in again (a page that was loaded twice \
                       comes here too)";
        return Err(Failure::new(ErrorKind::Misuse, message));
    }
    Ok(Spent(tag))
}

impl Spent {
    /// Nothing was sent: it can be finished still.
    pub(super) fn take_back(self) {
        SPENT.get_checked(inherit).lock().remove(&self.0);
    }
}

fn inherit(parents: Option<&Mutex<BTreeMap<String, Wall>>>) -> Mutex<BTreeMap<String, Wall>> {
    Mutex::new(parents.and_then(Mutex::try_lock).map(|parents| parents.clone()).unwrap_or_default())
}
