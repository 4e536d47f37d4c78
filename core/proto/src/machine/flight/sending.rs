//! The send itself, while the lease is held (spec 4.4).

use super::{Flight, Progress, Step};
use crate::event::EventKind;
use crate::machine::context::Context;
use crate::machine::effect::Effect;
use crate::machine::resend::send_cap;
use crate::time::Now;
use crate::verdict::ServerError;

impl Flight {
    /// Right before the body is sent: the lease must outlast the send (spec 4.4).
    pub(super) fn send(&mut self, context: &mut Context, now: Now) -> Progress {
        let Some(request) = context.held().and_then(|held| context.grant_request(&held.record)) else {
            return Progress::Again;
        };
        let cap = send_cap(context.rotation(), context.config.send_cap);
        if !self.lease_outlasts(context, cap, now) && !context.spends_without_store() {
            return self.read(context);
        }
        context.sequence += 1;
        let (sequence, uncapped, op) = (context.sequence, context.config.refresh_function, context.op());
        self.said = ServerError::default();
        self.sends += 1;
        let started = (self.sends == 1).then_some(EventKind::RefreshStarted { cause: self.cause });
        self.sent = Some((now, sequence));
        self.step = Step::Sending(op, (!uncapped).then(|| now.mono + cap));
        if let Some(started) = started {
            context.report(started);
        }
        context.push(Effect::Send { op, request });
        if context.config.old_token_dies {
            context.publish(now);
        }
        Progress::UnderWay
    }

    pub(super) fn send_or_reread(&mut self, context: &mut Context, now: Now) -> Progress {
        let cap = send_cap(context.rotation(), context.config.send_cap);
        if self.lease_outlasts(context, cap, now) { self.send(context, now) } else { self.read(context) }
    }
}
