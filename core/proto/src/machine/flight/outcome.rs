//! Handles the outcome of a token request (spec 5.1 to 5.3, 6.2).

use std::time::Duration;

use super::{FIRST_PAUSE, Flight, LONGEST_PAUSE, MOST_SENDS, Progress, Step};
use crate::credential::{Secret, TokenResponse};
use crate::error::{ErrorKind, Failure};
use crate::machine::backoff::BackoffKind;
use crate::machine::context::{Context, Pause};
use crate::machine::failures::login_required;
use crate::machine::refresh_budget::full_jitter;
use crate::machine::shared_time::SharedClock;
use crate::machine::waiting::Waiting;
use crate::time::Now;
use crate::verdict::{DeadReason, Outcome};

const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
const CLIENT_REJECTED: Duration = Duration::from_secs(60);

impl Flight {
    pub(super) fn answered(&mut self, context: &mut Context, outcome: Outcome, now: Now) -> Progress {
        match outcome {
            Outcome::Granted(grant) => self.granted(context, grant, now),
            Outcome::GrantedWithoutAccess { refresh_token } => {
                self.granted_without_access(context, refresh_token, now)
            }
            Outcome::Dead(reason) => self.dead(context, reason),
            Outcome::LostRace => self.lost_race(context, now),
            Outcome::RetrySame { after } => {
                self.not_consumed(context, after, BackoffKind::RefreshFailed, now)
            }
            Outcome::RateLimited { after } => {
                self.not_consumed(context, after, BackoffKind::RateLimited, now)
            }
            Outcome::NotSent => self.not_sent(context, now),
            Outcome::NonceRequired(nonce) => self.nonce_required(context, nonce, now),
            Outcome::ClockSkew => self.clock_skew(context, now),
            Outcome::StepUp(_) => self.step_up(context, now),
            Outcome::ClientConfig { error } => self.client_config(context, error, now),
            Outcome::OtherUser => self.other_user(context, now),
            Outcome::Lost(lost) => self.lost(context, lost, now),
            Outcome::Unknown { status } => self.unknown(context, status, now),
        }
    }

    fn granted(&mut self, context: &mut Context, grant: Box<TokenResponse>, now: Now) -> Progress {
        self.step = Step::Committing;
        self.renew_at = None;
        context.last_refresh = Some(now.mono);
        self.count_unexplained(context, now);
        Progress::Granted(grant)
    }

    /// Only a refresh that returned a token counts: for a server that is down there is the back-off (spec 5.3).
    fn count_unexplained(&mut self, context: &mut Context, now: Now) {
        let config = context.config.clone();
        let clock = SharedClock::of(config.boot.as_deref(), context.store_ahead);
        let Some(origin) = self.unexplained.take() else { return };
        if let Some(held) = context.held_mut() {
            let budget = held.record.refresh_budget.get_or_insert_default();
            budget.count(origin.as_deref(), (now, clock));
        }
    }

    /// The refresh token is saved, but there is no token to serve (spec 5.4).
    fn granted_without_access(&mut self, context: &mut Context, refresh_token: Secret, now: Now) -> Progress {
        let (begins_alone, by_function) = (context.begins_alone(), context.config.refresh_function);
        if let Some(held) = context.held_mut() {
            if !begins_alone {
                held.record.refresh_token = Some(refresh_token);
            }
            held.record.intent = None;
        }
        let failure = if by_function {
            "the refresh function returned a refresh token, which is kept, but no access_token: return both"
        } else {
            "the token endpoint returned a refresh token but no access token: check scope and client configuration"
        };
        self.back_off(context, BackoffKind::ClientRejected, Pause::For(CLIENT_REJECTED), failure, now)
    }

    /// Another process refreshed at the same moment: its result may be in the store (spec 5.1).
    fn lost_race(&mut self, context: &mut Context, now: Now) -> Progress {
        if self.sends >= MOST_SENDS {
            let failure = "the server reports another refresh at the same moment; try again";
            return self.back_off(context, BackoffKind::RefreshFailed, Pause::Transient, failure, now);
        }
        self.clear_sends(context);
        let pause = full_jitter(&mut context.entropy, FIRST_PAUSE, 1, LONGEST_PAUSE);
        self.go_on(Step::Waiting(now.mono + pause, Waiting::OthersRefresh))
    }

    /// The token was not used: send the same again, within the flight (spec 5.1).
    fn not_consumed(
        &mut self,
        context: &mut Context,
        after: Option<Duration>,
        kind: BackoffKind,
        now: Now,
    ) -> Progress {
        let after = after.map(|after| after.min(LONGEST_RETRY_AFTER));
        if self.sends >= MOST_SENDS || after.is_some_and(|after| after > LONGEST_PAUSE) {
            self.clear_sends(context);
            let failure = if context.config.refresh_function {
                "no refresh was sent; the session stays signed in, try again"
            } else {
                "the token endpoint is temporarily unavailable; the session stays signed in, try again"
            };
            return self.back_off(context, kind, after.map_or(Pause::Transient, Pause::For), failure, now);
        }
        self.pauses += 1;
        let pause = full_jitter(&mut context.entropy, FIRST_PAUSE, self.pauses, LONGEST_PAUSE);
        self.go_on(Step::Pausing(now.mono + after.unwrap_or(pause)))
    }

    /// Nothing left this machine, so a long pause would not relieve the server (spec 5.3).
    fn not_sent(&mut self, context: &mut Context, now: Now) -> Progress {
        if self.sends < MOST_SENDS {
            return self.not_consumed(context, None, BackoffKind::RefreshFailed, now);
        }
        self.clear_sends(context);
        let failure = if context.config.refresh_function {
            "no refresh was sent; the session stays signed in, try again"
        } else {
            "the token endpoint could not be reached, and nothing was sent; the session stays signed in, try again"
        };
        self.back_off(context, BackoffKind::RefreshFailed, Pause::Unsent, failure, now)
    }

    fn nonce_required(&mut self, context: &mut Context, nonce: Option<String>, now: Now) -> Progress {
        if std::mem::replace(&mut self.nonce_heard, true) || nonce.is_none() {
            return self.not_consumed(context, None, BackoffKind::RefreshFailed, now);
        }
        self.send_or_reread(context, now)
    }

    fn clock_skew(&mut self, context: &mut Context, now: Now) -> Progress {
        if std::mem::replace(&mut self.skew_corrected, true) {
            return self.not_consumed(context, None, BackoffKind::RefreshFailed, now);
        }
        self.send_or_reread(context, now)
    }

    fn step_up(&mut self, context: &mut Context, now: Now) -> Progress {
        self.clear_sends(context);
        context.report_login_required(DeadReason::StepUp);
        let failure = login_required(DeadReason::StepUp);
        self.back_off_with(context, BackoffKind::LoginRequired, Pause::For(CLIENT_REJECTED), failure, now)
    }

    fn client_config(&mut self, context: &mut Context, error: String, now: Now) -> Progress {
        self.clear_sends(context);
        let mut failure = Failure::new(
            ErrorKind::ClientRejected,
            format!(
                "the token endpoint rejected this client ({error}): check client_id, client_secret and scope; the session stays signed in"
            ),
        );
        failure.oauth_error = Some(error);
        let hold = CLIENT_REJECTED.saturating_mul(1 << context.failures().min(6)).min(LONGEST_RETRY_AFTER);
        self.back_off_with(context, BackoffKind::ClientRejected, Pause::For(hold), failure, now)
    }

    /// The session still belongs to its user (spec 12.15).
    fn other_user(&mut self, context: &mut Context, now: Now) -> Progress {
        self.clear_sends(context);
        let message = "the refresh brought tokens of another user (the ID token's sub differs): they are not used, and \
                       nobody is signed out; tell the server's operator, and sign in again if it goes on";
        let failure = Failure::new(ErrorKind::RefreshFailed, message);
        self.back_off_with(context, BackoffKind::RefreshFailed, Pause::For(CLIENT_REJECTED), failure, now)
    }

    fn unknown(&mut self, context: &mut Context, status: u16, now: Now) -> Progress {
        self.clear_sends(context);
        let mut failure = Failure::new(
            ErrorKind::RefreshFailed,
            format!(
                "the token endpoint answered with status {status} and a response that this dialect does not recognize: check token_url and dialect; the session stays signed in"
            ),
        );
        failure.status = Some(status);
        self.back_off_with(context, BackoffKind::RefreshFailed, Pause::NotUnderstood, failure, now)
    }
}
