//! What time it is in a case, and what moves the core on: its own thread, or a host in its turns.

use std::time::Duration;

use parking_lot::Mutex;
use rekindle::clock::{Clock as _, ManualClock};
use rekindle::{Host, SessionBuilder};
use rekindle::{Now, Wall};

/// What moves the core on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// Its own thread, by a clock that the case turns.
    ByThread,
    /// A host that says with each turn what time it is.
    ByHost,
}

pub(crate) enum Time {
    Thread(ManualClock),
    Host(Host, Mutex<Now>),
}

impl Time {
    pub(crate) fn new(driven: Driven) -> Self {
        let clock = ManualClock::new();
        match driven {
            Driven::ByThread => Self::Thread(clock),
            Driven::ByHost => Self::Host(Host::new([7; 32]), Mutex::new(clock.now())),
        }
    }

    pub(crate) fn drives(&self, builder: SessionBuilder) -> SessionBuilder {
        match self {
            Self::Thread(clock) => builder.clock(clock.clone()),
            Self::Host(host, now) => {
                host.set_clock(*now.lock());
                builder.host(host)
            }
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        match self {
            Self::Thread(clock) => clock.advance(by),
            Self::Host(_, now) => {
                let mut now = now.lock();
                *now = now.plus(by);
            }
        }
        self.turn();
    }

    pub(crate) fn jump_wall(&self, by_ms: i64) {
        match self {
            Self::Thread(clock) => clock.jump_wall(Wall(clock.now().wall.0 + by_ms)),
            Self::Host(_, now) => now.lock().wall.0 += by_ms,
        }
        self.turn();
    }

    /// How long until the next timer.
    pub(crate) fn left(&self) -> Option<Duration> {
        let (due, now) = match self {
            Self::Thread(clock) => (clock.next_due(), clock.now()),
            Self::Host(_, now) => (self.turn(), *now.lock()),
        };
        Some(due?.saturating_sub(now.mono))
    }

    /// Turns for as long as the case is played.
    pub(crate) async fn drive(&self) {
        if let Self::Thread(_) = self {
            std::future::pending::<()>().await;
        }
        loop {
            self.turn();
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    fn turn(&self) -> Option<Duration> {
        let Self::Host(host, now) = self else { return None };
        let now = *now.lock();
        host.turn(now)
    }
}
