//! The protocol as a state machine whose owner keeps the facts: what a request carries, and how often it was sent
//! again.

use std::time::Duration;

use http::Method;
use http::header::HeaderMap;
use rekindle_proto::{Exchange, Now, Verdict};
use url::Url;

use super::{Headers, own_credential_headers};
use crate::error::Error;
use crate::session::{Judgement, ReplayRefused, Session, Token};

/// Two replays and a nonce resend (spec 3.3). The session decides; this is a safety limit.
const REPLAYS: u8 = 3;

/// Why a request is sent without our token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsigned {
    /// The caller set a credential (spec 2.2).
    OwnCredential,
    /// Its origin is not listed (spec 9.1).
    OtherOrigin,
    /// A redirect left the origin; later hops carry no token either, even back at the origin (spec 9.2).
    LeftOrigin,
    /// The request asked for no token (spec 9.9).
    Unwanted,
}

impl Unsigned {
    /// The name, the same in every language.
    ///
    /// ```
    /// assert_eq!(rekindle::call::Unsigned::OwnCredential.name(), "own_credential");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OwnCredential => "own_credential",
            Self::OtherOrigin => "other_origin",
            Self::LeftOrigin => "left_origin",
            Self::Unwanted => "unwanted",
        }
    }
}

/// What the response to a request with our token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What the response says about the token.
    pub verdict: Verdict,
    /// Why the request is not sent again although its token was rejected.
    pub replay_refused: Option<ReplayRefused>,
}

/// The credential of a request.
#[derive(Debug, Default)]
pub(crate) enum Carried {
    /// Not decided yet.
    #[default]
    Undecided,
    Token(Token),
    Nothing(Unsigned),
}

#[derive(Debug, Default)]
pub(crate) struct State {
    carried: Carried,
    replays: u8,
}

/// What follows a response that was not accepted.
pub(crate) enum Follows {
    SendAgain,
    Keep(Judged),
}

impl State {
    /// Decides what the request carries, if that needs no waiting; otherwise the caller gets a token, and sets it
    /// with [`State::carry`].
    pub(crate) fn begin(&mut self, session: &Session, url: &Url, headers: &HeaderMap, now: Now) -> bool {
        if own_credential_headers(session).iter().any(|name| headers.contains_key(name)) {
            self.carried = Carried::Nothing(Unsigned::OwnCredential);
        } else if let Some(token) = session.try_token_at(url, now) {
            // A borrowed token is only for a moment.
            self.carry(Some(token.into_owned()));
        } else if !session.owns(url) {
            self.carry(None);
        }
        !matches!(self.carried, Carried::Undecided)
    }

    /// The request carries this token from now on; or none, if its origin is not listed.
    pub(crate) fn carry(&mut self, token: Option<Token>) {
        self.carried = token.map_or(Carried::Nothing(Unsigned::OtherOrigin), Carried::Token);
    }

    /// From now on the request carries no token of ours.
    pub(crate) fn leave(&mut self) {
        self.carried = Carried::Nothing(Unsigned::LeftOrigin);
    }

    /// The request carries no token of ours from the beginning.
    pub(crate) fn go_without(&mut self) {
        self.carried = Carried::Nothing(Unsigned::Unwanted);
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        if let Carried::Token(token) = &self.carried { Some(token) } else { None }
    }

    /// Takes the token for further use.
    pub(crate) fn take_token(&mut self) -> Option<Token> {
        match std::mem::take(&mut self.carried) {
            Carried::Token(token) => Some(token),
            other => {
                self.carried = other;
                None
            }
        }
    }

    pub(crate) fn unsigned(&self) -> Option<Unsigned> {
        if let Carried::Nothing(why) = &self.carried { Some(*why) } else { None }
    }

    /// For a single send (spec 9.4).
    pub(crate) fn headers(&self, session: &Session, method: &Method, url: &Url) -> Result<Headers, Error> {
        let Some(token) = self.token() else { return Ok(Headers::default()) };
        Ok(Headers::new(token, session.proof(token, method, url)?))
    }

    /// If our token was rejected, waits for a new one. `deadline` is on the session's monotonic clock.
    pub(crate) async fn judge(
        &mut self,
        session: &Session,
        exchange: &Exchange<'_>,
        deadline: Option<Duration>,
    ) -> Result<Option<Follows>, Error> {
        let Some(token) = self.token() else { return Ok(None) };
        Ok(Some(match session.judge(token, exchange, deadline).await? {
            Judgement::Replay { token, verdict } if token.settled > 0 || self.replays < REPLAYS => {
                // The wait until the API knows a token has its own limit.
                self.replays += u8::from(token.settled == 0);
                self.carried = Carried::Token(token);
                session.sends_again(&verdict);
                Follows::SendAgain
            }
            Judgement::Replay { verdict, .. } => {
                let replay_refused = Some(ReplayRefused::LimitReached);
                Follows::Keep(Judged { verdict, replay_refused })
            }
            Judgement::Keep { verdict, replay_refused } => Follows::Keep(Judged { verdict, replay_refused }),
        }))
    }
}
