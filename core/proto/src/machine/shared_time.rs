//! Points in time that several processes agree on (spec 4.5).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Now, Wall};

/// A point in time that processes on one machine read on the boot clock, others on the wall clock (spec 4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedTime {
    wall: Wall,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
    mono_ms: u64,
}

impl SharedTime {
    pub(crate) fn new(at: Now, boot: Option<&str>) -> Self {
        Self {
            wall: at.wall,
            boot: boot.map(str::to_owned),
            mono_ms: u64::try_from(at.mono.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// How long until then; zero if it has passed. Whoever wrote it may have had a clock that ran fast: it is never
    /// further away than `most`, which is how far ahead it was set at most (spec 4.11).
    pub(crate) fn left(&self, now: Now, boot: Option<&str>, most: Duration) -> Duration {
        let left = if self.boot.is_some() && self.boot.as_deref() == boot {
            Duration::from_millis(self.mono_ms).saturating_sub(now.mono)
        } else {
            self.wall.since(now.wall)
        };
        left.min(most)
    }

    /// How long ago that was; zero if it is still to come.
    pub(crate) fn age(&self, now: Now, boot: Option<&str>) -> Duration {
        if self.boot.is_some() && self.boot.as_deref() == boot {
            now.mono.saturating_sub(Duration::from_millis(self.mono_ms))
        } else {
            now.wall.since(self.wall)
        }
    }
}
