//! The two ways to wait: on the caller's thread, or in an event loop.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread, ThreadId};
use std::time::Duration;

use futures_util::future::AbortHandle;
use pyo3::prelude::*;
use rekindle::fork::{self, OfProcess, PerProcess};
use rekindle::{Error, ErrorKind};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::attach::{Kept, attached, ended, ends_the_interpreter, released, rest};
use crate::background_runtime::BackgroundRuntime;
use crate::completion_queue::CompletionQueue;
use crate::errors::{Problem, os_error, raise};
use crate::lock::lock;

/// How often a waiting call checks for signals, so that KeyboardInterrupt does not have to wait for a server.
const SIGNALS: Duration = Duration::from_millis(50);

/// Runtimes that no call is using, with the threads that used them last. A thread that waits alone drives one itself,
/// which saves switching threads.
static IDLE: PerProcess<Mutex<Vec<(ThreadId, Runtime)>>> = PerProcess::new();

/// How many threads are waiting.
static WAITING: PerProcess<AtomicUsize> = PerProcess::new();

/// If this many threads are waiting already, one thread waits for the others: it makes one system call for many of
/// them.
const ALONE: usize = 3;

/// The completion queue of an async call's loop, and its future.
pub(crate) type Waiter = (Py<CompletionQueue>, Py<PyAny>);

/// Converts a result to its Python value.
pub(crate) type Convert<T> = fn(Python<'_>, T) -> PyResult<Py<PyAny>>;

/// An async call in progress.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Running(OfProcess<AbortHandle>);

#[pymethods]
impl Running {
    /// Ends the caller's wait. A refresh belongs to the engine and continues.
    fn cancel(&self) {
        if let Some(work) = self.0.get() {
            work.abort();
        }
    }
}

/// Waits here, or starts the work for the waiter's loop.
pub(crate) fn drive<T: Send + 'static>(
    py: Python<'_>,
    waiter: Option<Waiter>,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    convert: Convert<T>,
) -> PyResult<Py<PyAny>> {
    match waiter {
        Some(waiter) => start(py, waiter, work, convert),
        None => match block(py, work)? {
            Ok(value) => convert(py, value),
            Err(problem) => Err(problem.raise(py)),
        },
    }
}

fn block<T: Send + 'static>(py: Python<'_>, work: impl Future<Output = T> + Send + 'static) -> PyResult<T> {
    released(py, || {
        let waiting = Waits::begin();
        // Inside a runtime the caller is a user's callback. It stays on this thread, where its caller is known.
        if waiting.others > ALONE && Handle::try_current().is_err() { together(work) } else { alone(work) }
    })
}

/// One waiting thread.
struct Waits {
    others: usize,
}

impl Waits {
    fn begin() -> Self {
        Self { others: WAITING.get_checked(|_| AtomicUsize::default()).fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        WAITING.get(|_| AtomicUsize::new(1)).fetch_sub(1, Ordering::Relaxed);
    }
}

fn alone<T>(work: impl Future<Output = T>) -> PyResult<T> {
    let idle = IDLE.get(|_| Mutex::default());
    let me = thread::current().id();
    let known = rested(&mut lock(&idle), me);
    let runtime = match known {
        Some(runtime) => runtime,
        None => Builder::new_current_thread().enable_all().build().map_err(os_error)?,
    };
    let done = runtime.block_on(interruptible(work));
    lock(&idle).push((me, runtime));
    done
}

fn together<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> PyResult<T> {
    let place = Arc::new(Place { result: Mutex::new(None), waits: thread::current() });
    let filled = Filled(Arc::clone(&place));
    let _ends = Ends(BackgroundRuntime::here()?.give(async move {
        let done = work.await;
        *lock(&filled.0.result) = Some(done);
    }));
    loop {
        thread::park_timeout(SIGNALS);
        let over = Arc::strong_count(&place) == 1;
        if let Some(done) = lock(&place.result).take() {
            return Ok(done);
        }
        if over {
            return Err(os_error(std::io::Error::other("the call failed: see standard error")));
        }
        listened()?;
    }
}

/// The place for the result, and the thread that waits for it.
struct Place<T> {
    result: Mutex<Option<T>>,
    waits: Thread,
}

/// Wakes the waiting thread when it is dropped, with or without a result.
struct Filled<T>(Arc<Place<T>>);

impl<T> Drop for Filled<T> {
    fn drop(&mut self) {
        self.0.waits.unpark();
    }
}

/// Aborts the work when its waiter is dropped.
struct Ends(AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Prefers the runtime that this thread used last, because memory that another thread allocated is expensive to free.
/// Otherwise the last one used.
fn rested(idle: &mut Vec<(ThreadId, Runtime)>, me: ThreadId) -> Option<Runtime> {
    let own = idle.iter().position(|(thread, _)| *thread == me);
    own.map(|at| idle.swap_remove(at)).or_else(|| idle.pop()).map(|(_, runtime)| runtime)
}

/// Runs the work on the background runtime, which never stops. A connection stops when the runtime that drives it
/// stops, so a body that is read later, perhaps by another thread, must not start on a caller's own runtime.
pub(crate) async fn elsewhere<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let wrong = |what: String| Problem::bare(&Error::new(ErrorKind::System, what));
    let beside = BackgroundRuntime::here().map_err(|_| wrong("no thread can be started".to_owned()))?;
    let (done, result) = oneshot::channel();
    let _ends = Ends(beside.give(async move { drop(done.send(work.await)) }));
    result.await.map_err(|_| wrong("the call failed: see standard error".to_owned()))?
}

async fn interruptible<T>(work: impl Future<Output = T>) -> PyResult<T> {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(SIGNALS, &mut work).await {
            Ok(done) => return Ok(done),
            Err(_) => listened()?,
        }
    }
}

/// Like [`listen`], from a thread that waits without the interpreter lock. The thread that ends the interpreter may
/// still wait, in a `__del__` of a global: it gets no more signals, and its own timeout ends the wait. Other threads
/// must not return.
fn listened() -> PyResult<()> {
    match attached(listen) {
        Some(receiver) => receiver,
        None if ends_the_interpreter() => Ok(()),
        None => rest(),
    }
}

/// Raises pending exceptions: of a signal, or those that another thread raises here (`PyThreadState_SetAsyncExc`,
/// which timeouts for threads and debuggers use). The latter are only raised when this thread runs Python code.
fn listen(py: Python<'_>) -> PyResult<()> {
    py.check_signals()?;
    py.import("rekindle._wait")?.getattr("_listen")?.call0().map(drop)
}

fn start<T: Send + 'static>(
    py: Python<'_>,
    waiter: Waiter,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    convert: Convert<T>,
) -> PyResult<Py<PyAny>> {
    if ended() {
        let what = "the interpreter is shutting down: async calls are no longer possible";
        return Err(raise(py, &Error::new(ErrorKind::Misuse, what)));
    }
    let (completion_queue, future) = (Kept::new(waiter.0), Kept::new(waiter.1));
    let work = BackgroundRuntime::here()?.give(async move {
        let done = work.await;
        CompletionQueue::post(completion_queue, future, move |py| {
            done.map_err(|problem| problem.raise(py)).and_then(|value| convert(py, value))
        });
    });
    Ok(Py::new(py, Running(OfProcess::new(work)))?.into_any())
}

/// For `os.register_at_fork`. Other hooks may hand the interpreter to another thread. That thread must not find us
/// holding a lock that it waits for while it has the interpreter, so this waits without the interpreter lock.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(fork::before);
}

/// Called in the parent, also if the fork failed.
#[pyfunction]
pub(crate) fn after_fork_in_parent() {
    fork::after_in_parent();
}

/// Called in the child.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    fork::after_in_child();
}
