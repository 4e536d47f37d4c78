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

/// Where the work of a session runs, whoever waits for it.
#[derive(Clone)]
pub(crate) enum Platform {
    /// On a thread of our own, started when there is something to do.
    #[cfg(feature = "runtime")]
    Thread,
    /// In the turns of a host.
    Host(Host),
}

/// Calls off what was spawned.
pub(crate) enum TaskHandle {
    #[cfg(feature = "runtime")]
    Thread(tokio::task::AbortHandle),
    Host(HostTask),
}

/// Something that runs to its end, whether or not anybody waits for it.
pub(crate) struct Running<T> {
    /// Nothing comes if it panicked.
    pub(crate) result: oneshot::Receiver<T>,
    pub(crate) task: TaskHandle,
}

/// Keeps what drives timers running: for timers that are polled elsewhere.
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
    /// The operating system gives no thread.
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

    /// Runs a task to its end, and gives what it gives.
    ///
    /// # Errors
    ///
    /// The operating system gives no thread.
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

    /// Runs something that may block away from all else; a host has only its turns for it.
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

    /// Keeps timers going for as long as it is held.
    ///
    /// # Errors
    ///
    /// The operating system gives no thread.
    pub(crate) fn stay(&self) -> std::io::Result<Stay> {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => runtime::stay().map(Stay::Thread),
            Self::Host(_) => Ok(Stay::Host),
        }
    }

    /// Random numbers that nobody can guess, a stream of its own with each call.
    pub(crate) fn entropy(&self) -> Result<Entropy, Failure> {
        let mut seed = [0; 32];
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => random::fill(&mut seed)?,
            Self::Host(host) => host.random(&mut seed),
        }
        Ok(Entropy::new(seed))
    }

    /// Names this boot of the machine, where the monotonic clock is one that its processes share (spec 4.5).
    pub(crate) fn boot_id(&self) -> Option<Arc<str>> {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread => boot::boot_id(),
            Self::Host(host) => host.boot(),
        }
    }

    /// Which one it is, among those of this process.
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
    /// Runs `make` where timers can be made, whatever runtime the caller is on.
    pub(crate) fn enter<T>(&self, make: impl FnOnce() -> T) -> T {
        match self {
            #[cfg(feature = "runtime")]
            Self::Thread(stay) => stay.enter(make),
            Self::Host => make(),
        }
    }
}
