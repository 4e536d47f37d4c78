//! Signing in again while callers wait (spec 12.13): the user's handler runs only once at a time per process, however
//! many callers wait.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rekindle_proto::{ErrorKind, Failure};
use tokio::sync::{oneshot, watch};

use super::{Session, reentrancy};
use crate::error::Error;
use crate::lock::Mutex;

/// After a failed sign-in the user is not asked again at once.
const AFTER_A_FAILURE: Duration = Duration::from_secs(30);

/// Signs the user in again when the session can no longer be kept alive.
///
/// ```
/// use rekindle::sign_in::SignIn;
/// use rekindle::{Error, OnLoginRequired, Session};
///
/// struct InTheBrowser;
/// #[async_trait::async_trait]
/// impl OnLoginRequired for InTheBrowser {
///     async fn sign_in(&self, session: Session) -> Result<(), Error> {
///         session.sign_in_with_browser(SignIn::new(), rekindle::sign_in::open_browser).await
///     }
/// }
/// ```
#[async_trait]
pub trait OnLoginRequired: Send + Sync + 'static {
    /// Signs in: with [`Session::sign_in`], or another method of [`sign_in`](crate::sign_in). Asking the session for a
    /// token before that fails with Misuse.
    async fn sign_in(&self, session: Session) -> Result<(), Error>;
}

/// The handler, and how long callers wait for it.
pub(crate) struct Login {
    pub(crate) handler: Arc<dyn OnLoginRequired>,
    pub(crate) wait: Duration,
}

/// The sign-in in progress in this process, or the last one, if it failed.
#[derive(Default)]
pub(crate) struct LoginState(Mutex<Inner>);

/// `None` until it ends.
type Progress = watch::Receiver<Option<Result<(), Failure>>>;

#[derive(Default)]
struct Inner {
    under_way: Option<Progress>,
    failed: Option<(Duration, Failure)>,
}

impl Session {
    /// Waits until the user has signed in again; returns the error if the user does not.
    pub(super) async fn signed_in_again(&self, lost: Error, deadline: Option<Duration>) -> Result<(), Error> {
        let Some(login) = &self.setup.login else { return Err(lost) };
        if !lost.is_login_required() {
            return Err(lost);
        }
        if reentrancy::is_inside(self.engine.login_id()) {
            return Err(waits_for_itself().into());
        }
        let mut result = match self.join_login(login)? {
            Joined::UnderWay(result) => result,
            Joined::Done => return Ok(()),
            Joined::Failed(failure) => return Err(failure.into()),
        };
        if login.wait.is_zero() {
            return Err(lost);
        }
        let own = self.clock().mono().saturating_add(login.wait);
        let late = self.alarm(deadline.map_or(own, |given| given.min(own)), result.clone())?;
        tokio::select! {
            told = result.wait_for(Option::is_some) => match told.ok().and_then(|told| told.clone()) {
                Some(told) => told.map_err(Error::from),
                None => Err(Failure::new(ErrorKind::Misuse, "the handler on_login_required panicked").into()),
            },
            Ok(()) = late => {
                let message = "the user has not signed in yet: the sign-in goes on, try again later";
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// Ends the wait at that time, unless the sign-in ends or the caller stops waiting first. It runs on the engine's
    /// runtime, because the executors of callers may have no timers.
    fn alarm(&self, until: Duration, mut result: Progress) -> Result<oneshot::Receiver<()>, Failure> {
        let (mut ring, late) = oneshot::channel();
        let clock = self.clock().clone();
        let work = async move {
            let is_late = tokio::select! {
                () = clock.sleep_until(until) => true,
                _ = result.wait_for(Option::is_some) => false,
                () = ring.closed() => false,
            };
            if is_late {
                let _ = ring.send(());
            }
        };
        self.setup.platform.spawn(work).map_err(|error| no_thread(&error))?;
        Ok(late)
    }

    fn join_login(&self, login: &Login) -> Result<Joined, Failure> {
        let state = self.engine.login();
        let mut inner = state.0.lock();
        let goes_on = |result: &Progress| result.borrow().is_none() && result.has_changed().is_ok();
        if let Some(result) = inner.under_way.as_ref().filter(|result| goes_on(result)) {
            return Ok(Joined::UnderWay(result.clone()));
        }
        // A caller that comes late finds the result that others waited for.
        if self.engine.look(|machine, now| machine.status(now).valid) {
            return Ok(Joined::Done);
        }
        let now = self.clock().mono();
        if let Some((until, failure)) = inner.failed.as_ref().filter(|(until, _)| now < *until) {
            return Ok(Joined::Failed(failure.clone().after(*until - now)));
        }
        let (tell, result) = watch::channel(None);
        inner.under_way = Some(result.clone());
        let (session, handler) = (self.clone(), login.handler.clone());
        let work = async move {
            let signing_in = handler.sign_in(session.clone());
            let done = reentrancy::scope(session.engine.login_id(), signing_in).await;
            let done = done.map_err(|error| error.failure().clone());
            let until = session.clock().mono().saturating_add(AFTER_A_FAILURE);
            let failed = done.as_ref().err().map(|failure| (until, failure.clone()));
            session.engine.login().0.lock().failed = failed;
            let _ = tell.send(Some(done));
        };
        self.setup.platform.spawn(work).map_err(|error| no_thread(&error))?;
        Ok(Joined::UnderWay(result))
    }
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(ErrorKind::System, format!("the operating system could not start a thread ({error})"))
}

/// The error of a login handler that asks the session that it signs in for a token.
fn waits_for_itself() -> Failure {
    let message = "the login handler asked the session that it signs in for a token: that would wait for itself; sign \
                   in first";
    Failure::new(ErrorKind::Misuse, message)
}

enum Joined {
    UnderWay(Progress),
    Done,
    Failed(Failure),
}
