//! What a store keeps, opaque to it: one JSON document, versioned (spec 7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::backoff::Backoff;
use super::refresh_budget::RefreshBudget;
use super::shared_time::SharedTime;
use super::{misconfigured, signed_out, store_unavailable};
use crate::credential::{Fingerprint, Secret};
use crate::error::Failure;
use crate::store::Unavailable;
use crate::time::Wall;
use crate::verdict::{DeadReason, Lost};

/// The only slot so far; the record maps slots from its first version on.
pub(crate) const SLOT: &str = "default";
const FORMAT: u32 = 1;

/// Everything that processes which share a store agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// Differs in every write: a save that was carried out is recognized by it (spec 7.2).
    pub(crate) write: String,
    /// One higher with each intent, mark or sign-in (spec 7.4).
    pub(crate) fence: u64,
    pub(crate) lineage: String,
    pub(crate) binding: Arc<Binding>,
    /// Whose session it is, where a store keeps those of many.
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
    /// The seeds that were taken so far, oldest first: none of them is taken again (spec 7.3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seeds: Vec<Fingerprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lease: Option<Box<Lease>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Box<Intent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backoff: Option<Box<Backoff>>,
    /// Refreshes that the clock does not explain: counted for all processes (spec 3.6, 5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_budget: Option<Box<RefreshBudget>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dead: Option<Box<DeadMark>>,
    /// Signed out: nothing of the credential is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tombstone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refreshed_at: Option<Wall>,
}

/// Whom a record belongs to. A session that is configured otherwise sends neither token (spec 7.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The token endpoint.
    pub token_endpoint: String,
    /// The client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The thumbprint of the key that the tokens are bound to (RFC 9449).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_thumbprint: Option<String>,
    /// The dialect's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// The origins that the session lists for its tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
}

impl Binding {
    /// Whether a session that is configured so may use what is bound like this. `strict`: the configuration is not
    /// the program's own, so that dialect and origins have to be those that were signed in for, too (spec 7.10).
    pub(crate) fn admits(&self, configured: &Self, strict: bool) -> bool {
        let listed = |origin| self.origins.contains(origin);
        let same_use = self.dialect == configured.dialect && configured.origins.iter().all(listed);
        self.is_same_client(configured) && (same_use || !strict)
    }

    /// Moved by a slash, it is the same endpoint.
    fn is_same_client(&self, other: &Self) -> bool {
        let endpoint = |binding: &Self| binding.token_endpoint.trim_end_matches('/').to_owned();
        endpoint(self) == endpoint(other)
            && self.client_id == other.client_id
            && self.key_thumbprint == other.key_thumbprint
    }

    pub(crate) fn describe(&self) -> String {
        let client = self.client_id.as_deref().unwrap_or("none");
        let mut text = format!("token endpoint {}, client_id {client}", self.token_endpoint);
        if let Some(thumbprint) = &self.key_thumbprint {
            text += &format!(", dpop_key with the thumbprint {thumbprint}");
        }
        if let Some(dialect) = &self.dialect {
            text += &format!(", dialect {dialect}");
        }
        if !self.origins.is_empty() {
            text += &format!(", origins {}", self.origins.join(" "));
        }
        text
    }
}

/// A stored record, bound to another configuration of the same client: its tokens stay as they are. `None` where
/// that is how it is bound already.
///
/// ```
/// use std::sync::Arc;
/// use rekindle_proto::machine::{Binding, rebound};
///
/// let moved = Binding { token_endpoint: "https://new.example.com/token".into(), ..Binding::default() };
/// assert!(rebound(b"no record", &Arc::new(moved)).is_err());
/// ```
///
/// # Errors
///
/// The record cannot be read, was signed out, or its tokens are another client's or another key's.
pub fn rebound(record: &[u8], binding: &Arc<Binding>) -> Result<Option<Bytes>, Failure> {
    let mut record = Record::parse(record).map_err(|unavailable| store_unavailable(&unavailable))?;
    if record.tombstone {
        return Err(signed_out());
    }
    let bound = &record.binding;
    if bound.client_id != binding.client_id || bound.key_thumbprint != binding.key_thumbprint {
        return Err(misconfigured(bound, binding));
    }
    if *bound == *binding {
        return Ok(None);
    }
    if let Some(mark) = &mut record.dead {
        mark.binding = binding.clone();
    }
    record.binding = binding.clone();
    record.fence += 1;
    record.write = format!("rebound-{}", record.fence);
    Ok(Some(record.to_bytes()))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) generation: u64,
    pub(crate) access_token: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_type: Option<String>,
    pub(crate) issued_at: Wall,
    /// `None`: the lifetime is unknown, or the server's word about it proved useless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Wall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifetime_ms: Option<u64>,
}

/// Access tokens by name: a map in the store, and nearly always one.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshTokenLife {
    pub(crate) from: Wall,
    pub(crate) until: Wall,
}

/// Who may send the refresh token, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) until: SharedTime,
}

/// That a refresh token is about to be sent, or was (spec 4.4, 6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) refresh_token: Fingerprint,
    pub(crate) owner: String,
    pub(crate) first_sent: SharedTime,
    /// How often the token may have been sent without a verdict.
    pub(crate) sends: u32,
    /// The answer was lost, as far as the owner knew when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<Lost>,
}

/// That the server no longer accepts a refresh token. Only sessions with the same key obey (spec 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadMark {
    pub(crate) refresh_token: Fingerprint,
    pub(crate) binding: Arc<Binding>,
    pub(crate) reason: DeadReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) oauth_error: Option<String>,
}

/// A buffer that wipes what it leaves behind when it grows: a vector alone would leave copies of the tokens.
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
        }
    }

    /// What is left after a sign-out: who it was, and nothing that could be used.
    pub(crate) fn tombstone(&self) -> Self {
        let seeds = self.seeds.clone();
        let fence = self.fence + 1;
        Self { seeds, fence, tombstone: true, ..Self::new(self.lineage.clone(), self.binding.clone()) }
    }

    /// Remembers that a seed was taken. An environment has one or two; more than a few are not kept.
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
            Unavailable::damaged("the stored record is not one of rekindle's: sign in again to replace it")
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

    /// Wiped when the last lets go of them.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut text = Wiping::default();
        // Writing to memory cannot fail, and every key is a string.
        let _ = serde_json::to_writer(&mut text, self);
        // No larger than it must be: it is kept.
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

    /// The mark, if it concerns this record's own refresh token and that session's configuration.
    pub(crate) fn dead_for(&self, binding: &Binding) -> Option<&DeadMark> {
        let mark = self.dead.as_deref()?;
        let same_token = Some(&mark.refresh_token) == self.refresh_fingerprint().as_ref();
        (same_token && mark.binding.is_same_client(binding)).then_some(mark)
    }
}
