//! Two ways to wait: on the caller's thread, or beside an event loop.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use rekindle::{Error, ErrorKind};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{AbortHandle, JoinHandle};

use crate::attach::{attached, ended, released, rest};
use crate::errors::{Problem, os_error, raise};

/// How often a waiting call looks for signals: KeyboardInterrupt must not wait for a server.
const SIGNALS: Duration = Duration::from_millis(50);

/// Runtimes that no call uses now. A thread that waits drives one itself: no hand-over, least CPU.
static IDLE: Mutex<(u32, Vec<Runtime>)> = Mutex::new((0, Vec::new()));

/// The runtime of all asyncio calls.
static BESIDE: Mutex<Option<(u32, Handle)>> = Mutex::new(None);

/// The loop of an async call, its future, and the function that settles it.
pub(crate) type Waiter = (Py<PyAny>, Py<PyAny>, Py<PyAny>);

/// Makes Python's value of a result.
pub(crate) type Convert<T> = fn(Python<'_>, T) -> PyResult<Py<PyAny>>;

/// An async call under way.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Running(AbortHandle);

#[pymethods]
impl Running {
    /// Ends the caller's wait. A refresh belongs to the engine and goes on.
    fn cancel(&self) {
        self.0.abort();
    }
}

/// What an async call gives, on its way: asyncio logs the arguments of slow callbacks, and those may be tokens.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Answer(Mutex<Option<Py<PyAny>>>);

#[pymethods]
impl Answer {
    /// Once.
    fn take(&self) -> Option<Py<PyAny>> {
        self.0.lock().take()
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

fn block<T: Send>(py: Python<'_>, work: impl Future<Output = T> + Send) -> PyResult<T> {
    released(py, || {
        let idle = idle();
        let runtime = match idle {
            Some(runtime) => runtime,
            None => Builder::new_current_thread().enable_all().build().map_err(os_error)?,
        };
        let done = runtime.block_on(interruptible(work));
        IDLE.lock().1.push(runtime);
        done
    })
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

/// A runtime of this process. A forked child leaks what it inherited: dropping it would touch the parent's
/// connections.
fn idle() -> Option<Runtime> {
    let (mut idle, process) = (IDLE.lock(), std::process::id());
    if idle.0 != process {
        std::mem::forget(std::mem::replace(&mut *idle, (process, Vec::new())));
    }
    idle.1.pop()
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
    let task = beside()?.spawn(async move {
        let done = work.await;
        // After the interpreter's end there is nobody to tell.
        let _ = attached(|py| settle(py, waiter, done, convert));
    });
    Ok(Py::new(py, Running(task.abort_handle()))?.into_any())
}

fn settle<T>(py: Python<'_>, waiter: Waiter, done: Result<T, Problem>, convert: Convert<T>) {
    let done = done.map_err(|problem| problem.raise(py)).and_then(|value| convert(py, value));
    let (good, value) = match done {
        Ok(value) => (true, value),
        Err(error) => (false, error.into_value(py).into_any()),
    };
    let (event_loop, future, settle) = waiter;
    let Ok(value) = Py::new(py, Answer(Mutex::new(Some(value)))) else { return };
    // Fails where the loop was closed meanwhile: then nobody waits.
    let _ = event_loop.call_method1(py, "call_soon_threadsafe", (settle, future, good, value));
}

fn beside() -> PyResult<Handle> {
    let mut slot = BESIDE.lock();
    let process = std::process::id();
    match &*slot {
        Some((of, handle)) if *of == process => return Ok(handle.clone()),
        // Of a parent's thread: leaked, never dropped.
        _ => std::mem::forget(slot.take()),
    }
    let runtime = Builder::new_current_thread().enable_all().build().map_err(os_error)?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("rekindle-async".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(os_error)?;
    Ok(slot.insert((process, handle)).1.clone())
}
