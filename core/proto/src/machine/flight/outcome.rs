//! What the token endpoint said, and what follows for the flight (spec 5.1 to 5.3, 6.2).

use std::time::Duration;

use super::ending::in_its_words;
use super::{MOST_SENDS, Step};
use crate::credential::{Secret, TokenResponse};
use crate::error::{ErrorKind, Failure};
use crate::machine::Machine;
use crate::machine::backoff::BackoffKind;
use crate::machine::compact_record::CompactRecord;
use crate::machine::context::Pause;
use crate::machine::effect::Effect;
use crate::machine::failures::{login_required, store_unavailable};
use crate::machine::record::{DeadMark, Intent, Record};
use crate::machine::refresh_budget::full_jitter;
use crate::machine::resend::Resend;
use crate::machine::shared_time::{SharedClock, SharedTime};
use crate::machine::unknown_fields::Unknown;
use crate::machine::waiting::Waiting;
use crate::store::{Expected, Saved, Unavailable, Version};
use crate::time::Now;
use crate::verdict::{DeadReason, Lost, Outcome};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Of a token that is used up first, where nobody knows when it ends.
const UNKNOWN_END: Duration = Duration::from_secs(600);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
const CLIENT_REJECTED: Duration = Duration::from_secs(60);

impl Machine {
    pub(super) fn handle_flight_outcome(&mut self, outcome: Outcome, now: Now) {
        match outcome {
            Outcome::Granted(grant) => self.granted(&grant, now),
            Outcome::GrantedWithoutAccess { refresh_token } => {
                self.granted_without_access(refresh_token, now)
            }
            Outcome::Dead(reason) => self.dead(reason),
            Outcome::LostRace => self.lost_race(now),
            Outcome::RetrySame { after } => self.not_consumed(after, BackoffKind::RefreshFailed, now),
            Outcome::RateLimited { after } => self.not_consumed(after, BackoffKind::RateLimited, now),
            Outcome::NotSent => self.not_sent(now),
            Outcome::NonceRequired(nonce) => self.nonce_required(nonce, now),
            Outcome::ClockSkew => self.clock_skew(now),
            Outcome::StepUp(_) => self.step_up(now),
            Outcome::ClientConfig { error } => self.client_config(error, now),
            Outcome::OtherUser => self.other_user(now),
            Outcome::Lost(lost) => self.lost(lost, now),
            Outcome::Unknown { status } => self.unknown(status, now),
        }
    }

    fn granted(&mut self, grant: &TokenResponse, now: Now) {
        let Some(sent) = self.flight.as_ref().and_then(|flight| flight.sent) else { return };
        self.step(Step::Committing);
        if let Some(flight) = &mut self.flight {
            flight.renew_at = None;
        }
        self.context.last_refresh = Some(now.mono);
        self.count_unexplained(now);
        self.begin_commit(grant, sent, now);
    }

    /// Only what brought a token counts: a server that is down has its back-off (spec 5.3).
    fn count_unexplained(&mut self, now: Now) {
        let config = self.context.config.clone();
        let clock = SharedClock::of(config.boot.as_deref(), self.context.store_ahead);
        let Some(origin) = self.flight.as_mut().and_then(|flight| flight.unexplained.take()) else { return };
        if let Some(held) = self.context.held_mut() {
            let budget = held.record.refresh_budget.get_or_insert_default();
            budget.count(origin.as_deref(), (now, clock));
        }
    }

    /// The refresh token is kept, but there is nothing to serve (spec 5.4).
    fn granted_without_access(&mut self, refresh_token: Secret, now: Now) {
        let (begins_alone, by_function) = (self.context.begins_alone(), self.context.config.refresh_function);
        let Some(held) = self.context.held_mut() else { return };
        if !begins_alone {
            held.record.refresh_token = Some(refresh_token);
        }
        held.record.intent = None;
        let failure = if by_function {
            "the refresh function returned a refresh token, which is kept, but no access_token: return both"
        } else {
            "the token endpoint gave a refresh token but no access token: check scope and client configuration"
        };
        self.back_off(BackoffKind::ClientRejected, Pause::For(CLIENT_REJECTED), failure, now);
    }

    fn dead(&mut self, reason: DeadReason) {
        let lost = self
            .flight
            .as_ref()
            .and_then(|flight| flight.intent.as_ref())
            .is_some_and(|intent| intent.sends >= 2);
        let reason = if lost { DeadReason::AnswerLost } else { reason };
        let op = self.context.load();
        self.step(Step::Rereading(op, reason));
    }

    /// Only the same token is marked; another one is adopted, or spent instead (spec 5.2).
    pub(super) fn reread_after_dead(
        &mut self,
        record: Record,
        version: Version,
        reason: DeadReason,
        now: Now,
    ) {
        let sent = self.context.held().and_then(|held| held.record.refresh_fingerprint());
        if record.refresh_fingerprint() != sent {
            return self.consider(record, version, now);
        }
        let oauth_error = self.flight.as_ref().and_then(|flight| flight.said.oauth_error.clone());
        let mut marked = record;
        marked.fence += 1;
        marked.lease = None;
        marked.intent = None;
        marked.backoff = None;
        marked.dead = Some(Box::new(DeadMark {
            refresh_token: sent,
            binding: self.context.config.binding.clone(),
            reason,
            oauth_error,
            unknown: Unknown::default(),
        }));
        let op = self.context.save(&mut marked, Expected::Version(version));
        self.write(Step::Marking(op, reason), marked);
    }

    pub(super) fn marked(
        &mut self,
        record: Record,
        reason: DeadReason,
        saved: Result<Saved, Unavailable>,
        now: Now,
    ) {
        let version = match saved {
            Ok(Saved::Done(version)) => Some(version),
            Ok(Saved::Conflict) => {
                let op = self.context.load();
                return self.step(Step::Rereading(op, reason));
            }
            Err(_) => None,
        };
        if let Some(held) = self.context.held_mut() {
            held.record = CompactRecord::new(record);
            held.version = version.or_else(|| held.version.clone());
        }
        self.context.report_login_required(reason);
        self.fail_flight(login_required(reason), now);
    }

    /// Somebody else refreshed at the same moment: their result may be in the store (spec 5.1).
    fn lost_race(&mut self, now: Now) {
        if self.flight.as_ref().is_none_or(|flight| flight.sends >= MOST_SENDS) {
            let failure = "the server reports another refresh at the same moment; try again";
            return self.back_off(BackoffKind::RefreshFailed, Pause::Transient, failure, now);
        }
        self.clear_sends();
        let pause = full_jitter(&mut self.context.entropy, FIRST_PAUSE, 1, LONGEST_PAUSE);
        self.step(Step::Waiting(now.mono + pause, Waiting::OthersRefresh));
    }

    /// The token was not spent: the same again, inside the flight (spec 5.1).
    fn not_consumed(&mut self, after: Option<Duration>, kind: BackoffKind, now: Now) {
        let after = after.map(|after| after.min(LONGEST_RETRY_AFTER));
        let Some(flight) = &mut self.flight else { return };
        if flight.sends >= MOST_SENDS || after.is_some_and(|after| after > LONGEST_PAUSE) {
            self.clear_sends();
            let failure = if self.context.config.refresh_function {
                "no refresh was sent; the session stays signed in, try again"
            } else {
                "the token endpoint is temporarily unavailable; the session stays signed in, try again"
            };
            return self.back_off(kind, after.map_or(Pause::Transient, Pause::For), failure, now);
        }
        flight.pauses += 1;
        let pauses = flight.pauses;
        let pause = full_jitter(&mut self.context.entropy, FIRST_PAUSE, pauses, LONGEST_PAUSE);
        self.step(Step::Pausing(now.mono + after.unwrap_or(pause)));
    }

    /// Nothing left this machine: no server is spared by a long pause (spec 5.3).
    fn not_sent(&mut self, now: Now) {
        if self.flight.as_ref().is_some_and(|flight| flight.sends < MOST_SENDS) {
            return self.not_consumed(None, BackoffKind::RefreshFailed, now);
        }
        self.clear_sends();
        let failure = if self.context.config.refresh_function {
            "no refresh was sent; the session stays signed in, try again"
        } else {
            "the token endpoint could not be reached, and nothing was sent; the session stays signed in, try again"
        };
        self.back_off(BackoffKind::RefreshFailed, Pause::Unsent, failure, now);
    }

    /// How an answer was lost, as far as it is known.
    fn lost_answer(&self, lost: Lost) -> String {
        let status = self.flight.as_ref().and_then(|flight| flight.said.status);
        let endpoint = &self.context.config.binding.token_endpoint;
        let what = match (status, lost) {
            (Some(status @ 200..300), _) => {
                format!("the token endpoint answered with status {status} and no readable token response")
            }
            (Some(status), _) => {
                format!(
                    "the token endpoint answered with status {status} and does not say whether the refresh succeeded"
                )
            }
            (None, Lost::Cap) => {
                format!(
                    "no response came from {endpoint} within {} s",
                    self.context.config.send_cap.as_secs()
                )
            }
            (None, _) => "the response to a refresh was lost".to_owned(),
        };
        format!("{what}; the refresh will be retried, the session stays signed in")
    }

    fn nonce_required(&mut self, nonce: Option<String>, now: Now) {
        let Some(flight) = &mut self.flight else { return };
        if std::mem::replace(&mut flight.nonce_heard, true) || nonce.is_none() {
            return self.not_consumed(None, BackoffKind::RefreshFailed, now);
        }
        self.send_or_reread(now);
    }

    fn clock_skew(&mut self, now: Now) {
        let Some(flight) = &mut self.flight else { return };
        if std::mem::replace(&mut flight.skew_corrected, true) {
            return self.not_consumed(None, BackoffKind::RefreshFailed, now);
        }
        self.send_or_reread(now);
    }

    fn step_up(&mut self, now: Now) {
        self.clear_sends();
        self.context.report_login_required(DeadReason::StepUp);
        let failure = login_required(DeadReason::StepUp);
        self.back_off_with(BackoffKind::LoginRequired, Pause::For(CLIENT_REJECTED), failure, now);
    }

    fn client_config(&mut self, error: String, now: Now) {
        self.clear_sends();
        let mut failure = Failure::new(
            ErrorKind::ClientRejected,
            format!(
                "the token endpoint rejected this client ({error}): check client_id, client_secret and scope; the session stays signed in"
            ),
        );
        failure.oauth_error = Some(error);
        let hold =
            CLIENT_REJECTED.saturating_mul(1 << self.context.failures().min(6)).min(LONGEST_RETRY_AFTER);
        self.back_off_with(BackoffKind::ClientRejected, Pause::For(hold), failure, now);
    }

    /// The session stays its user's (spec 12.15).
    fn other_user(&mut self, now: Now) {
        self.clear_sends();
        let message = "the refresh brought tokens of another user (the ID token's sub differs): they are not used, and \
                       nobody is signed out; tell the server's operator, and sign in again if it goes on";
        let failure = Failure::new(ErrorKind::RefreshFailed, message);
        self.back_off_with(BackoffKind::RefreshFailed, Pause::For(CLIENT_REJECTED), failure, now);
    }

    /// No readable verdict came: table 6.2.
    fn lost(&mut self, lost: Lost, now: Now) {
        let Some(flight) = &self.flight else { return };
        let (sends, intent) = (flight.sends, flight.intent.clone());
        let Some(intent) = intent.or_else(|| self.unwritten_intent(now)) else { return };
        match self.resend(&intent, lost, now) {
            Resend::Now if sends < MOST_SENDS => self.send_once_more(intent, now),
            Resend::Paused if sends < MOST_SENDS => {
                let pause = full_jitter(&mut self.context.entropy, FIRST_PAUSE, sends, LONGEST_PAUSE);
                self.count_send(intent);
                self.step(Step::Pausing(now.mono + pause));
            }
            Resend::In(wait) if sends < MOST_SENDS => {
                self.count_send(intent);
                self.step(Step::Pausing(now.mono + wait));
            }
            Resend::WhenTokenEnds => {
                self.note_lost(lost);
                self.hold_until_token_ends(now);
            }
            _ => {
                self.note_lost(lost);
                let failure = if self.context.config.refresh_function {
                    "the refresh token may have been used; the refresh will be retried, the session stays signed in"
                        .to_owned()
                } else {
                    self.lost_answer(lost)
                };
                self.back_off(BackoffKind::RefreshFailed, Pause::Transient, &failure, now);
            }
        }
    }

    fn send_once_more(&mut self, intent: Box<Intent>, now: Now) {
        self.count_send(intent);
        self.send_or_reread(now);
    }

    /// The next send under this lease is one more whose fate may stay unknown.
    fn count_send(&mut self, mut intent: Box<Intent>) {
        intent.sends += 1;
        if let Some(held) = self.context.held_mut() {
            held.record.intent = Some(intent.clone());
        }
        if let Some(flight) = &mut self.flight {
            flight.intent = Some(intent);
        }
    }

    /// The token's send had no consequence: the next one is the first again.
    fn clear_sends(&mut self) {
        if let Some(held) = self.context.held_mut() {
            held.record.intent = None;
        }
        if let Some(flight) = &mut self.flight {
            flight.intent = None;
        }
    }

    fn note_lost(&mut self, lost: Lost) {
        if let Some(intent) = self.context.held_mut().and_then(|held| held.record.intent.as_mut()) {
            intent.lost = Some(lost);
        }
    }

    fn unwritten_intent(&self, now: Now) -> Option<Box<Intent>> {
        let flight = self.flight.as_ref()?;
        Some(Box::new(Intent {
            refresh_token: self.context.held()?.record.refresh_fingerprint(),
            owner: flight.owner.clone(),
            first_sent: SharedTime::new(now, self.context.boot()),
            sends: flight.sends,
            lost: None,
            unknown: Unknown::default(),
        }))
    }

    fn unknown(&mut self, status: u16, now: Now) {
        self.clear_sends();
        let mut failure = Failure::new(
            ErrorKind::RefreshFailed,
            format!(
                "the token endpoint answered with status {status} and a response that this dialect does not recognize: check token_url and dialect; the session stays signed in"
            ),
        );
        failure.status = Some(status);
        self.back_off_with(BackoffKind::RefreshFailed, Pause::NotUnderstood, failure, now);
    }

    /// A replay may revoke everything, so the token that is still valid is used up first (spec 6.2).
    pub(super) fn hold_until_token_ends(&mut self, now: Now) {
        let left = self.context.current().and_then(|current| current.left(now)).unwrap_or(UNKNOWN_END);
        let failure =
            "the response to a refresh was lost; the refresh is sent again once the access token has expired";
        self.back_off(BackoffKind::RefreshFailed, Pause::For(left), failure, now);
    }

    pub(super) fn store_failed(&mut self, unavailable: &Unavailable, now: Now) {
        let failure = store_unavailable(unavailable);
        self.back_off_with(BackoffKind::StoreUnavailable, Pause::Transient, failure, now);
    }

    fn back_off(&mut self, kind: BackoffKind, pause: Pause, message: &str, now: Now) {
        self.back_off_with(kind, pause, Failure::new(kind.error(), message), now);
    }

    /// Ends the flight; back-off and release go to the store beside whatever comes next (spec 5.3).
    fn back_off_with(&mut self, kind: BackoffKind, pause: Pause, failure: Failure, now: Now) {
        let owner = self.flight.as_ref().map(|flight| flight.owner.clone());
        // Everybody who comes during the pause gets the whole failure, with what the server said.
        let said = self.flight.as_mut().map(|flight| std::mem::take(&mut flight.said)).unwrap_or_default();
        let failure = self.context.pause(
            kind,
            pause,
            in_its_words(failure, said, self.context.config.refresh_function),
            now,
        );
        let Some(held) = self.context.held_mut() else { return };
        if held.record.lease.as_ref().map(|lease| &lease.owner) == owner.as_ref() {
            held.record.lease = None;
        }
        if kind != BackoffKind::StoreUnavailable {
            self.context.write_marks();
        }
        self.fail_flight(failure, now);
    }

    /// What a send of an ended lineage brought is revoked, never kept (spec 4.6).
    pub(super) fn abandoned_send_answered(&mut self, outcome: Outcome) {
        if self.context.config.by_cookie() {
            // The host's cookie may be that of the next sign-in by now.
            return;
        }
        let token = match outcome {
            Outcome::Granted(grant) => grant.refresh_token.unwrap_or(grant.access_token),
            Outcome::GrantedWithoutAccess { refresh_token } => refresh_token,
            _ => return,
        };
        self.context.push(Effect::Revoke { token });
    }
}
