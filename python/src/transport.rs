//! How requests travel, as `rekindle._transport` describes it.

use std::sync::Arc;

use pyo3::prelude::*;
use rekindle::Error;
use rekindle::transport::{ClientCertificate, ProxyChoice, ReqwestTransport, TransportOptions};

use crate::client::{by_our_names, duration};
use crate::errors::raise;

/// One for a session and its clients, or for a client alone.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Transport(pub(crate) Arc<ReqwestTransport>);

#[pymethods]
impl Transport {
    /// `proxy`: empty for none. `cert`: certificate and key, both in PEM.
    #[new]
    #[pyo3(signature = (*, roots, cert, proxy, http2, user_agent, connect_timeout))]
    fn new(
        py: Python<'_>,
        roots: Vec<Vec<u8>>,
        cert: Option<(Vec<u8>, Vec<u8>)>,
        proxy: Option<String>,
        http2: bool,
        user_agent: Option<String>,
        connect_timeout: Option<f64>,
    ) -> PyResult<Self> {
        let defaults = TransportOptions::default();
        let options = TransportOptions {
            extra_root_certificates: roots,
            client_certificate: cert.map(|(chain, key)| ClientCertificate { chain, key }),
            proxy: choice(proxy.as_deref()).map_err(|error| raise(py, &error))?,
            http2,
            user_agent: user_agent.unwrap_or(defaults.user_agent),
            connect_timeout: connect_timeout
                .map_or(defaults.connect_timeout, |seconds| duration(Some(seconds))),
        };
        let made = ReqwestTransport::new(options).map_err(|error| raise(py, &by_our_names(error)))?;
        Ok(Self(Arc::new(made)))
    }
}

fn choice(proxy: Option<&str>) -> Result<ProxyChoice, Error> {
    let wrong = |cause| Error::config("proxies", format_args!("not a URL: {cause}"));
    Ok(match proxy {
        None => ProxyChoice::System,
        Some("") => ProxyChoice::None,
        Some(url) => ProxyChoice::Url(url::Url::parse(url).map_err(wrong)?),
    })
}
