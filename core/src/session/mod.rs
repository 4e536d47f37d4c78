//! STUB: the signatures of the session that the client is built on, and a small scripted session behind
//! them for the client's tests. The real session takes this file's place.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use parking_lot::Mutex;
use rekindle_proto::dialect::Dialect;
use rekindle_proto::event::EventKind;
use rekindle_proto::{Applied, Exchange, ExpiredReason, Failure, Operation, Secret, Verdict, Wall};
use url::Url;

use crate::clock::Clock;
use crate::error::Error;
use crate::transport::Transport;

/// A session.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    origins: Vec<Url>,
    clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
    dialect: Dialect,
    state: Mutex<State>,
}

/// What the stub does, and what was done to it.
#[doc(hidden)]
#[derive(Default)]
pub struct State {
    /// The current generation.
    pub generation: u64,
    /// No token can be served at once.
    pub expired: bool,
    /// Every refresh fails with this.
    pub refresh_fails: Option<Failure>,
    /// How many refreshes there were.
    pub refreshes: u64,
    /// What was emitted.
    pub events: Vec<EventKind>,
    /// API errors come with status 200.
    pub errors_with_success: bool,
    /// Retry-After of the dialect's own.
    pub rejected: Vec<u64>,
}

/// An access token, as it was served.
#[derive(Clone)]
pub struct Token {
    value: Secret,
    authorization: HeaderValue,
    generation: u64,
    replays: u8,
}

/// What follows from a response.
#[derive(Debug)]
pub enum Judgement {
    /// The caller gets the response.
    Keep {
        /// What it says.
        verdict: Verdict,
        /// Why it is not sent again although the token was turned away.
        replay_refused: Option<ReplayRefused>,
    },
    /// The request is sent again.
    Replay {
        /// With this token.
        token: Token,
        /// What the response said.
        verdict: Verdict,
    },
}

/// Why a request whose token was turned away is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayRefused {
    /// Its body can be sent only once.
    BodyNotReplayable,
    /// It may have been applied.
    MaybeApplied,
    /// A token that was minted after the rejection was rejected too.
    FreshTokenRejected,
    /// It has been replayed often enough.
    LimitReached,
    /// The origin's rejections start no refresh for now.
    OriginHeld,
    /// The rejection was found in a body that is handed out as it comes.
    Streamed,
}

impl Session {
    /// A stub.
    #[doc(hidden)]
    pub fn stub(origins: &[&str], clock: Arc<dyn Clock>, transport: Arc<dyn Transport>) -> Self {
        let origins = origins.iter().filter_map(|origin| Url::parse(origin).ok()).collect();
        let state = Mutex::new(State { generation: 1, ..State::default() });
        Self(Arc::new(Inner { origins, clock, transport, dialect: Dialect {}, state }))
    }

    #[doc(hidden)]
    pub fn script(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock());
    }

    /// `None`: the URL is no origin of ours, the request goes without a token (spec 9.1).
    pub async fn token_for(&self, url: &Url, _deadline: Option<Duration>) -> Result<Option<Token>, Error> {
        if !self.owns(url) {
            return Ok(None);
        }
        let mut state = self.0.state.lock();
        if state.expired {
            refresh(&mut state)?;
        }
        Ok(Some(Token::new(state.generation, 0)))
    }

    /// The token, if it can be served at once.
    #[must_use]
    pub fn try_token_for(&self, url: &Url) -> Option<Token> {
        let state = self.0.state.lock();
        (self.owns(url) && !state.expired).then(|| Token::new(state.generation, 0))
    }

    /// What the response says, without any effect.
    #[must_use]
    pub fn verdict(&self, exchange: &Exchange<'_>) -> Verdict {
        let in_body = self.0.state.lock().errors_with_success && exchange.body.starts_with(b"{\"expired\"");
        match exchange.status.as_u16() {
            401 => Verdict::Expired { reason: ExpiredReason::Expired, applied: Applied::No },
            418 => Verdict::Expired { reason: ExpiredReason::Expired, applied: Applied::Maybe },
            403 => Verdict::Denied,
            429 => Verdict::RateLimited { after: retry_after(exchange) },
            503 => Verdict::Unavailable { after: retry_after(exchange) },
            _ if in_body => Verdict::Expired { reason: ExpiredReason::Expired, applied: Applied::No },
            _ => Verdict::Accepted,
        }
    }

    /// Tells the machine; waits for a refresh if one is needed. Accepted verdicts return at once.
    pub async fn judge(
        &self,
        token: &Token,
        exchange: &Exchange<'_>,
        _deadline: Option<Duration>,
    ) -> Result<Judgement, Error> {
        let verdict = self.verdict(exchange);
        let Verdict::Expired { applied, .. } = verdict else {
            return Ok(Judgement::Keep { verdict, replay_refused: None });
        };
        if token.replays > 0 {
            let replay_refused = Some(ReplayRefused::FreshTokenRejected);
            return Ok(Judgement::Keep { verdict: Verdict::Denied, replay_refused });
        }
        let mut state = self.0.state.lock();
        if state.generation == token.generation {
            refresh(&mut state)?;
        }
        let repeatable = exchange.method.is_idempotent() || exchange.operation == Operation::GraphqlQuery;
        let replay_refused = match (exchange.replayable, applied) {
            (false, _) => Some(ReplayRefused::BodyNotReplayable),
            (_, Applied::Maybe) if !repeatable => Some(ReplayRefused::MaybeApplied),
            _ => return Ok(Judgement::Replay { token: Token::new(state.generation, 1), verdict }),
        };
        Ok(Judgement::Keep { verdict, replay_refused })
    }

    /// Rejects for the next request without waiting (spec 2.6).
    pub fn note_rejected(&self, token: &Token, _exchange: &Exchange<'_>) {
        let mut state = self.0.state.lock();
        state.expired = true;
        state.rejected.push(token.generation);
    }

    /// The dialect.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.0.dialect
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// Whether the token is for this URL's origin.
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        self.0.origins.iter().any(|origin| origin.origin() == url.origin())
    }

    /// Tells what happened to a request.
    pub fn emit(&self, kind: EventKind) {
        self.0.state.lock().events.push(kind);
    }

    /// STUB of `dialect().errors_with_success_status()`.
    pub(crate) fn errors_with_success_status(&self) -> bool {
        self.0.state.lock().errors_with_success
    }

    /// STUB of `dialect().credential_headers()`.
    pub(crate) fn credential_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-school")]
    }
}

fn refresh(state: &mut State) -> Result<(), Error> {
    state.refreshes += 1;
    if let Some(failure) = &state.refresh_fails {
        return Err(failure.clone().into());
    }
    state.generation += 1;
    state.expired = false;
    Ok(())
}

fn retry_after(exchange: &Exchange<'_>) -> Option<Duration> {
    let text = exchange.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

impl Token {
    fn new(generation: u64, replays: u8) -> Self {
        let value = format!("sentinel-token-{generation}");
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {value}")).unwrap_or(HeaderValue::from_static(""));
        authorization.set_sensitive(true);
        Self { value: Secret::new(value), authorization, generation, replays }
    }

    /// The token itself.
    #[must_use]
    pub fn value(&self) -> &str {
        self.value.expose()
    }

    /// The value of the header that carries it.
    #[must_use]
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// The header that carries it.
    #[must_use]
    pub fn header_name(&self) -> &HeaderName {
        &AUTHORIZATION
    }

    /// Its generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When it ends, if that is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<Wall> {
        None
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("generation", &self.generation).finish_non_exhaustive()
    }
}
