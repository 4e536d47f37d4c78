//! Enters and leaves the interpreter while it is alive. If a thread of ours asks for the interpreter lock after the
//! interpreter has ended, Python unwinds that thread through our frames, and the process crashes.

use std::mem::ManuallyDrop;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

use crate::lock::lock;

/// Set after the wait at exit, when the interpreter is about to end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// The thread that ends the interpreter; it may still call Python.
static LAST: Mutex<Option<ThreadId>> = Mutex::new(None);

/// How many threads are in the interpreter or waiting for its lock.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// How long the exit waits for the threads in the interpreter: a user's callback may never return.
const PATIENCE: Duration = Duration::from_millis(500);

/// Calls Python from a thread of ours; returns `None` if the interpreter has ended.
pub(crate) fn attached<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter()?;
    Python::try_attach(call)
}

/// A Python object held by a thread of ours, which drops it inside the interpreter. If it were dropped elsewhere, it
/// would be put on a list behind a lock, and a child forked at that moment would inherit the lock locked.
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
        // If the interpreter has ended, reference counts no longer matter.
        let _ = attached(move |_| drop(ManuallyDrop::into_inner(object)));
    }
}

/// Runs `work` without the interpreter lock on a caller's thread and then takes the lock again. If the interpreter
/// has ended by then, it never returns.
pub(crate) fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (done, inside) = py.detach(|| {
        let done = work();
        (done, Inside::enter().unwrap_or_else(|| rest()))
    });
    drop(inside);
    done
}

/// Parks a thread that must not return to Python.
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

/// From now on no thread of ours except this one enters the interpreter; waits for the threads that are inside.
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
        // The thread is counted before it checks `ENDED`, so `close` waits for a thread that did not see it set.
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
