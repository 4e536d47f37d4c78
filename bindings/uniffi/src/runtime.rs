//! Where requests run: a runtime of our own, whatever thread the host polls from. A request's many wake-ups stay here,
//! and the host hears of its end alone.

use std::future::Future;
use std::sync::LazyLock;

use rekindle::ErrorKind;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::error::RekindleError;

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).thread_name("rekindle-io").enable_all().build()
});

/// Runs the work there; it is given up when the returned future is dropped.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, RekindleError>> + Send + 'static,
) -> Result<T, RekindleError> {
    let runtime = RUNTIME.as_ref().map_err(|error| {
        let message = format!("cannot start a thread ({error}): raise the limit on threads");
        RekindleError::new(ErrorKind::System, message)
    })?;
    let task = runtime.spawn(work);
    let _given_up = AbortOnDrop(task.abort_handle());
    // A panic here is ours, never the host's.
    task.await.unwrap_or_else(|_| Err(RekindleError::new(ErrorKind::System, "the request panicked")))
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
