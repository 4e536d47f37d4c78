//! Stores of the host.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use rekindle::store::{self, Changed, Loaded, Saved, Store, Unavailable, Version};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::host::{Host, Question};
use crate::time::millis;

/// A host's description of its store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// The path of a file in which core stores the record; the other fields are ignored.
    pub file: Option<String>,
    /// The path of a folder in which core stores a file for each key.
    pub folder: Option<String>,
    /// Two stores with the same identity hold the same records.
    pub identity: Option<String>,
    /// Whether other processes use it too.
    #[serde(default = "yes")]
    pub shared: bool,
    /// Whether it holds a record for each key; otherwise only one.
    #[serde(default = "yes")]
    pub keyed: bool,
    /// Whether a store of one record has room for a client's registration beside it (spec 12.18). A keyed store has.
    #[serde(default)]
    pub clients: bool,
    /// Distinguishes it from others with the same identity. Missing: it equals no other store.
    #[serde(default)]
    pub instance: Option<u64>,
    /// Whether the store implements `announce`, `retire` and `owner`.
    #[serde(default = "yes")]
    pub owners: bool,
    /// Whether the store implements `changed`.
    #[serde(default)]
    pub wakes: bool,
    /// Whether the store implements `now`.
    #[serde(default)]
    pub clock: bool,
}

/// A question to a store. Debug does not show the record.
#[derive(Clone, Serialize)]
pub struct StoreQuestion {
    /// The key of the record.
    pub key: String,
    /// What to do.
    #[serde(flatten)]
    pub task: StoreTask,
}

/// What a store is asked to do.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum StoreTask {
    /// Return the record and its version.
    Load,
    /// Replace the record atomically if it is still the expected one.
    Save {
        /// The new record. It contains tokens.
        #[serde(serialize_with = "text")]
        record: Vec<u8>,
        /// What may be replaced.
        expected: Expected,
    },
    /// This owner is alive from now on; the store can detect its death.
    Announce {
        /// The owner of a refresh.
        owner: String,
    },
    /// The owner has finished.
    Retire {
        /// The owner of a refresh.
        owner: String,
    },
    /// Return whether an owner is alive.
    Owner {
        /// The owner of a refresh.
        owner: String,
    },
    /// Answer when the record may have changed.
    Changed,
    /// Return the time of the store's own clock.
    Now,
}

/// What a save may replace. In JSON: `{absent: true}`, `{version}` or `{anything: true}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is no record.
    Absent,
    /// The record of this version.
    Version {
        /// The version.
        version: String,
    },
    /// Any record, or none: used for a sign-in and a sign-out.
    Anything,
}

/// The answer of a store; which fields are set depends on the question. Debug does not show the record.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct StoreAnswer {
    /// To `load`: the record. It is missing only if it is certain that there is none.
    #[serde(deserialize_with = "bytes")]
    pub record: Option<Vec<u8>>,
    /// To `load` and `save`: the version of the current record. Equal versions mean equal records.
    pub version: Option<String>,
    /// To `save`: the record was not the expected one, and was not replaced.
    pub conflict: bool,
    /// To `owner`: whether the owner is alive.
    pub owner: Option<OwnerState>,
    /// To `now`: the time.
    #[serde(rename = "now_ms", deserialize_with = "millis::deserialize_time")]
    pub now: Option<SystemTime>,
    /// To any question: the store is unavailable, and why. The reason appears in errors: put no secrets in it.
    pub unavailable: Option<String>,
    /// Whether the record exists but cannot be read.
    pub damaged: bool,
}

/// Whether the owner of a refresh is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerState {
    /// It is alive.
    Alive,
    /// It is certainly gone.
    Dead,
    /// Unknown.
    #[serde(other)]
    Unknown,
}

/// A store of the host, as core's `Store`.
///
/// ```
/// use rekindle_bindings::host::{Host, Unanswered};
/// use rekindle_bindings::store::{ForeignStore, StoreAnswer, StoreQuestion, StoreSettings};
///
/// struct Empty;
///
/// #[async_trait::async_trait]
/// impl Host<StoreQuestion> for Empty {
///     async fn ask(&self, _: StoreQuestion) -> Result<StoreAnswer, Unanswered> {
///         Ok(StoreAnswer::default())
///     }
/// }
///
/// let settings: StoreSettings = serde_json::from_str(r#"{ "identity": "memory", "shared": false }"#).unwrap();
/// let session = rekindle::Session::builder("oauth2")
///     .token_url("https://auth.example.com/token")
///     .store(ForeignStore { host: Empty, settings })
///     .build()?;
/// # Ok::<(), rekindle::Error>(())
/// ```
#[derive(Debug)]
pub struct ForeignStore<H> {
    /// The host that is asked.
    pub host: H,
    /// The host's description of the store.
    pub settings: StoreSettings,
}

impl Question for StoreQuestion {
    type Answer = StoreAnswer;
}

#[async_trait]
impl<H: Host<StoreQuestion>> Store for ForeignStore<H> {
    fn identity(&self) -> Option<String> {
        self.settings.identity.clone()
    }

    fn instance(&self) -> usize {
        let own = std::ptr::from_ref(self).cast::<()>() as usize;
        self.settings.instance.map_or(own, |instance| usize::try_from(instance).unwrap_or(usize::MAX))
    }

    fn shared(&self) -> bool {
        self.settings.shared
    }

    fn keyed(&self) -> bool {
        self.settings.keyed
    }

    fn keeps_clients(&self) -> bool {
        self.settings.keyed || self.settings.clients
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        let mut answer = self.ask(key, StoreTask::Load).await?;
        let Some(record) = answer.record.take() else { return Ok(Loaded::Absent) };
        Ok(Loaded::Present(record.into(), answer.version()?))
    }

    async fn save(&self, key: &str, record: Bytes, expected: &store::Expected) -> Result<Saved, Unavailable> {
        let task = StoreTask::Save { record: record.to_vec(), expected: expected.into() };
        let answer = self.ask(key, task).await?;
        if answer.conflict { Ok(Saved::Conflict) } else { answer.version().map(Saved::Done) }
    }

    async fn announce(&self, key: &str, owner: &str) {
        self.ask_of_owner(key, StoreTask::Announce { owner: owner.to_owned() }).await;
    }

    async fn retire(&self, key: &str, owner: &str) {
        self.ask_of_owner(key, StoreTask::Retire { owner: owner.to_owned() }).await;
    }

    async fn owner(&self, key: &str, owner: &str) -> store::Owner {
        match self.ask_of_owner(key, StoreTask::Owner { owner: owner.to_owned() }).await {
            Some(OwnerState::Alive) => store::Owner::Alive,
            Some(OwnerState::Dead) => store::Owner::Dead,
            Some(OwnerState::Unknown) | None => store::Owner::Unknown,
        }
    }

    fn changed<'a>(&'a self, key: &'a str) -> Option<Changed<'a>> {
        if !self.settings.wakes {
            return None;
        }
        Some(Box::pin(async {
            if self.ask(key, StoreTask::Changed).await.is_err() {
                // The call failed: waiting callers poll instead.
                std::future::pending().await
            }
        }))
    }

    async fn now(&self) -> Option<SystemTime> {
        if !self.settings.clock {
            return None;
        }
        self.ask("", StoreTask::Now).await.ok()?.now
    }
}

impl<H: Host<StoreQuestion>> ForeignStore<H> {
    async fn ask(&self, key: &str, task: StoreTask) -> Result<StoreAnswer, Unavailable> {
        let question = StoreQuestion { key: key.to_owned(), task };
        let answer = self.host.ask(question).await;
        let mut answer = answer.map_err(|why| Unavailable::new(why.into_reason()))?;
        match answer.unavailable.take() {
            Some(reason) if answer.damaged => Err(Unavailable::damaged(reason)),
            Some(reason) => Err(Unavailable::new(reason)),
            None => Ok(answer),
        }
    }

    /// Asks about an owner; `None` for a store without owners.
    async fn ask_of_owner(&self, key: &str, task: StoreTask) -> Option<OwnerState> {
        if !self.settings.owners {
            return None;
        }
        self.ask(key, task).await.ok()?.owner
    }
}

impl StoreAnswer {
    fn version(self) -> Result<Version, Unavailable> {
        let missing = || Unavailable::new("the store returned no version with the record");
        self.version.map(Version::new).ok_or_else(missing)
    }
}

impl From<&store::Expected> for Expected {
    fn from(expected: &store::Expected) -> Self {
        match expected {
            store::Expected::Absent => Self::Absent,
            store::Expected::Version(version) => Self::Version { version: version.0.to_string() },
            store::Expected::Anything => Self::Anything,
        }
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(1))?;
        match self {
            Self::Absent => map.serialize_entry("absent", &true)?,
            Self::Version { version } => map.serialize_entry("version", version)?,
            Self::Anything => map.serialize_entry("anything", &true)?,
        }
        map.end()
    }
}

impl fmt::Debug for StoreQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreQuestion").field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for StoreAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreAnswer").field("unavailable", &self.unavailable).finish_non_exhaustive()
    }
}

fn yes() -> bool {
    true
}

/// Core's records are text.
fn text<S: Serializer>(record: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&String::from_utf8_lossy(record))
}

/// Reads a record that the host passes as text or as bytes.
fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    struct Record;

    impl<'de> serde::de::Visitor<'de> for Record {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a record")
        }

        fn visit_str<E>(self, text: &str) -> Result<Vec<u8>, E> {
            Ok(text.as_bytes().to_owned())
        }

        fn visit_string<E>(self, text: String) -> Result<Vec<u8>, E> {
            Ok(text.into_bytes())
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_owned())
        }
    }

    struct Given(Vec<u8>);

    impl<'de> Deserialize<'de> for Given {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(Record).map(Self)
        }
    }

    Ok(Option::<Given>::deserialize(from)?.map(|given| given.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;
    use crate::host::Unanswered;

    /// Gives these answers, one after the other, and remembers what it was asked.
    #[derive(Default)]
    struct Scripted {
        answers: Mutex<Vec<Result<Value, Unanswered>>>,
        asked: Mutex<Vec<Value>>,
    }

    #[async_trait]
    impl Host<StoreQuestion> for Scripted {
        async fn ask(&self, question: StoreQuestion) -> Result<StoreAnswer, Unanswered> {
            self.asked.lock().unwrap().push(serde_json::to_value(question).unwrap());
            let answer = self.answers.lock().unwrap().remove(0)?;
            serde_json::from_value(answer).map_err(|_| Unanswered::Lost("nonsense".to_owned()))
        }
    }

    fn store(
        settings: &Value,
        answers: impl IntoIterator<Item = Result<Value, Unanswered>>,
    ) -> ForeignStore<Scripted> {
        let answers = Mutex::new(answers.into_iter().collect());
        let settings = serde_json::from_value(settings.clone()).unwrap();
        ForeignStore { host: Scripted { answers, asked: Mutex::default() }, settings }
    }

    fn asked(store: &ForeignStore<Scripted>) -> Vec<Value> {
        store.host.asked.lock().unwrap().clone()
    }

    #[test]
    fn a_record_is_text_or_bytes_and_absent_only_where_the_store_says_so() {
        let lost = Err(Unanswered::Lost("the host has ended".to_owned()));
        let answers = [
            Ok(json!({ "record": "{}", "version": "1" })),
            Ok(json!({ "record": null })),
            Ok(json!({ "record": 7 })),
            Ok(json!({ "record": "{}" })),
            Ok(json!({ "unavailable": "locked", "damaged": true })),
            lost,
        ];
        let store = store(&json!({}), answers);
        let load = || block(store.load("k"));
        assert_eq!(load(), Ok(Loaded::Present(Bytes::from_static(b"{}"), Version::new("1"))));
        assert_eq!(load(), Ok(Loaded::Absent));
        assert_eq!(load(), Err(Unavailable::new("nonsense")));
        assert_eq!(load(), Err(Unavailable::new("the store returned no version with the record")));
        assert_eq!(load(), Err(Unavailable::damaged("locked")));
        assert_eq!(load(), Err(Unavailable::new("the host has ended")));
        assert_eq!(asked(&store)[0], json!({ "key": "k", "effect": "load" }));
    }

    #[test]
    fn a_save_says_what_it_may_replace() {
        let store = store(&json!({}), [Ok(json!({ "version": "2" })), Ok(json!({ "conflict": true }))]);
        let save = |expected| block(store.save("k", Bytes::from_static(b"{}"), &expected));
        let first = store::Expected::Version(Version::new("1"));
        assert_eq!(save(first), Ok(Saved::Done(Version::new("2"))));
        assert_eq!(save(store::Expected::Absent), Ok(Saved::Conflict));
        let asked = asked(&store);
        assert_eq!(
            asked[0],
            json!({ "key": "k", "effect": "save", "record": "{}", "expected": { "version": "1" } })
        );
        assert_eq!(asked[1]["expected"], json!({ "absent": true }));
    }

    #[test]
    fn a_store_is_asked_only_what_it_can_answer() {
        let plain = store(&json!({ "owners": false }), []);
        assert_eq!(block(plain.owner("k", "me")), store::Owner::Unknown);
        assert!(plain.changed("k").is_none());
        assert_eq!(block(plain.now()), None);
        assert_eq!(asked(&plain), [] as [Value; 0]);

        let answers = [Ok(json!({ "owner": "dead" })), Ok(json!({ "now_ms": 1500 })), Ok(json!({}))];
        let able = store(&json!({ "wakes": true, "clock": true }), answers);
        assert_eq!(block(able.owner("k", "me")), store::Owner::Dead);
        assert_eq!(block(able.now()), Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1500)));
        block(able.changed("k").unwrap());
    }

    #[test]
    fn debug_shows_no_record() {
        let task = StoreTask::Save { record: b"RT-1".to_vec(), expected: Expected::Anything };
        let question = StoreQuestion { key: "k".to_owned(), task };
        let answer = StoreAnswer { record: Some(b"RT-1".to_vec()), ..StoreAnswer::default() };
        let shown = format!("{question:?} {answer:?}");
        assert!(!shown.contains("RT-1") && !shown.contains("82, 84"), "{shown}");
    }

    fn block<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }
}
