//! The lease during a refresh, and after it.

use std::time::Duration;

use super::Flight;
use crate::machine::context::{Context, Rewrite};
use crate::store::{Expected, Saved, Unavailable};
use crate::time::Now;

impl Flight {
    pub(super) fn renew(&mut self, context: &mut Context, now: Now) {
        let lease = context.lease(self.owner.clone(), now);
        let Some(held) = context.held() else { return };
        let (mut record, Some(version)) = (held.record.clone(), held.version.clone()) else { return };
        record.lease = Some(Box::new(lease));
        let op = context.save(&mut record, Expected::Version(version.clone()));
        self.renewal = Some(Rewrite { op, record, over: version });
    }

    pub(in crate::machine) fn handle_renewed(
        &mut self,
        context: &mut Context,
        saved: Result<Saved, Unavailable>,
        now: Now,
    ) {
        const TRY_AGAIN: Duration = Duration::from_secs(5);
        let third = context.config.lease / 3;
        let Some(renewal) = self.renewal.take() else { return };
        match saved {
            Ok(Saved::Done(version)) => {
                self.renew_at = Some(now.mono + third);
                context.rewritten(renewal, version);
            }
            // Another process wrote: the next send reads the store first. A response that arrives is saved anyway.
            Ok(Saved::Conflict) => {
                self.renew_at = None;
                if let Some(held) = context.held_mut() {
                    held.record.lease = None;
                }
            }
            Err(_) => self.renew_at = Some(now.mono + TRY_AGAIN),
        }
    }

    pub(super) fn lease_outlasts(&self, context: &Context, cap: Duration, now: Now) -> bool {
        context.held().and_then(|held| held.record.lease.as_ref()).is_some_and(|lease| {
            lease.owner == self.owner && lease.until.left(now, context.boot(), context.config.lease) >= cap
        })
    }
}
