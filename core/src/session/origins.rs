//! The origins to which a token may be sent (spec 9.1).

use std::sync::Arc;

use rekindle_proto::Failure;
use rekindle_proto::machine::OriginId;
use url::{Host, Url};

/// The origins that a session's token may be sent to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    list: Vec<(Arc<Url>, OriginId)>,
    insecure: Vec<Url>,
}

impl Origins {
    /// Numbers the origins in their order. `insecure` are the http origins that the user allows by name.
    pub(crate) fn listing(urls: &[Url], insecure: Vec<Url>) -> Result<Self, Failure> {
        let mut origins = Self { list: Vec::new(), insecure };
        for (url, id) in urls.iter().zip(0..) {
            origins.check(&format!("origins[{id}]"), url)?;
            origins.list((Arc::new(url.clone()), id));
        }
        Ok(origins)
    }

    /// The origins by number, as in an engine.
    pub(crate) fn urls(&self) -> Vec<Arc<Url>> {
        self.list.iter().map(|(url, _)| url.clone()).collect()
    }

    /// Checks that an origin may be listed. `setting` is the setting that named it.
    pub(crate) fn check(&self, setting: &str, url: &Url) -> Result<(), Failure> {
        if secure(url) || self.insecure.iter().any(|allowed| same(allowed, url)) {
            return Ok(());
        }
        let origin = url.origin().ascii_serialization();
        let next = "use https, or list it in insecure_origins";
        Err(Failure::config(setting, format_args!(": {origin} is neither https nor loopback: {next}")))
    }

    /// Adds a checked origin, with its number in the engine.
    pub(crate) fn list(&mut self, (url, id): (Arc<Url>, OriginId)) {
        if self.find(&url).is_none() {
            self.list.reserve_exact(1);
            self.list.push((url, id));
        }
    }

    /// The same origins with other numbers.
    pub(crate) fn numbered_by(&self, number: impl Fn(&Url) -> (Arc<Url>, OriginId)) -> Self {
        let list = self.list.iter().map(|(url, _)| number(url)).collect();
        Self { list, insecure: self.insecure.clone() }
    }

    /// Fails if there is no origin.
    pub(crate) fn require(&self) -> Result<(), Failure> {
        if !self.list.is_empty() {
            return Ok(());
        }
        let why = "the session lists none, so no request of your own HTTP client would carry its token";
        let next = "list the API's, such as https://api.example.com, in `origins`";
        Err(Failure::config("origins", format_args!(": {why}: {next}")))
    }

    /// Whether a token may be sent over http to another machine.
    pub(crate) fn any_insecure(&self) -> bool {
        self.list.iter().any(|(url, _)| !secure(url))
    }

    /// The number of a URL's origin; `None` = the token must not be sent to it.
    pub(crate) fn find(&self, url: &Url) -> Option<OriginId> {
        self.list.iter().find(|(known, _)| same(known, url)).map(|(_, id)| *id)
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
