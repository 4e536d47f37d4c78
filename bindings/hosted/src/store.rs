//! A store that the host keeps.

use async_trait::async_trait;
use bytes::Bytes;
use rekindle::store::{Expected, Loaded, Owner, Saved, Store, Unavailable, Version};
use rekindle_bindings::StoreSettings;
use serde_json::{Value, json};

use crate::outbox::SharedOutbox;

pub(crate) struct HostStore {
    pub(crate) session: u32,
    pub(crate) settings: StoreSettings,
    pub(crate) outbox: SharedOutbox,
}

impl HostStore {
    async fn ask(&self, key: &str, mut effect: Value) -> Result<Value, Unavailable> {
        effect["session"] = self.session.into();
        effect["key"] = key.into();
        let answer = self.outbox.ask(effect).await.ok_or_else(|| Unavailable::new("the host has ended"))?;
        match answer["unavailable"].as_str() {
            Some(reason) if answer["damaged"] == true => Err(Unavailable::damaged(reason)),
            Some(reason) => Err(Unavailable::new(reason)),
            None => Ok(answer),
        }
    }
}

#[async_trait]
impl Store for HostStore {
    fn identity(&self) -> Option<String> {
        self.settings.identity.clone()
    }

    fn shared(&self) -> bool {
        self.settings.shared
    }

    fn keyed(&self) -> bool {
        self.settings.keyed
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        let answer = self.ask(key, json!({ "effect": "load" })).await?;
        let Some(record) = answer["record"].as_str() else { return Ok(Loaded::Absent) };
        Ok(Loaded::Present(Bytes::copy_from_slice(record.as_bytes()), version(&answer)?))
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let expected = match expected {
            Expected::Anything => json!({ "anything": true }),
            Expected::Absent => json!({ "absent": true }),
            Expected::Version(version) => json!({ "version": &*version.0 }),
        };
        let record = String::from_utf8_lossy(&record);
        let answer =
            self.ask(key, json!({ "effect": "save", "record": record, "expected": expected })).await?;
        if answer["conflict"] == true {
            return Ok(Saved::Conflict);
        }
        version(&answer).map(Saved::Done)
    }

    async fn announce(&self, key: &str, owner: &str) {
        let _ = self.ask(key, json!({ "effect": "announce", "owner": owner })).await;
    }

    async fn retire(&self, key: &str, owner: &str) {
        let _ = self.ask(key, json!({ "effect": "retire", "owner": owner })).await;
    }

    async fn owner(&self, key: &str, owner: &str) -> Owner {
        let answer = self.ask(key, json!({ "effect": "owner", "owner": owner })).await;
        match answer.as_ref().ok().and_then(|answer| answer["owner"].as_str()) {
            Some("alive") => Owner::Alive,
            Some("dead") => Owner::Dead,
            _ => Owner::Unknown,
        }
    }
}

fn version(answer: &Value) -> Result<Version, Unavailable> {
    let version = answer["version"].as_str();
    version.map(Version::new).ok_or_else(|| Unavailable::new("the store gave no version with the record"))
}
