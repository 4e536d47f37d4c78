//! Points in time that several processes agree on (spec 4.5).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::unknown_fields::Unknown;
use crate::time::{Now, Wall};

/// Clocks of machines that share a store differ by less; one that ran further ahead was wrong.
pub(crate) const FAST_CLOCK: Duration = Duration::from_secs(300);

/// By what a point in time is read that processes share: the store's clock if it has one, else that of this boot, where
/// that is known, else the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedClock<'a> {
    name: Option<&'a str>,
    /// How far it is ahead of our monotonic clock.
    ahead: Duration,
}

impl<'a> SharedClock<'a> {
    pub(crate) fn of(boot: Option<&'a str>, store_ahead: Option<Duration>) -> Self {
        match store_ahead {
            Some(ahead) => Self { name: Some("store"), ahead },
            None => Self { name: boot, ahead: Duration::ZERO },
        }
    }

    fn read(self, now: Now) -> Duration {
        now.mono.saturating_add(self.ahead)
    }
}

/// A point in time that processes agree on: by the store's clock, on one machine by the boot clock, else by the wall
/// clock (spec 4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedTime {
    wall: Wall,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
    mono_ms: u64,
    #[serde(flatten)]
    unknown: Unknown,
}

impl SharedTime {
    pub(crate) fn new(at: Now, clock: SharedClock<'_>) -> Self {
        Self {
            wall: at.wall,
            boot: clock.name.map(str::to_owned),
            mono_ms: u64::try_from(clock.read(at).as_millis()).unwrap_or(u64::MAX),
            unknown: Unknown::default(),
        }
    }

    /// From `earlier` on, by the clock that both were read on.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        if self.boot.is_some() && self.boot == earlier.boot {
            Duration::from_millis(self.mono_ms.saturating_sub(earlier.mono_ms))
        } else {
            self.wall.since(earlier.wall)
        }
    }

    /// How long until then; zero if it has passed. It was set `most` ahead, so it is no further away. What seems to be
    /// was written by a clock that ran fast, and whoever wrote it is long gone (spec 4.12).
    pub(crate) fn left(&self, now: Now, clock: SharedClock<'_>, most: Duration) -> Duration {
        let left = if self.boot.is_some() && self.boot.as_deref() == clock.name {
            Duration::from_millis(self.mono_ms).saturating_sub(clock.read(now))
        } else {
            self.wall.since(now.wall)
        };
        if left > most.saturating_add(FAST_CLOCK) { Duration::ZERO } else { left.min(most) }
    }

    /// How long ago that was; zero if it is still to come, and for ever if a clock that ran fast wrote it.
    pub(crate) fn age(&self, now: Now, clock: SharedClock<'_>) -> Duration {
        if self.boot.is_some() && self.boot.as_deref() == clock.name {
            clock.read(now).saturating_sub(Duration::from_millis(self.mono_ms))
        } else {
            match self.wall.since(now.wall) > FAST_CLOCK {
                true => Duration::MAX,
                false => now.wall.since(self.wall),
            }
        }
    }
}
