//! Into the interpreter and out of it, while it lives: a thread of ours that asks for it once it ends is unwound by
//! Python through our frames, and the process crashes.

use std::mem::ManuallyDrop;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

use crate::lock::lock;

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

/// An object of Python's in the hands of a thread of ours, which lets go of it inside the interpreter. Let go of elsewhere, it
/// would go onto a list behind a lock that a child, forked in that moment, inherits locked.
pub(crate) struct Kept<T>(Option<Py<T>>);

impl<T> Kept<T> {
    pub(crate) fn new(object: Py<T>) -> Self {
        Self(Some(object))
    }

    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Option<Py<T>> {
        self.0.as_ref().map(|object| object.clone_ref(py))
    }
}

impl<T: PyClass<Frozen = True> + Sync> Kept<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(Py::get)
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        let Some(object) = self.0.take().map(ManuallyDrop::new) else { return };
        // Where there is no interpreter any more, nobody counts.
        let _ = attached(move |_| drop(ManuallyDrop::into_inner(object)));
    }
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

/// No thread of ours comes in from now on but this one; those inside are waited for.
pub(crate) fn close(py: Python<'_>) {
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
        // Counted first: `close` waits for whoever did not see its mark.
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
