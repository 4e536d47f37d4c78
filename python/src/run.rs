//! Two ways to wait: on the caller's thread, or beside an event loop.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::prelude::*;
use rekindle::fork::{self, OfProcess, PerProcess};
use rekindle::{Error, ErrorKind};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{AbortHandle, JoinHandle};

use crate::attach::{attached, ended, released, rest};
use crate::errors::{Problem, os_error, raise};
use crate::mailbox::Mailbox;

/// How often a waiting call looks for signals: KeyboardInterrupt must not wait for a server.
const SIGNALS: Duration = Duration::from_millis(50);

/// Runtimes that no call uses now, and who used them. A thread that waits alone drives one itself: no hand-over.
static IDLE: PerProcess<Mutex<Vec<(ThreadId, Runtime)>>> = PerProcess::new();

/// How many threads wait.
static WAITING: PerProcess<AtomicUsize> = PerProcess::new();

/// Where as many wait already, the others are waited for by one thread: what it asks of the system, it asks for many.
const ALONE: usize = 3;

/// The runtime of all asyncio calls, and of threads that wait together.
static BESIDE: PerProcess<Mutex<Option<Handle>>> = PerProcess::new();

/// The mailbox of an async call's loop, and its future.
pub(crate) type Waiter = (Py<Mailbox>, Py<PyAny>);

/// Makes Python's value of a result.
pub(crate) type Convert<T> = fn(Python<'_>, T) -> PyResult<Py<PyAny>>;

/// An async call under way.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Running(OfProcess<AbortHandle>);

#[pymethods]
impl Running {
    /// Ends the caller's wait. A refresh belongs to the engine and goes on.
    fn cancel(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

/// Waits here, or starts it beside the waiter's loop.
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
        // Inside a runtime it is a callback of the user's that calls: it stays where its caller is known.
        if waiting.others > ALONE && Handle::try_current().is_err() { together(work) } else { alone(work) }
    })
}

/// One thread that waits.
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
    let idle = IDLE.get_checked(|_| Mutex::default());
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
    let result = Arc::new(Mutex::new(None));
    let (place, me) = (Arc::clone(&result), thread::current());
    let task = Started(beside()?.spawn(async move {
        let done = work.await;
        *lock(&place) = Some(done);
        me.unpark();
    }));
    loop {
        thread::park_timeout(SIGNALS);
        let ended = task.0.is_finished();
        if let Some(done) = lock(&result).take() {
            return Ok(done);
        }
        if ended {
            return Err(os_error(std::io::Error::other("the call broke off")));
        }
        attached(listen).unwrap_or_else(|| rest())?;
    }
}

/// The thread's own if that rests: what one thread allocates, another frees at a price. Else the last one used.
fn rested(idle: &mut Vec<(ThreadId, Runtime)>, me: ThreadId) -> Option<Runtime> {
    let own = idle.iter().position(|(thread, _)| *thread == me);
    own.map(|at| idle.swap_remove(at)).or_else(|| idle.pop()).map(|(_, runtime)| runtime)
}

/// The same work on the runtime that never stops: a connection stands still with the runtime that drives it, so
/// what is read later, perhaps by another thread, must not begin on a caller's own.
pub(crate) async fn elsewhere<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let wrong = |what: String| Problem::bare(&Error::new(ErrorKind::Misuse, what));
    let runtime = beside().map_err(|_| wrong("no thread can be started".to_owned()))?;
    let mut task = Started(runtime.spawn(work));
    (&mut task.0).await.map_err(|error| wrong(error.to_string()))?
}

/// Ends with whoever waits for it.
struct Started<T>(JoinHandle<T>);

impl<T> Drop for Started<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn interruptible<T>(work: impl Future<Output = T>) -> PyResult<T> {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(SIGNALS, &mut work).await {
            Ok(done) => return Ok(done),
            Err(_) => attached(listen).unwrap_or_else(|| rest())?,
        }
    }
}

/// Raises what came meanwhile: a signal, or what another thread raises here (`PyThreadState_SetAsyncExc`, as
/// timeouts for threads and debuggers do). The latter waits until this thread runs some Python.
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
        let what = "the interpreter is about to end: there is no time for async calls any more";
        return Err(raise(py, &Error::new(ErrorKind::Misuse, what)));
    }
    let (mailbox, future) = waiter;
    let task = beside()?.spawn(async move {
        let done = work.await;
        Mailbox::post(&mailbox, future, move |py| {
            done.map_err(|problem| problem.raise(py)).and_then(|value| convert(py, value))
        });
    });
    Ok(Py::new(py, Running(OfProcess::new(task.abort_handle())))?.into_any())
}

fn beside() -> PyResult<Handle> {
    let slot = BESIDE.get_checked(|_| Mutex::default());
    let mut slot = lock(&slot);
    if let Some(handle) = &*slot {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build().map_err(os_error)?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("rekindle-async".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(os_error)?;
    Ok(slot.insert(handle).clone())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For `os.register_at_fork`. Others' hooks may give the interpreter to another thread, which then must not find
/// us holding what it waits for with the interpreter in its hand: nothing here waits so.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(fork::before);
}

/// In the parent, also where the fork failed.
#[pyfunction]
pub(crate) fn after_fork_in_parent() {
    fork::after_in_parent();
}

/// In the child.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    fork::after_in_child();
}
