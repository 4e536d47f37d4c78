//! Tokens that an API's response carried, on their way into the store (spec 2.13).

use super::Ticket;
use super::backoff::BackoffKind;
use super::granted::granted;
use super::record::Record;
use crate::credential::{Secret, TokenResponse};
use crate::time::Now;

pub(super) struct Renewal {
    tokens: TokenResponse,
    /// The generation that the request carried: only over this one they are saved.
    pub(super) replaces: u64,
    /// For callers that need the new token; `None` once they have it.
    pub(super) ticket: Option<Ticket>,
}

impl Renewal {
    pub(super) fn new(tokens: TokenResponse, replaces: u64, ticket: Ticket) -> Self {
        Self { tokens, replaces, ticket: Some(ticket) }
    }

    /// The refresh token that came with them.
    pub(super) fn refresh_token(&self) -> Option<&Secret> {
        self.tokens.refresh_token.as_ref()
    }

    /// Others for the same record, before those were saved.
    pub(super) fn supersede(&mut self, mut tokens: TokenResponse) {
        tokens.refresh_token = tokens.refresh_token.or_else(|| self.tokens.refresh_token.take());
        self.tokens = tokens;
    }

    /// The record with the new tokens. Nobody asked the token endpoint: a lease, and what the record says of its refresh
    /// token, stay while that token does.
    pub(super) fn put_into(&self, base: Record, spendable: bool, now: Now) -> Record {
        let (lease, intent, backoff, dead) =
            (base.lease.clone(), base.intent.clone(), base.backoff.clone(), base.dead.clone());
        let before = base.refresh_fingerprint();
        let mut record = granted(base, &self.tokens, spendable, now, now);
        record.lease = lease;
        if record.refresh_fingerprint() == before {
            let lasting = backoff.filter(|backoff| backoff.kind != BackoffKind::Unservable);
            (record.intent, record.backoff, record.dead) = (intent, lasting, dead);
        }
        record
    }
}
