//! Clock readings. The machine never reads a clock itself.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A wall-clock time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(pub i64);

impl Wall {
    /// Returns the time `duration` later; saturates.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::Wall;
    ///
    /// assert_eq!(Wall(1_000).plus(Duration::from_secs(2)), Wall(3_000));
    /// assert_eq!(Wall(1_000).plus(Duration::MAX), Wall(i64::MAX));
    /// ```
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Returns the time `duration` earlier; saturates.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::Wall;
    ///
    /// assert_eq!(Wall(3_000).minus(Duration::from_secs(2)), Wall(1_000));
    /// ```
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// Returns the duration from `earlier` to `self`; zero if `earlier` is later.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::Wall;
    ///
    /// assert_eq!(Wall(3_000).since(Wall(1_000)), Duration::from_secs(2));
    /// assert_eq!(Wall(1_000).since(Wall(3_000)), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// ```
/// use std::time::{Duration, SystemTime};
/// use rekindle_proto::Wall;
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
/// assert_eq!(SystemTime::from(Wall(1_500)), time);
/// assert_eq!(Wall::from(time), Wall(1_500));
/// assert_eq!(Wall::from(SystemTime::from(Wall(-7))), Wall(-7));
/// ```
impl From<Wall> for SystemTime {
    fn from(wall: Wall) -> Self {
        let off = Duration::from_millis(wall.0.unsigned_abs());
        let time =
            if wall.0 < 0 { Self::UNIX_EPOCH.checked_sub(off) } else { Self::UNIX_EPOCH.checked_add(off) };
        // Some platforms have a smaller range.
        time.unwrap_or(Self::UNIX_EPOCH)
    }
}

/// Whole milliseconds; saturates.
impl From<SystemTime> for Wall {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self(millis(since)),
            Err(before) => Self(-millis(before.duration())),
        }
    }
}

/// One reading of both clocks, taken together.
///
/// `mono` counts from the machine's boot, suspension included where the system tells it (spec 4.5);
/// `wall` may jump. A deadline that was set on both passes when the earlier one does (spec 1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since boot. Never goes back.
    pub mono: Duration,
    /// The wall clock. May jump both ways.
    pub wall: Wall,
}

impl Now {
    /// Returns the reading of both clocks `duration` later, assuming no jump.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::{Now, Wall};
    ///
    /// let now = Now { mono: Duration::from_secs(60), wall: Wall(1_000) };
    /// let later = now.plus(Duration::from_secs(2));
    /// assert_eq!(later, Now { mono: Duration::from_secs(62), wall: Wall(3_000) });
    /// ```
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self { mono: self.mono.saturating_add(duration), wall: self.wall.plus(duration) }
    }

    /// Returns the reading of both clocks `duration` earlier, assuming no jump; saturates.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::{Now, Wall};
    ///
    /// let now = Now { mono: Duration::from_secs(60), wall: Wall(5_000) };
    /// let earlier = now.minus(Duration::from_secs(2));
    /// assert_eq!(earlier, Now { mono: Duration::from_secs(58), wall: Wall(3_000) });
    /// ```
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self { mono: self.mono.saturating_sub(duration), wall: self.wall.minus(duration) }
    }

    /// Whether `deadline` has passed on either clock.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::{Now, Wall};
    ///
    /// let now = Now { mono: Duration::from_secs(60), wall: Wall(1_000) };
    /// let deadline = now.plus(Duration::from_secs(5));
    /// assert!(!now.reached(deadline));
    /// assert!(Now { wall: Wall(9_000), ..now }.reached(deadline)); // the wall clock jumped past it
    /// ```
    #[must_use]
    pub fn reached(self, deadline: Self) -> bool {
        self.mono >= deadline.mono || self.wall >= deadline.wall
    }

    /// Time left to `deadline`, by the clock on which it comes first.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rekindle_proto::{Now, Wall};
    ///
    /// let now = Now { mono: Duration::from_secs(60), wall: Wall(1_000) };
    /// let deadline = now.plus(Duration::from_secs(5));
    /// assert_eq!(now.until(deadline), Duration::from_secs(5));
    /// assert_eq!(Now { wall: Wall(4_000), ..now }.until(deadline), Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn until(self, deadline: Self) -> Duration {
        deadline.mono.saturating_sub(self.mono).min(deadline.wall.since(self.wall))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
