//! What the host has to do, and the questions that it has not answered yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rekindle_bindings::Spelling;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// A mutex that knows nothing of poison: nothing is half done where it could panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
pub(crate) struct Outbox(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    effects: Vec<Value>,
    asked: BTreeMap<u64, oneshot::Sender<Value>>,
    next: u64,
    spelling: Spelling,
}

/// A question that was put to the host. Nobody wants the answer any more once it is dropped.
struct Asked<'a> {
    outbox: &'a Outbox,
    number: u64,
}

impl Outbox {
    pub(crate) fn say(&self, effect: Value) {
        lock(&self.0).effects.push(effect);
    }

    /// How the host's language spells the settings that errors name.
    pub(crate) fn spell(&self, spelling: Spelling) {
        lock(&self.0).spelling = spelling;
    }

    pub(crate) fn spelling(&self) -> Spelling {
        lock(&self.0).spelling
    }

    /// Asks the host, and waits for its answer. `None`: the core ends.
    pub(crate) async fn ask(&self, mut effect: Value) -> Option<Value> {
        let (answer, answered) = oneshot::channel();
        let asked = {
            let mut inner = lock(&self.0);
            inner.next += 1;
            let number = inner.next;
            effect["op"] = number.into();
            inner.effects.push(effect);
            inner.asked.insert(number, answer);
            Asked { outbox: self, number }
        };
        let answer = answered.await.ok();
        drop(asked);
        answer
    }

    /// An answer to a question that nobody waits for any more is dropped.
    pub(crate) fn answer(&self, number: u64, answer: Value) {
        let asked = lock(&self.0).asked.remove(&number);
        if let Some(asked) = asked {
            let _ = asked.send(answer);
        }
    }

    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut lock(&self.0).effects)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.outbox.0);
        if inner.asked.remove(&self.number).is_some() {
            inner.effects.push(json!({ "effect": "forget", "op": self.number }));
        }
    }
}

pub(crate) type SharedOutbox = Arc<Outbox>;
