//! A clock for profilers.

use std::time::{Duration, Instant, SystemTime};

use rekindle::clock::{Clock, Timer};
use rekindle::{Now, Wall};

/// The system's clocks by way of std: valgrind breaks the quicker way.
pub(crate) struct StdClock(pub(crate) Instant);

impl Clock for StdClock {
    fn now(&self) -> Now {
        let wall = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
        Now { mono: self.0.elapsed(), wall: Wall(i64::try_from(wall).unwrap_or(i64::MAX)) }
    }

    fn sleep_until(&self, mono: Duration) -> Timer {
        Timer::new(tokio::time::sleep_until((self.0 + mono).into()))
    }
}
