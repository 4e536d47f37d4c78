//! Delivers the results of async calls to their event loop in batches: delivering each on its own would cost one
//! acquisition of the interpreter lock, and one wake-up of the loop, per result.

use std::sync::Mutex;
#[cfg(unix)]
use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use rekindle::fork::PerProcess;

use crate::attach::{Kept, attached};
use crate::lock::lock;
#[cfg(unix)]
use crate::wakeup::Wakeup;

/// The results that a loop has not taken yet.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct CompletionQueue {
    /// A weak reference to the loop.
    event_loop: Py<PyAny>,
    waiting: PerProcess<Mutex<Vec<Completion>>>,
    #[cfg(unix)]
    wakeup: OnceLock<Arc<Wakeup>>,
}

struct Completion {
    future: Kept<PyAny>,
    open: Open,
    /// Keeps the queue alive. The thread that takes the completion drops this inside the interpreter.
    _queue: Kept<CompletionQueue>,
}

type Open = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// The result of an async call on its way to the caller. It is wrapped because the `repr` of a future shows its
/// result, which may be a token.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Answer(Mutex<Option<Py<PyAny>>>);

#[pymethods]
impl Answer {
    /// Returns the result once.
    fn take(&self) -> Option<Py<PyAny>> {
        lock(&self.0).take()
    }
}

#[pymethods]
impl CompletionQueue {
    #[new]
    fn new(event_loop: Py<PyAny>) -> Self {
        Self {
            event_loop,
            waiting: PerProcess::new(),
            #[cfg(unix)]
            wakeup: OnceLock::new(),
        }
    }

    /// Makes the loop watch the wake-up socket, if it can watch sockets. The loop keeps both alive until it is
    /// closed.
    #[cfg(unix)]
    fn listen(this: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(wakeup) = Wakeup::watched_by(event_loop, &this.getattr("deliver")?) {
            let _ = this.get().wakeup.set(Arc::new(wakeup));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn listen(&self, event_loop: &Bound<'_, PyAny>) {
        let _ = event_loop;
    }

    /// Called by the loop.
    fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        #[cfg(unix)]
        if let Some(wakeup) = self.wakeup.get() {
            wakeup.drain();
        }
        for completion in self.empty() {
            completion.settle(py)?;
        }
        Ok(())
    }
}

impl CompletionQueue {
    /// May be called from any thread. Only the first result wakes the loop, which then takes everything that has
    /// arrived.
    pub(crate) fn post(
        this: Kept<Self>,
        future: Kept<PyAny>,
        open: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        #[cfg(unix)]
        if let Some(wakeup) = this.get().and_then(|queue| queue.wakeup.get().cloned()) {
            if Self::push(this, future, Box::new(open)) {
                wakeup.wake();
            }
            return;
        }
        // After the interpreter's end no caller is left.
        let _ = attached(move |py| {
            let Some(queue) = this.clone_ref(py) else { return };
            // Fails if the loop was closed meanwhile: then no task waits.
            if Self::push(this, future, Box::new(open)) && wake(queue.bind(py)).is_err() {
                drop(queue.get().empty());
            }
        });
    }

    /// Returns whether this is the first waiting result.
    fn push(this: Kept<Self>, future: Kept<PyAny>, open: Open) -> bool {
        let Some(waiting) = this.get().map(|queue| queue.waiting.get(|_| Mutex::default())) else {
            return false;
        };
        let mut completions = lock(&waiting);
        completions.push(Completion { future, open, _queue: this });
        completions.len() == 1
    }

    fn empty(&self) -> Vec<Completion> {
        std::mem::take(&mut lock(&self.waiting.get(|_| Mutex::default())))
    }
}

fn wake(completion_queue: &Bound<'_, CompletionQueue>) -> PyResult<()> {
    let event_loop = completion_queue.get().event_loop.bind(completion_queue.py()).call0()?;
    event_loop.call_method1("call_soon_threadsafe", (completion_queue.getattr("deliver")?,)).map(drop)
}

impl Completion {
    fn settle(self, py: Python<'_>) -> PyResult<()> {
        let Some(future) = self.future.clone_ref(py) else { return Ok(()) };
        if future.call_method0(py, "done")?.is_truthy(py)? {
            return Ok(());
        }
        match (self.open)(py) {
            Ok(value) => {
                let answer = Py::new(py, Answer(Mutex::new(Some(value))))?;
                future.call_method1(py, "set_result", (answer,))
            }
            Err(error) => future.call_method1(py, "set_exception", (error.into_value(py),)),
        }
        .map(drop)
    }
}
