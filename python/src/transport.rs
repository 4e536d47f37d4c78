//! Connection settings, from the arguments of `rekindle._transport`.

use std::sync::Arc;

use pyo3::prelude::*;
use rekindle_bindings::HttpSettings;
use rekindle_bindings::time::seconds;

use crate::attach::Kept;
use crate::errors::{by_our_names, raised};
use crate::mock::MockTransport;

/// A transport, for a session and its clients or for one client.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Transport(pub(crate) Arc<dyn rekindle::transport::Transport>);

#[pymethods]
impl Transport {
    /// `proxy`: empty for no proxy. `cert`: certificate and key, both as PEM.
    #[new]
    #[pyo3(signature = (*, roots, cert, proxy, http2, user_agent, connect_timeout, max_idle_connections, idle_timeout, max_concurrent_requests))]
    #[allow(clippy::too_many_arguments, reason = "keywords of one internal call")]
    fn new(
        py: Python<'_>,
        roots: Vec<Vec<u8>>,
        cert: Option<(Vec<u8>, Vec<u8>)>,
        proxy: Option<String>,
        http2: bool,
        user_agent: Option<String>,
        connect_timeout: Option<f64>,
        max_idle_connections: Option<u32>,
        idle_timeout: Option<f64>,
        max_concurrent_requests: Option<u32>,
    ) -> PyResult<Self> {
        let settings = HttpSettings {
            proxy,
            root_certificates: roots,
            client_certificate: cert,
            http2,
            user_agent,
            connect_timeout: connect_timeout.map(seconds),
            max_idle_connections,
            idle_timeout: idle_timeout.map(seconds),
            max_concurrent_requests,
        };
        raised(py, settings.transport().map(|made| Self(Arc::new(made))).map_err(by_our_names))
    }

    /// A transport that calls a Python function: it takes `(method, url, headers, body)` and returns `(status,
    /// headers, body)`.
    #[staticmethod]
    fn of_tests(answer: Py<PyAny>) -> Self {
        Self(Arc::new(MockTransport(Kept::new(answer))))
    }
}
