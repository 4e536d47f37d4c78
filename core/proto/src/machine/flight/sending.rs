//! The send itself, while the lease is held (spec 4.4).

use super::Step;
use crate::event::EventKind;
use crate::machine::Machine;
use crate::machine::effect::Effect;
use crate::machine::resend::send_cap;
use crate::rotation::Rotation;
use crate::time::Now;
use crate::verdict::ServerError;

impl Machine {
    /// Right before the body is sent: the lease must outlast the send (spec 4.4).
    pub(super) fn send(&mut self, now: Now) {
        let Some(held) = self.context.held() else { return };
        let Some(request) = self.context.grant_request(&held.record) else { return };
        let cap = send_cap(self.context.rotation(), self.context.config.send_cap);
        if !self.lease_outlasts(cap, now) && !self.spends_without_store() {
            return self.read();
        }
        self.context.sequence += 1;
        let (sequence, uncapped, op) =
            (self.context.sequence, self.context.config.refresh_function, self.context.op());
        let Some(flight) = &mut self.flight else { return };
        flight.said = ServerError::default();
        flight.sends += 1;
        let started = (flight.sends == 1).then_some(EventKind::RefreshStarted { cause: flight.cause });
        flight.sent = Some((now, sequence));
        flight.step = Step::Sending(op, (!uncapped).then(|| now.mono + cap));
        if let Some(started) = started {
            self.context.report(started);
        }
        self.context.push(Effect::Send { op, request });
        if self.context.config.old_token_dies {
            self.context.publish(now);
        }
    }

    pub(super) fn send_or_reread(&mut self, now: Now) {
        let cap = send_cap(self.context.rotation(), self.context.config.send_cap);
        if self.lease_outlasts(cap, now) { self.send(now) } else { self.read() }
    }

    /// Where the old token stays usable, a store that is down costs nothing (spec 7.6).
    pub(super) fn spends_without_store(&self) -> bool {
        self.context.rotation() == Rotation::None
    }
}
