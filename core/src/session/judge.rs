//! What to do after a response (spec 2, 3).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rekindle_proto::machine::{AfterRejection, Origin, OriginId, ReplayRefused, Stamp, Ticket};
use rekindle_proto::{Applied, Exchange, Operation, Secret, Verdict, redact};
use url::Url;

use super::Session;
use super::acquire::{MOST_ROUNDS, unsteady};
use super::token::{Served, Token};
use super::waiters::Done;
use crate::error::Error;

/// The first delay for a token that the API may not know yet; it doubles.
const FIRST_SETTLING: Duration = Duration::from_millis(250);

/// What to do with a response.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// Return the response to the caller.
    Keep {
        /// What the response says about the token.
        verdict: Verdict,
        /// Why the request is not sent again although its token was rejected.
        replay_refused: Option<ReplayRefused>,
    },
    /// Send the request again.
    Replay {
        /// With this token.
        token: Token,
        /// What the response said about the old one.
        verdict: Verdict,
    },
}

impl Session {
    /// What a response says about our token. Has no effects.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::{Exchange, Operation};
    ///
    /// let url = "https://api.example.com/data".parse().expect("a URL");
    /// let exchange = Exchange {
    ///     method: &http::Method::GET,
    ///     url: &url,
    ///     operation: Operation::Http,
    ///     replayable: true,
    ///     status: http::StatusCode::UNAUTHORIZED,
    ///     headers: &http::HeaderMap::new(),
    ///     body: b"",
    /// };
    /// assert_eq!(session.verdict(&exchange).name(), "expired");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn verdict(&self, exchange: &Exchange<'_>) -> Verdict {
        self.dialect().judge(exchange)
    }

    /// Judges the response to a request that carried `token`. If the token was rejected, waits for a new one, until
    /// `deadline` on the session's monotonic clock; an accepted response is judged at once.
    ///
    /// Fails if a refresh was needed and failed, if the sign-in that the token belongs to has ended, or if the
    /// session lists no origin at all.
    pub(crate) async fn judge(
        &self,
        token: &Token,
        exchange: &Exchange<'_>,
        deadline: Option<Duration>,
    ) -> Result<Judgement, Error> {
        let verdict = without_token(self.verdict_about(token, exchange), token);
        let Some(origin) = self.origins.find(exchange.url) else {
            self.require_origins()?;
            return Ok(Judgement::Keep { verdict, replay_refused: None });
        };
        if let Some(proofs) = &self.setup.proofs {
            proofs.hear(exchange.url, exchange.headers);
        }
        match verdict {
            Verdict::NonceRequired(Some(_)) if self.setup.proofs.is_some() => {
                Ok(nonce(token, exchange, verdict))
            }
            Verdict::Expired { applied, .. } => {
                let refused = cannot_replay(exchange, applied);
                if let Some(pause) = self.settling(token, deadline) {
                    // Not a rejection: the token may not be known everywhere yet.
                    return Ok(match refused {
                        Some(reason) => refuse(verdict, reason),
                        None => Box::pin(self.settled(token, pause, verdict)).await,
                    });
                }
                // Boxed because it is large and seldom needed, whereas every response is judged.
                Box::pin(self.rejected(token, origin, refused, deadline, verdict)).await
            }
            verdict => {
                if verdict == Verdict::Accepted {
                    self.accepted(token, origin);
                }
                if !matches!(verdict, Verdict::StepUp(_) | Verdict::NonceRequired(_)) {
                    self.take_response_tokens(token, exchange.url, exchange.headers);
                }
                Ok(Judgement::Keep { verdict, replay_refused: None })
            }
        }
    }

    /// The error was found where the request cannot be sent again: the token is refreshed for the next request.
    pub(crate) fn note_rejected(&self, token: &Token, exchange: &Exchange<'_>) {
        let Some(origin) = self.origins.find(exchange.url) else { return };
        if token.settles_for(self.dialect().settle(), self.clock().now()).is_some() {
            return;
        }
        let (mut stamp, name) = (token.stamp(), self.engine.origin_name(origin));
        let origin = Origin { id: origin, name: &name };
        self.engine
            .ask(|machine, now| machine.reject(&mut stamp, origin, Some(ReplayRefused::Streamed), now));
    }

    /// Like [`Session::judge`], for an exchange whose verdict is Accepted.
    pub(crate) fn note_accepted(&self, token: &Token, url: &Url, headers: &HeaderMap) {
        if let Some(proofs) = &self.setup.proofs {
            proofs.hear(url, headers);
        }
        if let Some(origin) = self.origins.find(url) {
            self.accepted(token, origin);
        }
    }

    /// Takes the new tokens that a response carries, unless it rejects the one of its request (spec 2.13). They are saved
    /// in the background.
    pub(crate) fn take_response_tokens(&self, token: &Token, url: &Url, headers: &HeaderMap) {
        let dialect = self.dialect();
        if !dialect.reads_response_tokens() || self.origins.find(url).is_none() {
            return;
        }
        let tokens = dialect.response_tokens(headers, self.clock().now().wall);
        if let Some(tokens) = tokens.filter(|tokens| tokens.access_token != *token.secret()) {
            let stamp = token.stamp();
            self.engine.ask(|machine, now| machine.renew(&stamp, tokens, now));
        }
    }

    /// How long to wait before the same token is sent again, if it is so new that the API may not know it (spec
    /// 2.10). The last send is at the end of that time.
    fn settling(&self, token: &Token, deadline: Option<Duration>) -> Option<Duration> {
        let settle = self.dialect().settle();
        if settle.is_zero() {
            return None;
        }
        let now = self.clock().now();
        let left = token.settles_for(settle, now)?;
        let pause = FIRST_SETTLING.saturating_mul(1 << token.settled.min(8)).min(left);
        deadline.is_none_or(|deadline| now.mono + pause < deadline).then_some(pause)
    }

    async fn settled(&self, token: &Token, pause: Duration, verdict: Verdict) -> Judgement {
        let clock = self.clock();
        clock.sleep_until(clock.mono() + pause).await;
        Judgement::Replay { token: token.settling(), verdict }
    }

    /// What a response says about this token: a rule may depend on whether it has expired by the clock (spec 2.9).
    pub(crate) fn verdict_about(&self, token: &Token, exchange: &Exchange<'_>) -> Verdict {
        let dialect = self.dialect();
        match dialect.asks_for_the_clock() && token.is_past_end(self.clock().now()) {
            true => dialect.judge_past_end(exchange),
            false => dialect.judge(exchange),
        }
    }

    /// Secrets that a server might repeat: the published access token, valid or not, the refresh token, the client's
    /// secret.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let serving = self.engine.published().served.as_ref().map(|served| served.current.value.clone());
        let refresh_token = self.engine.look(|machine, _| machine.refresh_token().cloned());
        let own = self.engine.setup.source.client_secret().cloned();
        serving.into_iter().chain(refresh_token).chain(own).collect()
    }

    fn accepted(&self, token: &Token, id: OriginId) {
        if self.engine.published().snapshot.watches(id, token.replays > 0) {
            let (stamp, name) = (token.stamp(), self.engine.origin_name(id));
            self.engine.ask(|machine, now| machine.accepted(&stamp, Origin { id, name: &name }, now));
        }
    }

    /// Like [`Self::after_refresh`]; if the user must sign in, the login handler may do so, and the request
    /// continues.
    async fn rejected(
        &self,
        token: &Token,
        origin: OriginId,
        refused: Option<ReplayRefused>,
        deadline: Option<Duration>,
        verdict: Verdict,
    ) -> Result<Judgement, Error> {
        match self.after_refresh(token, origin, refused, deadline, verdict.clone()).await {
            Err(lost) if lost.is_login_required() && self.setup.login.is_some() => {
                self.signed_in_again(lost, deadline).await?;
                if let Some(reason) = refused {
                    return Ok(refuse(verdict, reason));
                }
                let served = self.current(deadline).await?;
                Ok(replay(token, served, &token.stamp(), verdict))
            }
            judgement => judgement,
        }
    }

    async fn after_refresh(
        &self,
        token: &Token,
        origin: OriginId,
        refused: Option<ReplayRefused>,
        deadline: Option<Duration>,
        verdict: Verdict,
    ) -> Result<Judgement, Error> {
        let deadline = self.deadline(deadline);
        let (mut stamp, name) = (token.stamp(), self.engine.origin_name(origin));
        let origin = Origin { id: origin, name: &name };
        for _ in 0..MOST_ROUNDS {
            let (after, waiter) = self.engine.ask_and_wait(deadline, |machine, now| {
                let after = machine.reject(&mut stamp, origin, refused, now);
                let ticket = ticket(&after);
                (after, ticket)
            });
            match (after, waiter) {
                (AfterRejection::Replay(current), _) => {
                    return Ok(replay(token, self.engine.served(&current)?, &stamp, verdict));
                }
                (AfterRejection::Wait(_), Some(waiter)) => match self.engine.wait(waiter).await? {
                    Done::Ready(served) => return Ok(replay(token, served, &stamp, verdict)),
                    Done::Again => {}
                    Done::Failed(failure) => return Err(failure.into()),
                },
                (AfterRejection::Refuse(reason), _) => return Ok(refuse(verdict, reason)),
                (AfterRejection::Fail(failure), _) => return Err(failure.into()),
                (AfterRejection::Wait(_), None) => {}
            }
        }
        Err(unsteady().into())
    }
}

/// A server may repeat the token in the name of the scope that it requires (spec 2.7).
fn without_token(verdict: Verdict, token: &Token) -> Verdict {
    match verdict {
        Verdict::InsufficientScope { scope: Some(scope) } => {
            let scope = Some(redact::known(&scope, &[&Secret::from(token.value())]));
            Verdict::InsufficientScope { scope }
        }
        other => other,
    }
}

/// If a new token is rejected as well, no token helps (spec 3.3).
fn refuse(verdict: Verdict, reason: ReplayRefused) -> Judgement {
    let verdict = if reason == ReplayRefused::FreshTokenRejected { Verdict::Denied } else { verdict };
    Judgement::Keep { verdict, replay_refused: Some(reason) }
}

fn replay(token: &Token, served: Arc<Served>, stamp: &Stamp, verdict: Verdict) -> Judgement {
    Judgement::Replay { token: token.replay(served, stamp), verdict }
}

/// The same token again, once, with the nonce from the response (spec 3.3).
fn nonce(token: &Token, exchange: &Exchange<'_>, verdict: Verdict) -> Judgement {
    let refused = match (exchange.replayable, token.renonced) {
        (false, _) => ReplayRefused::BodyNotReplayable,
        (true, true) => ReplayRefused::LimitReached,
        (true, false) => return Judgement::Replay { token: token.renonced(), verdict },
    };
    Judgement::Keep { verdict, replay_refused: Some(refused) }
}

fn cannot_replay(exchange: &Exchange<'_>, applied: Applied) -> Option<ReplayRefused> {
    let repeatable = match exchange.operation {
        Operation::Http => exchange.method.is_idempotent(),
        Operation::GraphqlQuery => true,
        Operation::GraphqlMutation => false,
    };
    if !exchange.replayable {
        return Some(ReplayRefused::BodyNotReplayable);
    }
    (applied == Applied::Maybe && !repeatable).then_some(ReplayRefused::MaybeApplied)
}

fn ticket(after: &AfterRejection) -> Option<Ticket> {
    match after {
        AfterRejection::Wait(ticket) => Some(*ticket),
        _ => None,
    }
}
