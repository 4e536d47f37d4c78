//! HTTP responses, as a host passes them in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rekindle::{Error, ErrorKind};
use serde::Deserialize;

/// A response, as far as it is judged.
#[derive(Default, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
    /// In place of `body`, where that is no UTF-8.
    #[serde(default)]
    pub(crate) body_base64: Option<String>,
}

impl Answer {
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Error> {
        let misuse = |_| Error::new(ErrorKind::Misuse, "body_base64 is not base64");
        match &self.body_base64 {
            Some(text) => STANDARD.decode(text).map_err(misuse),
            None => Ok(self.body.clone().into_bytes()),
        }
    }
}
