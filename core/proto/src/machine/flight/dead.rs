//! The server rejected the refresh token for good: the store is read again before the token is marked as dead (spec
//! 5.2).

use super::{Flight, Progress, Step};
use crate::machine::compact_record::CompactRecord;
use crate::machine::context::Context;
use crate::machine::failures::login_required;
use crate::machine::record::{DeadMark, Record};
use crate::machine::unknown_fields::Unknown;
use crate::store::{Expected, Saved, Unavailable, Version};
use crate::time::Now;
use crate::verdict::DeadReason;

impl Flight {
    pub(super) fn dead(&mut self, context: &mut Context, reason: DeadReason) -> Progress {
        let lost = self.intent.as_ref().is_some_and(|intent| intent.sends >= 2);
        let reason = if lost { DeadReason::AnswerLost } else { reason };
        self.go_on(Step::Rereading(context.load(), reason))
    }

    /// Only the same token is marked; another one is adopted, or used instead (spec 5.2).
    pub(super) fn reread_after_dead(
        &mut self,
        context: &mut Context,
        record: Record,
        version: Version,
        reason: DeadReason,
        now: Now,
    ) -> Progress {
        let sent = context.held().and_then(|held| held.record.refresh_fingerprint());
        if record.refresh_fingerprint() != sent {
            return self.consider(context, record, version, now);
        }
        let oauth_error = self.said.oauth_error.clone();
        let mut marked = record;
        marked.fence += 1;
        marked.lease = None;
        marked.intent = None;
        marked.backoff = None;
        marked.dead = Some(Box::new(DeadMark {
            refresh_token: sent,
            binding: context.config.binding.clone(),
            reason,
            oauth_error,
            unknown: Unknown::default(),
        }));
        let op = context.save(&mut marked, Expected::Version(version));
        self.write(Step::Marking(op, reason), marked)
    }

    pub(super) fn marked(
        &mut self,
        context: &mut Context,
        record: Record,
        reason: DeadReason,
        saved: Result<Saved, Unavailable>,
    ) -> Progress {
        let version = match saved {
            Ok(Saved::Done(version)) => Some(version),
            Ok(Saved::Conflict) => return self.go_on(Step::Rereading(context.load(), reason)),
            Err(_) => None,
        };
        if let Some(held) = context.held_mut() {
            held.record = CompactRecord::new(record);
            held.version = version.or_else(|| held.version.clone());
        }
        context.report_login_required(reason);
        self.fail(context, login_required(reason))
    }
}
