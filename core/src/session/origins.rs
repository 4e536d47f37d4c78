//! Where a token may go (spec 9.1).

use rekindle_proto::machine::OriginId;
use rekindle_proto::{ErrorKind, Failure};
use url::{Host, Url};

/// The origins that a session's token is for, in the order in which they were listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    list: Vec<Url>,
}

impl Origins {
    /// Checks and takes a list. `insecure` are the http origins that the user allows by name.
    pub(crate) fn new(listed: &[Url], insecure: &[Url]) -> Result<Self, Failure> {
        let mut list: Vec<Url> = Vec::new();
        for url in listed {
            if !secure(url) && !insecure.iter().any(|allowed| same(allowed, url)) {
                return Err(Failure::new(
                    ErrorKind::InvalidConfig,
                    format!(
                        "origins: {} is neither https nor loopback: use https, or list it in insecure_origins",
                        url.origin().ascii_serialization()
                    ),
                ));
            }
            if !list.iter().any(|known| same(known, url)) {
                list.push(url.clone());
            }
        }
        Ok(Self { list })
    }

    /// Whether a token may go over http to another machine.
    pub(crate) fn any_insecure(&self) -> bool {
        self.list.iter().any(|url| !secure(url))
    }

    /// The place of a URL's origin in the list; `None` = the token is not for it.
    pub(crate) fn find(&self, url: &Url) -> Option<OriginId> {
        self.list.iter().position(|known| same(known, url)).and_then(|place| OriginId::try_from(place).ok())
    }
}

/// https, or loopback.
pub(crate) fn secure(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && loopback(url))
}

/// `localhost`, 127/8 or ::1.
pub(crate) fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Same scheme, host and port.
pub(crate) fn same(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}
