//! How the results of async calls come to their loop: many at a time. Each on its own would cost a way into the
//! interpreter, and the loop a wake-up.

use std::sync::Mutex;
#[cfg(unix)]
use std::sync::OnceLock;

use pyo3::prelude::*;
use rekindle::fork::PerProcess;

use crate::attach::attached;
use crate::run::lock;
#[cfg(unix)]
use crate::wakeup::Wakeup;

/// What a loop has not taken yet.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct CompletionQueue {
    /// A weak reference.
    event_loop: Py<PyAny>,
    waiting: PerProcess<Mutex<Vec<Completion>>>,
    #[cfg(unix)]
    wakeup: OnceLock<Wakeup>,
}

struct Completion {
    future: Py<PyAny>,
    open: Open,
}

type Open = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// What an async call gives, on its way: a future shows its result, and that may be a token.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Answer(Mutex<Option<Py<PyAny>>>);

#[pymethods]
impl Answer {
    /// Once.
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

    /// Makes its loop watch for the wake-up, where the loop can watch sockets. The loop keeps both until it is closed.
    #[cfg(unix)]
    fn listen(this: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(wakeup) = Wakeup::watched_by(event_loop, &this.getattr("deliver")?) {
            let _ = this.get().wakeup.set(wakeup);
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
    /// From any thread. Only the first one wakes the loop, which then takes all that has come by then.
    pub(crate) fn post(
        this: &Py<Self>,
        future: Py<PyAny>,
        open: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        let waiting = this.get().waiting.get(|_| Mutex::default());
        let mut completions = lock(&waiting);
        completions.push(Completion { future, open: Box::new(open) });
        let first = completions.len() == 1;
        drop(completions);
        #[cfg(unix)]
        if first && let Some(wakeup) = this.get().wakeup.get() {
            return wakeup.wake();
        }
        if first {
            // After the interpreter's end there is nobody to tell.
            let _ = attached(|py| {
                // Fails where the loop was closed meanwhile: then nobody waits.
                if wake(this.bind(py)).is_err() {
                    drop(this.get().empty());
                }
            });
        }
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
        if self.future.call_method0(py, "done")?.is_truthy(py)? {
            return Ok(());
        }
        match (self.open)(py) {
            Ok(value) => {
                let answer = Py::new(py, Answer(Mutex::new(Some(value))))?;
                self.future.call_method1(py, "set_result", (answer,))
            }
            Err(error) => self.future.call_method1(py, "set_exception", (error.into_value(py),)),
        }
        .map(drop)
    }
}
