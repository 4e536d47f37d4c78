//! How one server speaks and rotates, as data.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use crate::credential::Secret;
use crate::error::Failure;
use crate::rotation::Rotation;
use crate::time::Wall;
use crate::verdict::{Exchange, Outcome, Verdict};

/// One server's way of speaking.
#[derive(Clone, Debug)]
pub struct Dialect {}

/// Who the client is, and where it asks (spec 5.5, 7.5).
#[derive(Clone, Debug, Default)]
pub struct ClientIdentity {
    /// The token endpoint. `None` = the dialect's own URL.
    pub token_url: Option<Url>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `client_secret`.
    pub client_secret: Option<Secret>,
    /// Values for the dialect's URL templates (`tenant`, `instance`, ...).
    pub variables: BTreeMap<String, String>,
}

/// What a refresh is asked with.
#[derive(Clone, Debug)]
pub struct RefreshRequest<'a> {
    /// The refresh token.
    pub refresh_token: &'a Secret,
    /// The scope to ask for; `None` = the same again.
    pub scope: Option<&'a str>,
    /// What came with the last grant (instance URL and the like).
    pub extra: &'a BTreeMap<String, String>,
}

/// A request to a token endpoint, ready to be sent over a fresh connection without redirects (spec 5.6).
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Its method.
    pub method: Method,
    /// Its URL.
    pub url: Url,
    /// Its headers; those that hold secrets are marked sensitive.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Secret,
}

/// A token endpoint's answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, whole, at most 1 MiB.
    pub body: &'a [u8],
    /// The wall clock when the request was sent.
    pub sent_at: Wall,
    /// The wall clock when the answer's head came.
    pub received_at: Wall,
}

/// Where a token goes in an API request.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The header.
    pub name: HeaderName,
    /// Its value, marked sensitive.
    pub value: HeaderValue,
}

impl Dialect {
    /// A preset by its name.
    pub fn preset(name: &str) -> Result<Self, Failure> {
        let _ = name;
        unimplemented!()
    }
    /// A dialect file; `file` names it in errors.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, Failure> {
        let _ = (text, file);
        unimplemented!()
    }
    /// A dialect as JSON data (a dict in the bindings).
    pub fn from_json(value: &serde_json::Value) -> Result<Self, Failure> {
        let _ = value;
        unimplemented!()
    }
    /// Its name.
    pub fn name(&self) -> &str {
        unimplemented!()
    }
    /// Its rotation.
    pub fn rotation(&self) -> Rotation {
        unimplemented!()
    }
    /// The same dialect with another rotation (where it is the tenant's setting).
    #[must_use]
    pub fn with_rotation(self, rotation: Rotation) -> Self {
        let _ = rotation;
        self
    }
    /// Whether the old access token dies when a refresh succeeds (spec 5.4).
    pub fn old_token_dies(&self) -> bool {
        unimplemented!()
    }
    /// Whether a refresh may be made before the token ends (spec 1.2).
    pub fn proactive(&self) -> bool {
        unimplemented!()
    }
    /// Whether API errors come with status 200, so that accepted bodies must be looked into (spec 2.6).
    pub fn errors_with_success_status(&self) -> bool {
        unimplemented!()
    }
    /// The token endpoint as this identity reaches it.
    pub fn token_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        let _ = identity;
        unimplemented!()
    }
    /// The request for a refresh.
    pub fn refresh_request(
        &self,
        identity: &ClientIdentity,
        refresh: &RefreshRequest<'_>,
    ) -> Result<TokenRequest, Failure> {
        let _ = (identity, refresh);
        unimplemented!()
    }
    /// The request that revokes a refresh token, where the dialect has one (RFC 7009).
    pub fn revoke_request(
        &self,
        identity: &ClientIdentity,
        refresh_token: &Secret,
    ) -> Result<Option<TokenRequest>, Failure> {
        let _ = (identity, refresh_token);
        unimplemented!()
    }
    /// What a token endpoint's answer means (spec 5.1).
    pub fn outcome(&self, answer: &Answer<'_>) -> Outcome {
        let _ = answer;
        unimplemented!()
    }
    /// What an API response says about our token (spec 2).
    pub fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        let _ = exchange;
        unimplemented!()
    }
    /// Where the token goes. Fails if it cannot be a header value (a newline in it). `token_type` is the server's.
    pub fn place(&self, token: &Secret, token_type: Option<&str>) -> Result<Placement, Failure> {
        let _ = (token, token_type);
        unimplemented!()
    }
    /// The headers that hold credentials in this dialect, beside the usual ones: dropped when a redirect
    /// leaves the origin (spec 9.2).
    pub fn credential_headers(&self) -> Vec<HeaderName> {
        unimplemented!()
    }
}
