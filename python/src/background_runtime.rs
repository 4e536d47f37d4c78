//! The background runtime: for asyncio, for many threads that wait at once, and for bodies that are read later.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, abortable};
use pyo3::PyResult;
use rekindle::fork::PerProcess;
use tokio::runtime::Builder;
use tokio::sync::Notify;

use crate::errors::os_error;
use crate::lock::lock;

static BACKGROUND: PerProcess<Mutex<Option<Arc<BackgroundRuntime>>>> = PerProcess::new();

/// A runtime that is driven by one thread, which never stops.
pub(crate) struct BackgroundRuntime {
    given: Mutex<Vec<Work>>,
    /// Notified of the first item of work; the runtime then takes everything that has arrived, because each wake-up
    /// of a runtime is a system call.
    arrived: Notify,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl BackgroundRuntime {
    /// The background runtime of this process.
    pub(crate) fn here() -> PyResult<Arc<Self>> {
        let slot = BACKGROUND.get_checked(|_| Mutex::default());
        let mut slot = lock(&slot);
        if let Some(runtime) = &*slot {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(os_error)?;
        let background = Arc::new(Self { given: Mutex::default(), arrived: Notify::new() });
        let driven = Arc::clone(&background);
        thread::Builder::new()
            .name("rekindle-async".into())
            .spawn(move || runtime.block_on(driven.begin_what_is_given()))
            .map_err(os_error)?;
        Ok(Arc::clone(slot.insert(background)))
    }

    /// Starts work on the runtime. Aborting the handle ends it.
    pub(crate) fn give(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let (work, handle) = abortable(work);
        let mut given = lock(&self.given);
        let first = given.is_empty();
        given.push(Box::pin(work.map(|_| ())));
        drop(given);
        if first {
            self.arrived.notify_one();
        }
        handle
    }

    async fn begin_what_is_given(&self) {
        loop {
            self.arrived.notified().await;
            let given = std::mem::take(&mut *lock(&self.given));
            given.into_iter().for_each(|work| drop(tokio::spawn(work)));
        }
    }
}
