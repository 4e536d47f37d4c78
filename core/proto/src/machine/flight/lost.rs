//! The response to a refresh was lost: whether and when the token is sent again (spec 6.2).

use std::time::Duration;

use super::{FIRST_PAUSE, Flight, LONGEST_PAUSE, MOST_SENDS, Progress, Step};
use crate::machine::backoff::BackoffKind;
use crate::machine::context::{Context, Pause};
use crate::machine::record::Intent;
use crate::machine::refresh_budget::full_jitter;
use crate::machine::resend::Resend;
use crate::machine::shared_time::SharedTime;
use crate::machine::unknown_fields::Unknown;
use crate::time::Now;
use crate::verdict::Lost;

/// The lifetime up to which a token is used up first, if its expiry is unknown.
const UNKNOWN_END: Duration = Duration::from_secs(600);

impl Flight {
    /// No readable response arrived: table 6.2.
    pub(super) fn lost(&mut self, context: &mut Context, lost: Lost, now: Now) -> Progress {
        let (sends, intent) = (self.sends, self.intent.clone());
        let intent = intent.unwrap_or_else(|| self.unwritten_intent(context, now));
        match self.resend(context, &intent, lost, now) {
            Resend::Now if sends < MOST_SENDS => self.send_once_more(context, intent, now),
            Resend::Paused if sends < MOST_SENDS => {
                let pause = full_jitter(&mut context.entropy, FIRST_PAUSE, sends, LONGEST_PAUSE);
                self.count_send(context, intent);
                self.go_on(Step::Pausing(now.mono + pause))
            }
            Resend::In(wait) if sends < MOST_SENDS => {
                self.count_send(context, intent);
                self.go_on(Step::Pausing(now.mono + wait))
            }
            Resend::WhenTokenEnds => {
                note_lost(context, lost);
                self.hold_until_token_ends(context, now)
            }
            _ => {
                note_lost(context, lost);
                let failure = if context.config.refresh_function {
                    "the refresh token may have been used; the refresh will be retried, the session stays signed in"
                        .to_owned()
                } else {
                    self.lost_answer(context, lost)
                };
                self.back_off(context, BackoffKind::RefreshFailed, Pause::Transient, &failure, now)
            }
        }
    }

    fn send_once_more(&mut self, context: &mut Context, intent: Box<Intent>, now: Now) -> Progress {
        self.count_send(context, intent);
        self.send_or_reread(context, now)
    }

    /// The result of the next send under this lease may stay unknown, too.
    fn count_send(&mut self, context: &mut Context, mut intent: Box<Intent>) {
        intent.sends += 1;
        if let Some(held) = context.held_mut() {
            held.record.intent = Some(intent.clone());
        }
        self.intent = Some(intent);
    }

    /// The send did not use the token: the next one counts as the first.
    pub(super) fn clear_sends(&mut self, context: &mut Context) {
        if let Some(held) = context.held_mut() {
            held.record.intent = None;
        }
        self.intent = None;
    }

    fn unwritten_intent(&self, context: &Context, now: Now) -> Box<Intent> {
        Box::new(Intent {
            refresh_token: context.held().and_then(|held| held.record.refresh_fingerprint()),
            owner: self.owner.clone(),
            first_sent: SharedTime::new(now, context.boot()),
            sends: self.sends,
            lost: None,
            unknown: Unknown::default(),
        })
    }

    /// A second send may revoke everything, so the token that is still valid is used up first (spec 6.2).
    pub(super) fn hold_until_token_ends(&mut self, context: &mut Context, now: Now) -> Progress {
        let left = context.current().and_then(|current| current.left(now)).unwrap_or(UNKNOWN_END);
        let failure =
            "the response to a refresh was lost; the refresh is sent again once the access token has expired";
        self.back_off(context, BackoffKind::RefreshFailed, Pause::For(left), failure, now)
    }

    /// How the response was lost, as far as known.
    fn lost_answer(&self, context: &Context, lost: Lost) -> String {
        let status = self.said.status;
        let endpoint = &context.config.binding.token_endpoint;
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
                format!("no response came from {endpoint} within {} s", context.config.send_cap.as_secs())
            }
            (None, _) => "the response to a refresh was lost".to_owned(),
        };
        format!("{what}; the refresh will be retried, the session stays signed in")
    }
}

fn note_lost(context: &mut Context, lost: Lost) {
    if let Some(intent) = context.held_mut().and_then(|held| held.record.intent.as_mut()) {
        intent.lost = Some(lost);
    }
}
