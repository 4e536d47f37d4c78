//! Which tokens there are, and what becomes of them. No clock, no network.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AuthConfig;

/// What happens to a refresh token that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It stays as it is, and no other is given.
    #[default]
    None,
    /// It works for so long after its first use, and gives the same successor.
    Grace {
        /// How long.
        seconds: u64,
    },
    /// It works, and gives the same successor, until that one or an access token that came with it is used.
    UntilSuccessorUsed,
    /// It is dead; its successor lives.
    Strict,
    /// Using it again revokes all tokens of the sign-in.
    StrictFamily,
}

/// What a sign-in or a refresh gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Opaque.
    pub access_token: String,
    /// Opaque.
    pub refresh_token: String,
    /// The life of the access token, in seconds.
    pub expires_in: u64,
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Refresh requests that arrived.
    pub refresh_requests: u64,
    /// Those that were granted.
    pub refreshes: u64,
    /// Those that were refused.
    pub refreshes_refused: u64,
    /// Refresh tokens that came again though they were used up.
    pub reuses_detected: u64,
    /// Sign-ins that were revoked: for reuse, on request, or by the test.
    pub families_revoked: u64,
    /// Granted refreshes whose answer was cut.
    pub answers_lost: u64,
    /// Refreshes that are being answered now.
    pub refreshes_under_way: u64,
    /// The most that ever were.
    pub most_at_once: u64,
    /// API requests with a good token.
    pub accepted: u64,
    /// API requests without one.
    pub rejected: u64,
    /// Accepted requests that changed something: other methods than GET, HEAD and OPTIONS; mutations.
    pub side_effects: u64,
}

/// What an API request is, to the model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    pub(super) has_side_effect: bool,
    /// It needs a scope that no token has.
    pub(super) is_out_of_scope: bool,
}

/// What the API says about a request's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    Accepted,
    Missing,
    Unknown,
    Expired,
    Revoked,
    OutOfScope,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) counters: Counters,
    rotation: Rotation,
    lifetime: Duration,
    old_dies: bool,
    prefix: String,
    made: u64,
    refresh: BTreeMap<String, RefreshToken>,
    access: BTreeMap<String, AccessToken>,
}

#[derive(Debug)]
struct RefreshToken {
    family: u64,
    is_revoked: bool,
    used: Option<Used>,
    /// An access token that came with it has been accepted.
    is_known_to_have_arrived: bool,
}

#[derive(Clone, Debug)]
struct Used {
    at: Duration,
    successor: String,
}

#[derive(Debug)]
struct AccessToken {
    family: u64,
    ends: Duration,
    is_revoked: bool,
    came_with: String,
}

impl Model {
    pub(super) fn new(config: &AuthConfig) -> Self {
        Self {
            counters: Counters::default(),
            rotation: config.rotation,
            lifetime: Duration::from_millis(config.lifetime_ms),
            old_dies: config.old_access_token_dies,
            prefix: config.token_prefix.clone(),
            made: 0,
            refresh: BTreeMap::new(),
            access: BTreeMap::new(),
        }
    }

    pub(super) fn sign_in(&mut self, now: Duration) -> Tokens {
        let family = self.made;
        let refresh_token = self.make_refresh(family);
        self.give(family, refresh_token, now)
    }

    pub(super) fn refresh(&mut self, token: &str, now: Duration) -> Option<Tokens> {
        self.counters.refresh_requests += 1;
        let granted = self.try_refresh(token, now);
        match granted {
            Some(_) => self.counters.refreshes += 1,
            None => self.counters.refreshes_refused += 1,
        }
        granted
    }

    fn try_refresh(&mut self, token: &str, now: Duration) -> Option<Tokens> {
        let known = self.refresh.get(token).filter(|known| !known.is_revoked)?;
        let (family, used) = (known.family, known.used.clone());
        let next = match used {
            None => self.successor(token, family, now),
            Some(used) if self.may_come_again(&used, now) => used.successor,
            Some(_) => {
                self.detect_reuse(family);
                return None;
            }
        };
        if self.old_dies {
            self.access.values_mut().filter(|t| t.family == family).for_each(|t| t.is_revoked = true);
        }
        Some(self.give(family, next, now))
    }

    pub(super) fn check(&mut self, token: Option<&str>, now: Duration, call: Call) -> Checked {
        let checked = self.judge(token, now, call);
        if checked == Checked::Accepted {
            self.counters.accepted += 1;
            self.counters.side_effects += u64::from(call.has_side_effect);
        } else {
            self.counters.rejected += 1;
        }
        checked
    }

    fn judge(&mut self, token: Option<&str>, now: Duration, call: Call) -> Checked {
        let Some(token) = token else { return Checked::Missing };
        let Some(known) = self.access.get(token) else { return Checked::Unknown };
        if known.is_revoked {
            return Checked::Revoked;
        }
        if now >= known.ends {
            return Checked::Expired;
        }
        if let Some(refresh) = self.refresh.get_mut(&known.came_with) {
            refresh.is_known_to_have_arrived = true;
        }
        if call.is_out_of_scope { Checked::OutOfScope } else { Checked::Accepted }
    }

    pub(super) fn expire_all(&mut self, now: Duration) {
        self.access.values_mut().for_each(|token| token.ends = token.ends.min(now));
    }

    pub(super) fn revoke(&mut self, token: &str) {
        let of_refresh = self.refresh.get(token).map(|known| known.family);
        if let Some(family) = of_refresh.or_else(|| self.access.get(token).map(|known| known.family)) {
            self.revoke_family(family);
        }
    }

    pub(super) fn revoke_all(&mut self) {
        let families: std::collections::BTreeSet<_> = self.refresh.values().map(|t| t.family).collect();
        families.into_iter().for_each(|family| self.revoke_family(family));
    }

    fn revoke_family(&mut self, family: u64) {
        let mut live = false;
        for token in self.refresh.values_mut().filter(|token| token.family == family) {
            live |= !token.is_revoked;
            token.is_revoked = true;
        }
        self.access.values_mut().filter(|t| t.family == family).for_each(|t| t.is_revoked = true);
        self.counters.families_revoked += u64::from(live);
    }

    fn detect_reuse(&mut self, family: u64) {
        self.counters.reuses_detected += 1;
        if self.rotation == Rotation::StrictFamily {
            self.revoke_family(family);
        }
    }

    fn may_come_again(&self, used: &Used, now: Duration) -> bool {
        match self.rotation {
            Rotation::Grace { seconds } => now.saturating_sub(used.at) <= Duration::from_secs(seconds),
            Rotation::UntilSuccessorUsed => self
                .refresh
                .get(&used.successor)
                .is_some_and(|next| next.used.is_none() && !next.is_known_to_have_arrived),
            Rotation::None | Rotation::Strict | Rotation::StrictFamily => false,
        }
    }

    fn successor(&mut self, token: &str, family: u64, now: Duration) -> String {
        if self.rotation == Rotation::None {
            return token.to_owned();
        }
        let successor = self.make_refresh(family);
        if let Some(known) = self.refresh.get_mut(token) {
            known.used = Some(Used { at: now, successor: successor.clone() });
        }
        successor
    }

    fn make_refresh(&mut self, family: u64) -> String {
        self.made += 1;
        let token = format!("{}rt-{family}-{}", self.prefix, self.made);
        let fresh = RefreshToken { family, is_revoked: false, used: None, is_known_to_have_arrived: false };
        self.refresh.insert(token.clone(), fresh);
        token
    }

    fn give(&mut self, family: u64, refresh_token: String, now: Duration) -> Tokens {
        self.made += 1;
        let access_token = format!("{}at-{family}-{}", self.prefix, self.made);
        let came_with = refresh_token.clone();
        let fresh = AccessToken { family, ends: now + self.lifetime, is_revoked: false, came_with };
        self.access.insert(access_token.clone(), fresh);
        Tokens { access_token, refresh_token, expires_in: self.lifetime.as_secs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn model(rotation: Rotation) -> (Model, Tokens) {
        let mut model = Model::new(&AuthConfig { rotation, ..AuthConfig::default() });
        let tokens = model.sign_in(NOW);
        (model, tokens)
    }

    fn check(model: &mut Model, tokens: &Tokens, now: Duration) -> Checked {
        model.check(Some(&tokens.access_token), now, Call::default())
    }

    #[test]
    fn without_rotation_the_same_token_serves_again() {
        let (mut model, first) = model(Rotation::None);
        for _ in 0..3 {
            let next = model.refresh(&first.refresh_token, NOW).unwrap();
            assert_eq!(next.refresh_token, first.refresh_token);
            assert_ne!(next.access_token, first.access_token);
        }
        assert_eq!(model.counters.refreshes, 3);
    }

    #[test]
    fn inside_a_grace_the_old_one_gives_the_same_successor() {
        let (mut model, first) = model(Rotation::Grace { seconds: 10 });
        let second = model.refresh(&first.refresh_token, NOW).unwrap();
        let again = model.refresh(&first.refresh_token, NOW + Duration::from_secs(10)).unwrap();
        assert_eq!(again.refresh_token, second.refresh_token);
        assert_eq!(model.refresh(&first.refresh_token, NOW + Duration::from_secs(11)), None);
        assert!(model.refresh(&second.refresh_token, NOW).is_some());
        assert_eq!(model.counters.reuses_detected, 1);
    }

    #[test]
    fn the_old_one_serves_until_its_successor_is_used() {
        let (mut model, first) = model(Rotation::UntilSuccessorUsed);
        let second = model.refresh(&first.refresh_token, NOW).unwrap();
        assert!(model.refresh(&first.refresh_token, NOW).is_some());
        assert!(model.refresh(&second.refresh_token, NOW).is_some());
        assert_eq!(model.refresh(&first.refresh_token, NOW), None);
    }

    #[test]
    fn the_old_one_serves_until_an_access_token_beside_its_successor_is_used() {
        let (mut model, first) = model(Rotation::UntilSuccessorUsed);
        let second = model.refresh(&first.refresh_token, NOW).unwrap();
        assert_eq!(check(&mut model, &second, NOW), Checked::Accepted);
        assert_eq!(model.refresh(&first.refresh_token, NOW), None);
    }

    #[test]
    fn strict_refuses_the_old_one_and_spares_the_successor() {
        let (mut model, first) = model(Rotation::Strict);
        let second = model.refresh(&first.refresh_token, NOW).unwrap();
        assert_eq!(model.refresh(&first.refresh_token, NOW), None);
        assert!(model.refresh(&second.refresh_token, NOW).is_some());
        assert_eq!((model.counters.reuses_detected, model.counters.families_revoked), (1, 0));
    }

    #[test]
    fn strict_family_revokes_this_sign_in_and_no_other() {
        let (mut model, first) = model(Rotation::StrictFamily);
        let other = model.sign_in(NOW);
        let second = model.refresh(&first.refresh_token, NOW).unwrap();
        assert_eq!(model.refresh(&first.refresh_token, NOW), None);
        assert_eq!(model.refresh(&second.refresh_token, NOW), None);
        assert_eq!(check(&mut model, &second, NOW), Checked::Revoked);
        assert!(model.refresh(&other.refresh_token, NOW).is_some());
        assert_eq!((model.counters.reuses_detected, model.counters.families_revoked), (1, 1));
    }

    #[test]
    fn access_tokens_end_by_time_by_word_and_by_a_refresh_where_that_is_so() {
        let (mut model, first) = model(Rotation::None);
        assert_eq!(check(&mut model, &first, NOW + Duration::from_secs(899)), Checked::Accepted);
        assert_eq!(check(&mut model, &first, NOW + Duration::from_secs(900)), Checked::Expired);
        model.expire_all(NOW);
        assert_eq!(check(&mut model, &first, NOW), Checked::Expired);
        let second = model.refresh(&first.refresh_token, NOW).unwrap();
        assert_eq!(check(&mut model, &second, NOW), Checked::Accepted);
        model.old_dies = true;
        model.refresh(&first.refresh_token, NOW).unwrap();
        assert_eq!(check(&mut model, &second, NOW), Checked::Revoked);
        assert_eq!((model.counters.accepted, model.counters.rejected), (2, 3));
    }
}
