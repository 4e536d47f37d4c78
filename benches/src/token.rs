//! A valid token: what it costs to take it.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use rekindle::Session;
use rekindle::clock::{Clock, SystemClock};
#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::runtime::Builder;

use crate::alloc::counted;
use crate::clock::StdClock;
use crate::measure::{Compared, Took, by_thread, compared};

const MANY: usize = 500_000;

/// What was found.
pub(crate) struct Figures {
    pub(crate) allocations: i64,
    pub(crate) if_valid: Compared,
    pub(crate) awaited: Compared,
    pub(crate) two_threads: Compared,
}

pub(crate) fn measured(rounds: usize) -> Figures {
    let session = session(Arc::new(SystemClock));
    Figures {
        allocations: allocations(&session),
        if_valid: compared(rounds, MANY, || if_valid(&session), floor),
        awaited: compared(rounds, MANY, || awaited(&session), floor),
        two_threads: compared(rounds, MANY, || two_threads(&session, true), || two_threads(&session, false)),
    }
}

/// Only one of them, for a profiler.
pub(crate) fn alone(what: &str, rounds: usize) {
    let session = session(Arc::new(StdClock(Instant::now())));
    for _ in 0..rounds {
        match what {
            "token-if-valid" => if_valid(&session),
            "token-floor" => floor(),
            _ => awaited(&session),
        };
    }
}

fn session(clock: Arc<dyn Clock>) -> Session {
    let session = Session::builder("oauth2")
        .token_url("https://auth.example.com/token")
        .tokens("at-1", "rt-1")
        .expires_in(Duration::from_secs(3600))
        .clock(clock)
        .build()
        .expect("a session");
    // The first call reads the store.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(session.token()).expect("a token");
    while !runtime.block_on(session.shutdown(Duration::from_secs(5))) {}
    session
}

fn allocations(session: &Session) -> i64 {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    if_valid(session);
    runtime.block_on(async {
        let take = || {
            for _ in 0..1000 {
                black_box(session.token_if_valid().map(|token| token.generation()));
            }
        };
        let (_, by_call) = counted(take);
        by_call.calls + counted(|| futures(session)).1.calls
    })
}

/// Polled by hand: that the runtime allocates nothing either is not the question.
fn futures(session: &Session) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..1000 {
        let token = std::pin::pin!(session.token());
        assert!(token.poll(&mut context).is_ready());
    }
}

fn if_valid(session: &Session) -> Took {
    by_thread(|| {
        for _ in 0..MANY {
            black_box(black_box(session).token_if_valid().is_some());
        }
    })
}

fn awaited(session: &Session) -> Took {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    by_thread(|| {
        runtime.block_on(async {
            for _ in 0..MANY {
                black_box(black_box(session).token().await.is_ok());
            }
        });
    })
}

/// What it cannot do without: two clocks, and a look at what is published.
fn floor() -> Took {
    let published = ArcSwap::from_pointee(7u64);
    by_thread(|| {
        for _ in 0..MANY {
            let published = black_box(&published).load();
            black_box((Instant::now(), SystemTime::now(), **published));
        }
    })
}

/// The slower of two threads, each on a core of its own, at the same time or one after the other: what a core
/// shares with the machine's other guests falls on both.
fn two_threads(session: &Session, at_once: bool) -> Took {
    let turn = Barrier::new(2);
    let thread = |core: usize| {
        keep_to(core);
        if at_once || core == 1 {
            turn.wait();
        }
        let took = if_valid(session);
        if !at_once && core == 0 {
            turn.wait();
        }
        took
    };
    let (first, second) = std::thread::scope(|scope| {
        let (first, second) = (scope.spawn(|| thread(0)), scope.spawn(|| thread(1)));
        (first.join().expect("a thread"), second.join().expect("a thread"))
    });
    Took { wall: first.wall.max(second.wall), cpu: first.cpu.max(second.cpu) }
}

/// This thread runs on one of the cores that it may run on, where the system can say so.
fn keep_to(core: usize) {
    #[cfg(target_os = "linux")]
    if let Ok(allowed) = sched_getaffinity(None)
        && let Some(core) = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).nth(core)
    {
        let mut one = CpuSet::new();
        one.set(core);
        let _ = sched_setaffinity(None, &one);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}
