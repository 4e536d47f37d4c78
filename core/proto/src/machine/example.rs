//! The setup for the examples in this documentation.

use std::sync::Arc;
use std::time::Duration;

use super::{Binding, Effect, Entropy, Machine, MachineConfig, OpId, Snapshot};
use crate::credential::{Credential, Expiry};
use crate::rotation::Rotation;
use crate::store::{Loaded, Saved, Version};
use crate::time::{Now, Wall};

/// A machine that serves the token `at-1` for 900 s, and a store for it.
pub struct Example {
    /// The machine.
    pub machine: Machine,
    /// The current time.
    pub now: Now,
    /// The last published snapshot.
    pub snapshot: Arc<Snapshot>,
    stored: Loaded,
    saves: u64,
}

impl Example {
    /// A machine that has read its store, and holds the tokens that it was given.
    #[must_use]
    pub fn new() -> Self {
        let mut example = Self::unread();
        example.machine.open();
        example.run();
        example
    }

    /// A machine that has not read its store.
    #[must_use]
    pub fn unread() -> Self {
        let seed = Credential {
            access_token: Some("at-1".into()),
            refresh_token: Some("rt-1".into()),
            expiry: Some(Expiry::In(Duration::from_secs(900))),
            ..Credential::default()
        };
        let config = MachineConfig::new(Rotation::Strict, Binding::default());
        Self {
            machine: Machine::new(config, Some(seed), Entropy::new([7; 32])),
            now: Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) },
            snapshot: Arc::default(),
            stored: Loaded::Absent,
            saves: 0,
        }
    }

    /// Carries out the effects on the store, until something is to be sent.
    pub fn run(&mut self) -> Option<OpId> {
        while let Some(effect) = self.machine.poll_effect() {
            match effect {
                Effect::Load { op } => self.machine.handle_loaded(op, Ok(self.stored.clone()), self.now),
                Effect::Save { op, record, .. } => {
                    self.saves += 1;
                    let version = Version::new(self.saves.to_string());
                    self.stored = Loaded::Present(record, version.clone());
                    self.machine.handle_saved(op, Ok(Saved::Done(version)), self.now);
                }
                Effect::Publish(snapshot) => self.snapshot = snapshot,
                Effect::Send { op, .. } => return Some(op),
                _ => {}
            }
        }
        None
    }
}

impl Default for Example {
    fn default() -> Self {
        Self::new()
    }
}
