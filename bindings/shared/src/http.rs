//! Connection settings of the built-in HTTP stack.

use std::fmt;
use std::time::Duration;

use rekindle::Error;
use rekindle::transport::{ClientCertificate, ProxyChoice, ReqwestTransport, TransportOptions};

use crate::call;

/// TLS, proxy and connection settings of the built-in HTTP stack. A missing setting has core's default. Debug shows
/// neither proxies nor keys.
#[derive(Clone)]
pub struct HttpSettings {
    /// The proxy's URL. Missing: the system's proxy; empty: none.
    pub proxy: Option<String>,
    /// Root certificates that are trusted in addition to the system's, as PEM.
    pub root_certificates: Vec<Vec<u8>>,
    /// The client certificate with its intermediate certificates, and its key, as PEM.
    pub client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether to offer HTTP/2.
    pub http2: bool,
    /// The `User-Agent` of requests that have none.
    pub user_agent: Option<String>,
    /// How long connecting may take.
    pub connect_timeout: Option<Duration>,
    /// How many idle connections are kept for each host.
    pub max_idle_connections: Option<u32>,
    /// How long an idle connection is kept.
    pub idle_timeout: Option<Duration>,
    /// How many requests of clients may be in progress at once.
    pub max_concurrent_requests: Option<u32>,
}

impl HttpSettings {
    /// A transport with these settings.
    ///
    /// ```
    /// use rekindle_bindings::HttpSettings;
    ///
    /// let wrong = HttpSettings { root_certificates: vec![b"nonsense".to_vec()], ..HttpSettings::default() };
    /// assert_eq!(wrong.transport().unwrap_err().argument(), Some("root_certificates"));
    /// let wrong = HttpSettings { proxy: Some("nonsense".to_owned()), ..HttpSettings::default() };
    /// assert_eq!(wrong.transport().unwrap_err().argument(), Some("proxy"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the setting.
    pub fn transport(self) -> Result<ReqwestTransport, Error> {
        let defaults = TransportOptions::default();
        let options = TransportOptions {
            extra_root_certificates: self.root_certificates,
            client_certificate: self.client_certificate.map(|(chain, key)| ClientCertificate { chain, key }),
            proxy: match self.proxy.as_deref() {
                None => ProxyChoice::System,
                Some("") => ProxyChoice::None,
                Some(url) => ProxyChoice::Url(call::url("proxy", url)?),
            },
            http2: self.http2,
            user_agent: self.user_agent.unwrap_or(defaults.user_agent),
            connect_timeout: self.connect_timeout.unwrap_or(defaults.connect_timeout),
            max_idle_connections: self.max_idle_connections.map_or(defaults.max_idle_connections, number),
            idle_timeout: self.idle_timeout.unwrap_or(defaults.idle_timeout),
            max_concurrent_requests: self
                .max_concurrent_requests
                .map_or(defaults.max_concurrent_requests, number),
        };
        ReqwestTransport::new(options).map_err(by_our_names)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            proxy: None,
            root_certificates: Vec::new(),
            client_certificate: None,
            http2: true,
            user_agent: None,
            connect_timeout: None,
            max_idle_connections: None,
            idle_timeout: None,
            max_concurrent_requests: None,
        }
    }
}

fn number(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// One setting has another name in core.
fn by_our_names(error: Error) -> Error {
    let is_root = error.argument().is_some_and(|name| name.starts_with("extra_root_certificates"));
    if is_root { error.renamed("root_certificates") } else { error }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings").field("http2", &self.http2).finish_non_exhaustive()
    }
}
