//! The native module of the Python package `rekindle`: it takes plain values, drives the core, and returns plain
//! values. `python/rekindle/` builds the API for Python users on it.

mod adapter;
mod app;
mod attach;
mod background_runtime;
mod client;
mod completion_queue;
mod data;
mod discovery;
mod errors;
mod events;
mod host;
mod key;
mod lock;
mod login;
mod metrics;
mod mock;
mod raised;
mod response;
mod run;
mod session;
mod settings;
mod testing;
mod transport;
#[cfg(unix)]
mod wakeup;

use pyo3::prelude::*;

/// Most requests allocate on one thread and free on another. With the system's allocator the threads block each
/// other, which is a third of a request's cost when many are in progress.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Called at the very end, after all waiting.
#[pyfunction]
fn end(py: Python<'_>) {
    // For errors that occur from now on, in a `__del__`.
    let _ = errors::make(py);
    attach::close(py);
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::adapter::{Added, Call, travels};
    #[pymodule_export]
    use super::app::App;
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::completion_queue::{Answer, CompletionQueue};
    #[pymodule_export]
    use super::data::iso_8601;
    #[pymodule_export]
    use super::discovery::{discover, discover_resource, register};
    #[pymodule_export]
    use super::end;
    #[pymodule_export]
    use super::errors::redact;
    #[pymodule_export]
    use super::events::Events;
    #[pymodule_export]
    use super::key::SigningKey;
    #[pymodule_export]
    use super::metrics::metrics_text;
    #[pymodule_export]
    use super::response::Stream;
    #[pymodule_export]
    use super::run::{Running, after_fork_in_child, after_fork_in_parent, before_fork};
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::transport::Transport;

    use super::*;

    #[pymodule]
    mod testing {
        #[pymodule_export]
        use crate::testing::{LocalServer, ManualClock};
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // A submodule of an extension module is not a file: `import` finds it only in `sys.modules`.
        let loaded = module.py().import("sys")?.getattr("modules")?;
        loaded.set_item("rekindle._native.testing", module.getattr("testing")?)?;
        let kinds: Vec<&str> = rekindle::ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        module.add("KINDS", kinds)?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
