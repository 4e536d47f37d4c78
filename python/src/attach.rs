//! Into the interpreter and out of it, while it lives: a thread of ours that asks for it once it ends is unwound by
//! Python through our frames, and the process crashes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors::make;
use crate::run::lock;

/// Set when all waiting is over and the interpreter is about to end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// The thread that ends it, which may go on calling.
static LAST: Mutex<Option<ThreadId>> = Mutex::new(None);

/// How many threads are inside or on their way.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// How long those inside are waited for: a callback of the user's may never come back.
const PATIENCE: Duration = Duration::from_millis(500);

/// Calls Python from a thread of ours; nothing where there is none any more.
pub(crate) fn attached<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter()?;
    Python::try_attach(call)
}

/// Works without the interpreter, on a caller's thread, and comes back to it; or never, if it has ended.
pub(crate) fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (done, inside) = py.detach(|| {
        let done = work();
        (done, Inside::enter().unwrap_or_else(|| rest()))
    });
    drop(inside);
    done
}

/// What a thread does that must not come back.
pub(crate) fn rest() -> ! {
    loop {
        thread::park();
    }
}

/// Whether the interpreter is about to end.
pub(crate) fn ended() -> bool {
    ENDED.load(Ordering::SeqCst)
}

/// Whether this is the thread that ends it.
pub(crate) fn ends_the_interpreter() -> bool {
    ended() && *lock(&LAST) == Some(thread::current().id())
}

/// The last word of the package, after all waiting.
#[pyfunction]
pub(crate) fn end(py: Python<'_>) {
    // For what goes wrong from now on, in a `__del__`.
    let _ = make(py);
    *lock(&LAST) = Some(thread::current().id());
    ENDED.store(true, Ordering::SeqCst);
    py.detach(|| {
        let until = Instant::now() + PATIENCE;
        while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

struct Inside;

impl Inside {
    fn enter() -> Option<Self> {
        // Counted first: `end` waits for whoever did not see its mark.
        INSIDE.fetch_add(1, Ordering::SeqCst);
        let inside = Self;
        let welcome = !ended() || ends_the_interpreter();
        welcome.then_some(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}
