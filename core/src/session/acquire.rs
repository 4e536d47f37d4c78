//! How a caller gets a token: at once if one is published; otherwise by asking the machine and waiting.

use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::machine::{Acquired, Fast, Machine, OriginId, Ticket, TokenRequirements};
use rekindle_proto::{ErrorKind, Failure, Now};
use url::Url;

use super::Session;
use super::token::{Served, Token};
use super::waiters::Done;
use crate::error::Error;

/// The store keeps changing; a caller gives up after so many tries.
pub(super) const MOST_ROUNDS: u32 = 8;

impl Session {
    /// The token for a request to this URL; `None`: the URL's origin is not listed, and the request is sent without a
    /// token (spec 9.1). Waits for a refresh until `deadline` on the session's monotonic clock; `None`:
    /// `wait_timeout`.
    pub(crate) async fn token_for(
        &self,
        url: &Url,
        deadline: Option<Duration>,
    ) -> Result<Option<Token>, Error> {
        let Some(origin) = self.origins.find(url) else {
            return self.require_origins().map(|()| None);
        };
        if let Some(token) = self.fast(Some(origin), self.engine.setup.clock.now()) {
            return Ok(Some(token));
        }
        let requirements = TokenRequirements { origin: Some(origin), min_life: None };
        Box::pin(self.acquire(requirements, deadline)).await.map(Some)
    }

    /// The token for a request to this URL if it can be served at once; `now` is a current reading of the clocks.
    pub(crate) fn try_token_at(&self, url: &Url, now: Now) -> Option<Token> {
        self.fast(Some(self.origins.find(url)?), now)
    }

    pub(crate) fn try_token_of(&self, origin: OriginId) -> Option<Token> {
        self.fast(Some(origin), self.clock().now())
    }

    pub(super) async fn refreshed(&self, force: bool) -> Result<Token, Error> {
        let deadline = self.deadline(None);
        let served = self.rounds(deadline, None, |machine, now| machine.refresh(force, now)).await;
        Ok(Token::owned(served?))
    }

    pub(super) fn fast(&self, origin: Option<OriginId>, now: Now) -> Option<Token> {
        let published = self.engine.published();
        match published.snapshot.fast(now, origin) {
            Fast::Serve => Token::borrowed(published),
            Fast::ServeAndReport => {
                self.engine
                    .ask(|machine, now| machine.acquire(TokenRequirements { origin, min_life: None }, now));
                Token::borrowed(published)
            }
            Fast::Ask => None,
        }
    }

    pub(super) fn deadline(&self, given: Option<Duration>) -> Duration {
        let own = self.engine.setup.clock.now().mono.saturating_add(self.setup.wait);
        given.map_or(own, |given| given.min(own))
    }

    pub(super) async fn acquire(
        &self,
        requirements: TokenRequirements,
        deadline: Option<Duration>,
    ) -> Result<Token, Error> {
        let ask = || {
            let question = move |machine: &mut Machine, now| machine.acquire(requirements, now);
            self.rounds(self.deadline(deadline), Some(requirements), question)
        };
        let served = match ask().await {
            Err(lost) if lost.is_login_required() => {
                self.signed_in_again(lost, deadline).await?;
                ask().await?
            }
            served => served?,
        };
        Ok(Token::owned(served))
    }

    /// The published token.
    pub(super) async fn current(&self, deadline: Option<Duration>) -> Result<Arc<Served>, Error> {
        let requirements = TokenRequirements::default();
        let question = move |machine: &mut Machine, now| machine.acquire(requirements, now);
        self.rounds(self.deadline(deadline), Some(requirements), question).await
    }

    /// Asks the machine, waits, and asks again if the wait ended without a result. A caller that needs a token
    /// accepts an old one; a caller that requested a refresh gets the refresh's error.
    async fn rounds(
        &self,
        deadline: Duration,
        requirements: Option<TokenRequirements>,
        question: impl Fn(&mut Machine, Now) -> Acquired,
    ) -> Result<Arc<Served>, Error> {
        for _ in 0..MOST_ROUNDS {
            let (acquired, waiter) = self.engine.ask_and_wait(deadline, |machine, now| {
                let acquired = question(machine, now);
                let ticket = ticket(&acquired);
                (acquired, ticket)
            });
            match (acquired, waiter) {
                (Acquired::Serve(current), _) => return Ok(self.engine.served(&current)?),
                (Acquired::Wait(_), Some(waiter)) => match self.engine.wait(waiter).await {
                    Ok(Done::Ready(served)) => return Ok(served),
                    Ok(Done::Again) => {}
                    Ok(Done::Failed(failure)) | Err(failure) => {
                        return match requirements {
                            Some(requirements) => self.fallback(requirements, failure),
                            None => Err(failure.into()),
                        };
                    }
                },
                (Acquired::Fail(failure), _) => return Err(failure.into()),
                (Acquired::Wait(_), None) => {}
            }
        }
        Err(unsteady().into())
    }

    /// A token that is still valid is served anyway (spec 1.2).
    fn fallback(&self, requirements: TokenRequirements, failure: Failure) -> Result<Arc<Served>, Error> {
        let lasting = !matches!(failure.kind, ErrorKind::SignedOut | ErrorKind::Misuse);
        let valid = self.engine.look(|machine, now| machine.fallback(requirements, now)).filter(|_| lasting);
        match valid {
            Some(current) => Ok(self.engine.served(&current)?),
            None => Err(failure.into()),
        }
    }
}

fn ticket(acquired: &Acquired) -> Option<Ticket> {
    match acquired {
        Acquired::Wait(ticket) => Some(*ticket),
        Acquired::Serve(_) | Acquired::Fail(_) => None,
    }
}

pub(super) fn unsteady() -> Failure {
    Failure::new(
        ErrorKind::RefreshFailed,
        "the stored credential keeps changing under this session: find out what else writes it, then try again",
    )
}
