//! Chooses the proxy of a request: one rule for reqwest's connections and for our own.

use std::sync::{Arc, OnceLock};

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::{Host, Url};

use super::options::ProxyChoice;

/// The hosts that are never reached through a proxy.
pub(super) const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The user's choice, with the settings of the environment or the system once they have been read.
#[derive(Clone)]
pub(crate) struct Proxies {
    choice: ProxyChoice,
    matcher: Arc<OnceLock<Matcher>>,
}

impl Proxies {
    pub(super) fn new(choice: ProxyChoice) -> Self {
        Self { choice, matcher: Arc::default() }
    }

    /// The proxy for a URL, if there is one.
    pub(crate) fn on_the_way(&self, to: &Uri) -> Option<Intercept> {
        if self.choice == ProxyChoice::None || to.host().is_none_or(is_loopback_name) {
            return None;
        }
        self.matcher.get_or_init(|| self.matcher()).intercept(to)
    }

    fn matcher(&self) -> Matcher {
        match &self.choice {
            ProxyChoice::Url(url) => Matcher::builder().all(url.as_str()).no(LOOPBACK).build(),
            ProxyChoice::System | ProxyChoice::None => Matcher::from_system(),
        }
    }
}

/// Whether the proxy is an HTTP proxy.
pub(crate) fn is_http(proxy: &Intercept) -> bool {
    matches!(proxy.uri().scheme_str(), Some("http" | "https"))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The host as it is written in a URL.
fn is_loopback_name(host: &str) -> bool {
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn loopback_goes_through_no_proxy() {
        let proxies = Proxies::new(ProxyChoice::Url(Url::parse("http://proxy.test:3128").unwrap()));
        for (to, is_proxied) in [
            ("http://api.test/", true),
            ("https://api.test:8443/a", true),
            ("http://[2001:db8::1]/", true),
            ("http://localhost/", false),
            ("http://a.localhost:81/", false),
            ("https://127.3.2.1/", false),
            ("http://[::1]:81/", false),
        ] {
            assert_eq!(proxies.on_the_way(&to.parse().unwrap()).is_some(), is_proxied, "{to}");
        }
        assert!(Proxies::new(ProxyChoice::None).on_the_way(&"http://api.test/".parse().unwrap()).is_none());
    }

    #[test]
    fn a_proxys_password_is_decoded() {
        let url = Url::parse("https://us%40er:pass%20word@proxy.test").unwrap();
        let proxy =
            Proxies::new(ProxyChoice::Url(url)).on_the_way(&"http://api.test/".parse().unwrap()).unwrap();
        assert!(is_http(&proxy));
        assert_eq!(proxy.uri().host(), Some("proxy.test"));
        assert_eq!(proxy.basic_auth().unwrap(), "Basic dXNAZXI6cGFzcyB3b3Jk");
    }
}
