//! How the built-in transport connects: roots, certificates, proxies, HTTP versions.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::failure::place;

/// Which proxy requests go through. Loopback never goes through one.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// What the environment (`HTTPS_PROXY`, `NO_PROXY`, ..) or the system says.
    #[default]
    System,
    /// None.
    None,
    /// This one, for everything.
    Url(Url),
}

/// A proxy's URL may hold its password.
impl fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::None => f.write_str("None"),
            Self::Url(url) => write!(f, "Url({})", place(url).trim_end()),
        }
    }
}

/// A certificate of the client's own.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate and those between it and its root, in PEM.
    pub chain: Vec<u8>,
    /// Its private key, in PEM, without a password.
    pub key: Vec<u8>,
}

/// Without the key.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(***)")
    }
}

/// How requests travel: those to the API and, where the session has them, those to the token endpoint.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Roots to trust beside the system's: each one or several certificates in PEM.
    pub extra_root_certificates: Vec<Vec<u8>>,
    /// Shown to servers that ask for it: mutual TLS (RFC 8705).
    pub client_certificate: Option<ClientCertificate>,
    /// The proxy.
    pub proxy: ProxyChoice,
    /// How long a connection may take to come about; within the request's deadline.
    pub connect_timeout: Duration,
    /// How many connections without a request are kept for each host, of each runtime; 0 keeps none. No limit unless told
    /// otherwise.
    pub max_idle_connections: usize,
    /// How long such a connection is kept: shorter than the server keeps it, or behind a balancer that forgets it.
    pub idle_timeout: Duration,
    /// How many requests of clients are under way at once, each until its body has been read; further ones wait in their turn,
    /// within their own timeout. Over HTTP/1.1 that is how many connections are open beside the idle ones. Token requests do
    /// not count, and never wait. At least 1; no limit unless told otherwise.
    pub max_concurrent_requests: usize,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// The `User-Agent` where the caller sets none.
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
