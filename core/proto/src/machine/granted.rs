//! The record after a grant.

use super::record::{Record, RefreshTokenLife, SLOT, Slot};
use super::unknown_fields::Unknown;
use crate::credential::TokenResponse;
use crate::time::Now;

/// Where the dialect or the user keeps an ID token, it is the newest one.
const ID_TOKEN: &str = "id_token";

/// Fields that the response omits are unchanged (spec 5.4). `spendable`: whether a refresh token would ever be used; with
/// client credentials (RFC 6749 section 4.4.3) or a cookie it would not.
pub(super) fn granted(base: Record, grant: &TokenResponse, spendable: bool, sent: Now, now: Now) -> Record {
    let generation = base.generation() + 1;
    let arrived_dead =
        grant.expired_on_arrival || grant.lifetime.is_some_and(|lifetime| now.reached(sent.plus(lifetime)));
    let lifetime = grant.lifetime.filter(|_| !arrived_dead);
    let slot = Slot {
        generation,
        access_token: grant.access_token.clone(),
        token_type: grant.token_type.clone(),
        issued_at: sent.wall,
        expires_at: lifetime.map(|lifetime| sent.wall.plus(lifetime)),
        lifetime_ms: lifetime.map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
        unknown: Unknown::default(),
    };
    let rotated = grant.refresh_token.as_ref().filter(|token| spendable && !token.expose().is_empty());
    let mut record = base;
    record.slots.insert(SLOT, slot);
    record.refresh_token_life = match grant.refresh_token_lifetime.filter(|_| spendable) {
        Some(life) => Some(RefreshTokenLife {
            from: sent.wall,
            until: sent.wall.plus(life),
            unknown: Unknown::default(),
        }),
        None if rotated.is_some() => None,
        None => record.refresh_token_life,
    };
    if let Some(token) = rotated {
        record.refresh_token = Some(token.clone());
    }
    if let Some(scope) = &grant.scope {
        record.scope = Some(scope.clone());
    }
    if let (Some(kept), Some(new)) = (record.extra.get_mut(ID_TOKEN), &grant.id_token) {
        new.expose().clone_into(kept);
    }
    record.extra.extend(grant.extra.clone());
    record.refreshed_at = Some(now.wall);
    (record.lease, record.intent, record.backoff, record.dead) = (None, None, None, None);
    record
}
