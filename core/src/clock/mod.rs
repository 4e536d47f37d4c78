//! The clocks, including one that tests control.

pub(crate) mod contract;
mod manual;
pub(crate) mod timer;

pub use self::contract::Clock;
pub use self::manual::ManualClock;
pub use self::timer::Timer;
#[cfg(feature = "runtime")]
pub use crate::platform::clock::SystemClock;
