//! How the built-in transport connects: roots, certificates, proxies, HTTP versions.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::failure::place;

/// The proxy for requests. Requests to loopback never use one.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The proxy from the environment (`HTTPS_PROXY`, `NO_PROXY`, ..) or the system settings.
    #[default]
    System,
    /// No proxy.
    None,
    /// This proxy, for all requests.
    Url(Url),
}

/// A proxy's URL may contain a password.
impl fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::None => f.write_str("None"),
            Self::Url(url) => write!(f, "Url({})", place(url).trim_end()),
        }
    }
}

/// A client certificate.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate and its intermediate certificates, in PEM.
    pub chain: Vec<u8>,
    /// The private key, in PEM, without a password.
    pub key: Vec<u8>,
}

/// Debug does not show the key.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(***)")
    }
}

/// Options of the built-in transport, for requests to the API and, if the session uses it, to the token endpoint.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Root certificates to trust besides the system's: each entry holds one or more certificates in PEM.
    pub extra_root_certificates: Vec<Vec<u8>>,
    /// Presented to servers that ask for it: mutual TLS (RFC 8705).
    pub client_certificate: Option<ClientCertificate>,
    /// The proxy.
    pub proxy: ProxyChoice,
    /// The connect timeout, within the request's deadline.
    pub connect_timeout: Duration,
    /// The maximum number of idle connections per host and runtime; 0 keeps none. No limit by default.
    pub max_idle_connections: usize,
    /// How long an idle connection is kept: choose less than the server, or a load balancer that drops it silently,
    /// allows.
    pub idle_timeout: Duration,
    /// The maximum number of concurrent requests of clients, each counted until its body has been read; further
    /// requests queue, within their own timeouts. Over HTTP/1.1, this limits the open connections besides the idle
    /// ones. Token requests do not count, and never wait. At least 1; no limit by default.
    pub max_concurrent_requests: usize,
    /// Whether to offer HTTP/2.
    pub http2: bool,
    /// The `User-Agent` if the caller sets none.
    pub user_agent: String,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            extra_root_certificates: Vec::new(),
            client_certificate: None,
            proxy: ProxyChoice::System,
            connect_timeout: Duration::from_secs(10),
            max_idle_connections: usize::MAX,
            idle_timeout: Duration::from_secs(90),
            max_concurrent_requests: usize::MAX,
            http2: true,
            user_agent: concat!("rekindle/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
