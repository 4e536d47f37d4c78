//! A build without the feature `keys` signs nothing.

use http::HeaderValue;
use rekindle_proto::{Failure, Secret};
use serde_json::Value;

/// A private key. This build has no cryptography to make one with (feature `keys`).
#[derive(Clone, Debug)]
pub enum SigningKey {}

impl SigningKey {
    /// The key's name among all keys (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        match *self {}
    }

    pub(super) fn assertion(&self, _: &Value) -> Result<Secret, Failure> {
        match *self {}
    }

    pub(super) fn possession(&self, _: &Value) -> Result<HeaderValue, Failure> {
        match *self {}
    }
}
