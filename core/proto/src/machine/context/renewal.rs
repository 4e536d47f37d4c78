//! How a session's tokens are renewed, as stored in its record (spec 5.18).

use super::Context;
use crate::credential::{Credential, Fingerprint, Secret};
use crate::grant::{GrantRequest, RefreshInput};
use crate::machine::record::{Intent, Record, SLOT};
use crate::rotation::Rotation;
use crate::verdict::{Outcome, ServerError};

impl Context {
    /// The grant that requests new tokens; `None` if only a sign-in provides some.
    pub(in crate::machine) fn grant_request(&self, record: &Record) -> Option<GrantRequest> {
        let (scope, extra) = (record.scope.clone(), record.extra.clone());
        if let Some(request) = &record.binding.client_credentials {
            return Some(GrantRequest::ClientCredentials { request: request.clone(), extra });
        }
        let refresh_token = record.refresh_token.clone();
        if self.config.refresh_function {
            return Some(GrantRequest::Custom(RefreshInput { refresh_token, scope, extra }));
        }
        if self.config.by_cookie() {
            return Some(GrantRequest::Cookie { extra });
        }
        // A scope that the server returned is not one that was requested (spec 5.13).
        let access_token = record.slots.get(SLOT).map(|slot| slot.access_token.clone());
        let access_token = access_token.filter(|token| !token.expose().is_empty());
        refresh_token.map(|refresh_token| GrantRequest::RefreshToken {
            refresh_token,
            scope: None,
            extra,
            access_token,
        })
    }

    /// Whether new tokens can be requested.
    pub(in crate::machine) fn renewable(&self, record: &Record) -> bool {
        self.begins_alone() || self.config.refresh_function || record.refresh_token.is_some()
    }

    /// Whether the session needs no initial token because it can request one.
    pub(in crate::machine) fn begins_alone(&self) -> bool {
        self.own_behalf() || self.config.by_cookie()
    }

    /// Whether the client requests tokens for itself: no user signs in.
    pub(in crate::machine) fn own_behalf(&self) -> bool {
        self.config.binding.client_credentials.is_some()
    }

    /// The rotation that applies to a send: client credentials are not used up.
    pub(in crate::machine) fn rotation(&self) -> Rotation {
        if self.own_behalf() { Rotation::None } else { self.config.rotation }
    }

    /// Whether nothing indicates that the server punishes a second send.
    pub(in crate::machine) fn forgives(&self) -> bool {
        matches!(self.config.rotation, Rotation::Unknown | Rotation::Sometimes)
    }

    /// If the old token stays usable, a store that is down does no harm (spec 7.6).
    pub(in crate::machine) fn spends_without_store(&self) -> bool {
        self.rotation() == Rotation::None
    }

    /// What a lineage starts from if the store is empty, and its fingerprint: the user's seed, or the permission to
    /// request tokens.
    pub(in crate::machine) fn beginning(&self) -> Option<(Credential, Fingerprint)> {
        let seed = self.seed.as_deref().map(|seed| (seed.clone(), seed_fingerprint(seed)));
        let own = || self.begins_alone().then(|| (Credential::default(), self.config.binding.fingerprint()));
        seed.or_else(own)
    }

    /// The fingerprint of the token that is used, if any.
    pub(in crate::machine) fn is_intent_for(intent: &Intent, record: &Record) -> bool {
        intent.refresh_token == record.refresh_fingerprint()
    }

    /// Without a user no sign-in helps: a refusal is one of the client (spec 5.18).
    pub(in crate::machine) fn of_the_client(&self, outcome: Outcome, said: &ServerError) -> Outcome {
        let usual = match outcome {
            Outcome::Dead(_) if self.own_behalf() => "invalid_grant",
            Outcome::StepUp(_) if self.own_behalf() => "interaction_required",
            other => return other,
        };
        Outcome::ClientConfig { error: said.oauth_error.clone().unwrap_or_else(|| usual.to_owned()) }
    }
}

/// The fingerprint of a seed: of its refresh token, or else of its access token.
pub(in crate::machine) fn seed_fingerprint(seed: &Credential) -> Fingerprint {
    let token = seed.refresh_token.as_ref().or(seed.access_token.as_ref());
    token.map_or_else(|| Fingerprint(String::new()), Secret::fingerprint)
}
