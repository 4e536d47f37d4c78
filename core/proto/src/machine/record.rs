//! The contents of a store's record, opaque to the store: one versioned JSON document (spec 7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::backoff::Backoff;
use super::binding::Binding;
use super::refresh_budget::RefreshBudget;
use super::shared_time::SharedTime;
use super::unknown_fields::Unknown;
use crate::credential::{Fingerprint, Secret};
use crate::store::Unavailable;
use crate::time::Wall;
use crate::verdict::{DeadReason, Lost};

/// The only slot so far; records have had a map of slots from the first version on.
pub(crate) const SLOT: &str = "default";
const FORMAT: u32 = 1;

/// Everything that processes with the same store agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// Differs in every write, so that a save that was carried out is recognized (spec 7.2).
    pub(crate) write: String,
    /// Increases with each intent, mark or sign-in (spec 7.4).
    pub(crate) fence: u64,
    pub(crate) lineage: String,
    pub(crate) binding: Arc<Binding>,
    /// The session's key, in a store with several records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token_life: Option<RefreshTokenLife>,
    #[serde(default)]
    pub(crate) slots: Slots,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra: BTreeMap<String, String>,
    /// The seeds that were used, oldest first: none of them is used again (spec 7.3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seeds: Vec<Fingerprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lease: Option<Box<Lease>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Box<Intent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backoff: Option<Box<Backoff>>,
    /// Refreshes that token expiry does not explain: counted for all processes (spec 3.6, 5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_budget: Option<Box<RefreshBudget>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dead: Option<Box<DeadMark>>,
    /// Signed out: no part of the credential is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tombstone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refreshed_at: Option<Wall>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) generation: u64,
    pub(crate) access_token: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_type: Option<String>,
    pub(crate) issued_at: Wall,
    /// `None`: the lifetime is unknown, or the server's information about it was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Wall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifetime_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) unknown: Unknown,
}

/// Access tokens by name: a map in the store, nearly always with one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots(Vec<(String, Slot)>);

impl Slots {
    pub(crate) fn get(&self, name: &str) -> Option<&Slot> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, slot)| slot)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Slot> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, slot)| slot)
    }

    pub(crate) fn insert(&mut self, name: &str, slot: Slot) {
        match self.get_mut(name) {
            Some(known) => *known = slot,
            None => {
                self.0.reserve_exact(1);
                self.0.push((name.to_owned(), slot));
            }
        }
    }
}

impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, slot)| (name, slot)))
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(BTreeMap::deserialize(deserializer)?.into_iter().collect()))
    }
}

impl Slot {
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.lifetime_ms.map(Duration::from_millis)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshTokenLife {
    pub(crate) from: Wall,
    pub(crate) until: Wall,
    #[serde(flatten)]
    pub(crate) unknown: Unknown,
}

/// Which owner may send the refresh token, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) until: SharedTime,
    #[serde(flatten)]
    pub(crate) unknown: Unknown,
}

/// States that a refresh token is about to be sent, or was (spec 4.4, 6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// `None` if no refresh token is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Fingerprint>,
    pub(crate) owner: String,
    pub(crate) first_sent: SharedTime,
    /// How many sends of the token may have gone unanswered.
    pub(crate) sends: u32,
    /// The response was lost, as far as the owner knew when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<Lost>,
    #[serde(flatten)]
    pub(crate) unknown: Unknown,
}

/// States that the server no longer accepts a refresh token. Applies only to sessions with the same key (spec 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadMark {
    /// `None` if the mark is from a refresh function that needs no refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Fingerprint>,
    pub(crate) binding: Arc<Binding>,
    pub(crate) reason: DeadReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) oauth_error: Option<String>,
    #[serde(flatten)]
    pub(crate) unknown: Unknown,
}

/// A buffer that wipes its old memory when it grows: a plain vector would leave copies of the tokens.
struct Wiping(Zeroizing<Vec<u8>>);

impl Default for Wiping {
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(1024)))
    }
}

impl std::io::Write for Wiping {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Record {
    pub(crate) fn new(lineage: String, binding: Arc<Binding>) -> Self {
        Self {
            format: FORMAT,
            write: String::new(),
            fence: 1,
            lineage,
            binding,
            key: None,
            refresh_token: None,
            refresh_token_life: None,
            slots: Slots::default(),
            scope: None,
            extra: BTreeMap::new(),
            seeds: Vec::new(),
            lease: None,
            intent: None,
            backoff: None,
            refresh_budget: None,
            dead: None,
            tombstone: false,
            refreshed_at: None,
            unknown: Unknown::default(),
        }
    }

    /// The record after a sign-out: its identity, and no secrets.
    pub(crate) fn tombstone(&self) -> Self {
        let seeds = self.seeds.clone();
        let fence = self.fence + 1;
        Self { seeds, fence, tombstone: true, ..Self::new(self.lineage.clone(), self.binding.clone()) }
    }

    /// Remembers that a seed was used. An environment has one or two seeds; only a few are kept.
    pub(crate) fn took_seed(&mut self, seed: Fingerprint) {
        const MOST: usize = 8;
        self.seeds.retain(|taken| *taken != seed);
        // Most records have one.
        self.seeds.reserve_exact(1);
        self.seeds.push(seed);
        if self.seeds.len() > MOST {
            self.seeds.remove(0);
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Unavailable> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |_| {
            Unavailable::damaged("the stored record was not written by rekindle: sign in again to replace it")
        };
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format > FORMAT {
            return Err(Unavailable::new(format!(
                "the stored record has format {}, this rekindle reads up to {FORMAT}: upgrade rekindle",
                head.format
            )));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }

    /// Wiped when the last reference is dropped.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut text = Wiping::default();
        // Writing to memory cannot fail, and every key is a string.
        let _ = serde_json::to_writer(&mut text, self);
        // Shrunk to its length, because it is kept.
        Bytes::from_owner(Zeroizing::new(Box::<[u8]>::from(text.0.as_slice())))
    }

    pub(crate) fn slot(&self) -> Option<&Slot> {
        self.slots.get(SLOT)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.slot().map_or(0, |slot| slot.generation)
    }

    pub(crate) fn refresh_fingerprint(&self) -> Option<Fingerprint> {
        self.refresh_token.as_ref().map(Secret::fingerprint)
    }

    /// The mark, if it applies to this record's refresh token and that session's configuration.
    pub(crate) fn dead_for(&self, binding: &Binding) -> Option<&DeadMark> {
        let mark = self.dead.as_deref()?;
        let same_token = mark.refresh_token == self.refresh_fingerprint();
        (same_token && mark.binding.is_same_client(binding)).then_some(mark)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn full() -> Value {
        let shared = json!({ "wall": 1, "boot": "b", "mono_ms": 2 });
        json!({
            "format": 1, "write": "w", "fence": 3, "lineage": "l",
            "binding": {
                "token_endpoint": "https://auth.test/token", "client_id": "app", "key_thumbprint": "k",
            },
            "refresh_token": "RT-1",
            "refresh_token_life": { "from": 1, "until": 2 },
            "slots": { "default": { "generation": 1, "access_token": "AT-1", "issued_at": 1 } },
            "extra": { "instance_url": "https://api.test" },
            "refresh_budget": {
                "grants": [shared], "rejected_at": shared,
                "origins": { "https://api.test": { "in_a_row": 1, "last": shared } },
            },
            "lease": { "owner": "o", "until": shared },
            "intent": { "refresh_token": "f", "owner": "o", "first_sent": shared, "sends": 1 },
            "backoff": { "until": shared, "failed_at": shared, "failures": 1, "kind": "refresh_failed" },
            "dead": { "refresh_token": "f", "binding": { "token_endpoint": "e" }, "reason": "rejected" },
        })
    }

    /// Adds a field to every object except the maps, whose members are all names.
    fn extended(value: &mut Value, path: &str) {
        let Value::Object(members) = value else { return };
        members.iter_mut().for_each(|(name, member)| extended(member, name));
        if !["slots", "extra", "origins"].contains(&path) {
            members.insert("from_the_future".into(), json!({ "secret": ["SENTINEL", 1.5, null, true] }));
        }
    }

    // spec 7.12
    #[test]
    fn unknown_fields_survive_a_rewrite_wherever_they_are() {
        let mut stored = full();
        extended(&mut stored, "");
        let record = Record::parse(stored.to_string().as_bytes()).unwrap();
        let written: Value = serde_json::from_slice(&record.to_bytes()).unwrap();
        assert_eq!(written, stored);
        assert!(!format!("{record:?}").contains("SENTINEL"));
        let known: Map<String, Value> = serde_json::from_value(full()).unwrap();
        assert_eq!(
            serde_json::to_value(Record::parse(Value::from(known).to_string().as_bytes()).unwrap()).unwrap(),
            full()
        );
    }

    #[test]
    fn what_a_later_version_adds_to_a_binding_makes_it_no_other() {
        let mut stored = full();
        extended(&mut stored, "");
        let record = Record::parse(stored.to_string().as_bytes()).unwrap();
        let plain = Record::parse(full().to_string().as_bytes()).unwrap();
        assert_eq!(record.binding, plain.binding);
        assert!(plain.binding.is_known() && !record.binding.is_known());
    }

    // spec 4.6
    #[test]
    fn a_sign_out_wipes_unknown_fields_too() {
        let mut stored = full();
        extended(&mut stored, "");
        let record = Record::parse(stored.to_string().as_bytes()).unwrap();
        let written = record.tombstone().to_bytes();
        let written = String::from_utf8_lossy(&written).into_owned();
        assert_eq!(written.matches("SENTINEL").count(), usize::from(!record.binding.is_known()), "{written}");
    }
}
