//! How the built-in HTTP stack makes its connections: for requests of an API, and for token requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rekindle::transport::Transport;

use crate::error::RekindleError;

/// TLS, proxy and connections of the built-in HTTP stack. Not with a transport of the host's, which has its own.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct HttpConfig {
    /// The proxy; the system's if it is left out.
    #[uniffi(default = None)]
    pub proxy: Option<Proxy>,
    /// Roots to trust beside the system's, in PEM.
    #[uniffi(default = [])]
    pub root_certificates: Vec<Vec<u8>>,
    /// Shown to servers that ask for it: mutual TLS (RFC 8705).
    #[uniffi(default = None)]
    pub client_certificate: Option<ClientCertificate>,
    /// Whether HTTP/2 may be spoken.
    #[uniffi(default = true)]
    pub http2: bool,
    /// The header of that name, where a request has none.
    #[uniffi(default = None)]
    pub user_agent: Option<String>,
    /// How long a connection may take to come about (10 s).
    #[uniffi(default = None)]
    pub connect_timeout: Option<Duration>,
}

/// A proxy.
#[derive(Clone, uniffi::Enum)]
pub enum Proxy {
    /// None, whatever the system says.
    Direct,
    /// This one.
    Url {
        /// `http://..` or `https://..`; it may hold a name and a password.
        url: String,
    },
}

/// A certificate of the client's own.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ClientCertificate {
    /// The certificate and those between it and its root, in PEM.
    pub chain: Vec<u8>,
    /// Its private key, in PEM, without a password.
    pub key: Vec<u8>,
}

impl HttpConfig {
    /// Nothing said.
    pub(crate) fn usual() -> Self {
        Self {
            proxy: None,
            root_certificates: Vec::new(),
            client_certificate: None,
            http2: true,
            user_agent: None,
            connect_timeout: None,
        }
    }

    /// A transport of these settings. `other`: whether the host brings its own, which these are not for.
    pub(crate) fn transport(self, other: bool) -> Result<Arc<dyn Transport>, RekindleError> {
        if other {
            let problem = "not together with a transport of your own: set it there";
            return Err(RekindleError::config("http", problem));
        }
        self.built_in()
    }

    #[cfg(feature = "http")]
    fn built_in(self) -> Result<Arc<dyn Transport>, RekindleError> {
        let settings = rekindle_bindings::HttpSettings {
            proxy: self.proxy.map(|proxy| match proxy {
                Proxy::Direct => String::new(),
                Proxy::Url { url } => url,
            }),
            root_certificates: self.root_certificates,
            client_certificate: self.client_certificate.map(|own| (own.chain, own.key)),
            http2: self.http2,
            user_agent: self.user_agent,
            connect_timeout: self.connect_timeout,
            ..Default::default()
        };
        Ok(Arc::new(settings.transport()?))
    }

    #[cfg(not(feature = "http"))]
    fn built_in(self) -> Result<Arc<dyn Transport>, RekindleError> {
        let problem = "this build has no HTTP stack: set it in your transport";
        Err(RekindleError::config("http", problem))
    }
}

/// Proxies and keys may be secrets.
impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig").field("http2", &self.http2).finish_non_exhaustive()
    }
}

/// Without the key.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(***)")
    }
}
