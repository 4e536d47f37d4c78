//! The engine's own runtime: one thread, started when there is work and stopped when there is none (spec 4.3).
//! Refreshes run here, so neither a cancelled caller nor the end of a caller's runtime can stop one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::fork::PerProcess;
use crate::lock::Mutex;

/// How long the thread stays when there is no work.
const IDLE: Duration = Duration::from_secs(10);

/// A forked child does not have this thread, and starts its own (spec 4.9).
static RUNNING: PerProcess<Mutex<Option<Running>>> = PerProcess::new();

#[derive(Clone)]
struct Running {
    handle: Handle,
    live: Arc<AtomicUsize>,
}

/// Keeps the runtime running, for timers that are polled elsewhere.
pub(crate) struct Stay {
    running: Running,
}

impl Stay {
    /// Runs `make` where tokio's timers can be created, whatever runtime the caller uses.
    pub(crate) fn enter<T>(&self, make: impl FnOnce() -> T) -> T {
        let _inside = self.running.handle.enter();
        make()
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.running.live.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Starts the runtime if it is not running, and keeps it running.
///
/// # Errors
///
/// The operating system provides no thread.
pub(crate) fn stay() -> std::io::Result<Stay> {
    let slot = RUNNING.get_checked(|_| Mutex::default());
    let mut slot = slot.lock();
    let running = match &*slot {
        Some(running) => running.clone(),
        None => slot.insert(start()?).clone(),
    };
    // Counted under the same lock under which the thread checks whether it is still needed.
    running.live.fetch_add(1, Ordering::AcqRel);
    Ok(Stay { running })
}

/// Runs a task on the engine's runtime, to its end.
///
/// # Errors
///
/// The operating system provides no thread.
pub(crate) fn spawn(
    task: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<tokio::task::AbortHandle> {
    let stay = stay()?;
    let handle = stay.running.handle.clone();
    let task = handle.spawn(async move {
        let _stay = stay;
        task.await;
    });
    Ok(task.abort_handle())
}

/// Runs blocking work, apart from the flights.
pub(crate) fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let stay = stay()?;
    let handle = stay.running.handle.clone();
    handle.spawn_blocking(move || {
        let _stay = stay;
        work();
    });
    Ok(())
}

fn start() -> std::io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().thread_keep_alive(IDLE).build()?;
    let (handle, live) = (runtime.handle().clone(), Arc::new(AtomicUsize::new(0)));
    let running = Running { handle, live };
    let live = running.live.clone();
    std::thread::Builder::new().name("rekindle".into()).spawn(move || {
        runtime.block_on(async move {
            loop {
                tokio::time::sleep(IDLE).await;
                let slot = RUNNING.get(|_| Mutex::default());
                let mut slot = slot.lock();
                if live.load(Ordering::Acquire) == 0 {
                    *slot = None;
                    return;
                }
            }
        });
    })?;
    Ok(running)
}
