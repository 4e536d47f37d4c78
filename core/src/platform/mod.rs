//! The differences between a native platform (threads, clocks, files) and a host that drives the core. No code outside
//! this folder starts a thread, reads a system clock or opens a file.

#[cfg(feature = "runtime")]
pub(crate) mod boot;
#[cfg(feature = "runtime")]
pub(crate) mod browser;
#[cfg(feature = "runtime")]
pub(crate) mod clock;
#[cfg(feature = "http")]
pub(crate) mod connection;
#[cfg(feature = "runtime")]
pub(crate) mod file_store;
pub(crate) mod files;
pub mod fork;
pub(crate) mod host;
#[cfg(feature = "runtime")]
pub(crate) mod loopback;
pub(crate) mod random;
#[cfg(feature = "runtime")]
mod runtime;
pub(crate) mod runtime_id;
#[cfg(feature = "runtime")]
pub(crate) mod sleep;

use std::future::Future;
use std::sync::Arc;

use rekindle_proto::Failure;
use rekindle_proto::machine::Entropy;
use tokio::sync::oneshot;

use self::host::{Host, HostTask};

/// Where the work of a session runs, independently of its callers.
#[derive(Clone)]
pub(crate) enum Platform {
    /// On a separate thread, which is started when there is work.
    #[cfg(feature = "runtime")]
    Thread,
    /// In the turns of a host.
    Host(Host),
}

/// Aborts a spawned task.
pub(crate) enum TaskHandle {
    #[cfg(feature = "runtime")]
    Thread(tokio::task::AbortHandle),
    Host(HostTask),
}

/// A task that runs to its end, whether or not its result is awaited.
pub(crate) struct Running<T> {
    /// There is no result if it panicked.
    pub(crate) result: oneshot::Receiver<T>,
    pub(crate) task: TaskHandle,
}

/// Keeps the driver of timers running, for timers that are polled elsewhere.
pub(crate) enum Stay {
    #[cfg(feature = "runtime")]
    Thread(runtime::Stay),
    Host,
}

impl Platform {
    /// Runs a task to its end.
    ///
    /// # Errors
    ///
    /// The operating system provides no thread.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<TaskHandle> {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => runtime::spawn(task).map(TaskHandle::Thread),
            Self::Host(host) => Ok(TaskHandle::Host(host.task(task))),
        }
    }

    /// Runs a task to its end, and returns its result.
    ///
    /// # Errors
    ///
    /// The operating system provides no thread.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> std::io::Result<Running<T>> {
        let (give, result) = oneshot::channel();
        let task = self.spawn(async move {
            let _ = give.send(task.await);
        })?;
        Ok(Running { result, task })
    }

    /// Runs work that may block, apart from everything else; a host runs it in its turns.
    pub(crate) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => runtime::spawn_blocking(work),
            Self::Host(host) => {
                host.spawn(async move { work() });
                Ok(())
            }
        }
    }

    /// Keeps timers running for as long as the result is held.
    ///
    /// # Errors
    ///
    /// The operating system provides no thread.
    pub(crate) fn stay(&self) -> std::io::Result<Stay> {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => runtime::stay().map(Stay::Thread),
            Self::Host(_) => Ok(Stay::Host),
        }
    }

    /// Unpredictable random numbers; each call returns a separate stream.
    pub(crate) fn entropy(&self) -> Result<Entropy, Failure> {
        let mut seed = [0; 32];
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => random::fill(&mut seed)?,
            Self::Host(host) => host.random(&mut seed),
        }
        Ok(Entropy::new(seed))
    }

    /// Identifies the current boot of the machine, if its processes share the monotonic clock (spec 4.5).
    pub(crate) fn boot_id(&self) -> Option<Arc<str>> {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => boot::boot_id(),
            Self::Host(host) => host.boot(),
        }
    }

    /// The platform's number among those of this process.
    pub(crate) fn id(&self) -> usize {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => 0,
            Self::Host(host) => host.id(),
        }
    }
}

impl TaskHandle {
    pub(crate) fn abort(&self) {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread(task) => task.abort(),
            Self::Host(task) => task.abort(),
        }
    }
}

impl Stay {
    /// Runs `make` where timers can be created, whatever runtime the caller uses.
    pub(crate) fn enter<T>(&self, make: impl FnOnce() -> T) -> T {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread(stay) => stay.enter(make),
            Self::Host => make(),
        }
    }
}
