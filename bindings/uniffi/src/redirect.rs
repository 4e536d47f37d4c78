//! Where a redirect leads, for adapters that follow it themselves.

use std::fmt;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::LOCATION};
use url::Url;

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Hop {
    /// The method to ask with there.
    pub method: String,
    /// Where it is, without credentials of its own.
    pub url: String,
    /// Whether the body goes along.
    pub keeps_body: bool,
    /// Whether it is another origin: of the request's own headers only those go along that `may_travel` names.
    pub leaves_origin: bool,
    /// Whether it leads from https to http.
    pub downgrades: bool,
}

/// The redirect that this response asks for; nothing if it is none that can be followed.
#[uniffi::export]
#[must_use]
pub fn next_hop(method: String, url: String, status: u16, location: Option<String>) -> Option<Hop> {
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let (url, status) = (Url::parse(&url).ok()?, StatusCode::from_u16(status).ok()?);
    let location = HeaderValue::from_str(&location?).ok()?;
    let headers = HeaderMap::from_iter([(LOCATION, location)]);
    let hop = rekindle::call::next_hop(&method, &url, status, &headers)?;
    Some(Hop {
        method: hop.method.to_string(),
        url: hop.url.to_string(),
        keeps_body: hop.keeps_body,
        leaves_origin: hop.leaves_origin,
        downgrades: hop.downgrades,
    })
}

/// A query may hold a token.
impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.split(['?', '#']).next().unwrap_or_default())
    }
}
