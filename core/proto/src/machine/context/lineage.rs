//! The start of a lineage: the credential of a sign-in, or a seed.

use super::Context;
use crate::credential::{Credential, Expiry, Secret};
use crate::machine::record::{Record, RefreshTokenLife, SLOT, Slot};
use crate::machine::unknown_fields::Unknown;
use crate::time::Now;

impl Context {
    pub(in crate::machine) fn new_lineage(
        &mut self,
        credential: &Credential,
        given: Now,
        now: Now,
    ) -> Record {
        let mut record = Record::new(self.entropy.id(), self.config.binding.clone());
        record.refresh_token.clone_from(&credential.refresh_token);
        record.refresh_token_life = refresh_token_life(credential, given, now);
        record.scope.clone_from(&credential.scope);
        record.extra.clone_from(&credential.extra);
        if let Some(access_token) = &credential.access_token {
            let slot = first_slot(credential, access_token, given, now);
            record.slots.insert(SLOT, slot);
        }
        record
    }
}

fn first_slot(credential: &Credential, access_token: &Secret, given: Now, now: Now) -> Slot {
    let elapsed = now.mono.saturating_sub(given.mono).max(now.wall.since(given.wall));
    let (expires_at, lifetime) = match credential.expiry {
        None => (None, None),
        Some(Expiry::In(left)) => (Some(now.wall.plus(left).minus(elapsed)), Some(left)),
        Some(Expiry::At(at)) => (Some(at), Some(at.since(given.wall))),
    };
    Slot {
        generation: 1,
        access_token: access_token.clone(),
        token_type: credential.token_type.clone(),
        issued_at: now.wall,
        expires_at,
        lifetime_ms: lifetime.map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
        unknown: Unknown::default(),
    }
}

fn refresh_token_life(credential: &Credential, given: Now, now: Now) -> Option<RefreshTokenLife> {
    let elapsed = now.mono.saturating_sub(given.mono).max(now.wall.since(given.wall));
    let until = match credential.refresh_token_expiry? {
        Expiry::In(left) => now.wall.plus(left).minus(elapsed),
        Expiry::At(at) => at,
    };
    credential.refresh_token.as_ref()?;
    Some(RefreshTokenLife { from: given.wall, until, unknown: Unknown::default() })
}
