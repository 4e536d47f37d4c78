//! An access token, as it is served.

use std::time::SystemTime;

use rekindle_bindings as shared;

/// An access token, and what it knows of the request that it was served for: give it to `judge` with the response.
/// Show `value` or `authorization` where they must go, and nowhere else.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Token(rekindle::Token);

/// A token's parts, in one crossing.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct TokenDetails {
    /// The token itself.
    pub value: String,
    /// The value of the header that carries it: `Bearer ..`.
    pub authorization: String,
    /// That header's name, in lower case.
    pub header_name: String,
    /// One higher with each new access token of a sign-in.
    pub generation: u64,
    /// When it ends, if that is known.
    pub expires_at: Option<SystemTime>,
}

#[uniffi::export]
impl Token {
    /// The token itself.
    #[must_use]
    pub fn value(&self) -> String {
        self.0.value().to_owned()
    }

    /// The value of the header that carries it.
    #[must_use]
    pub fn authorization(&self) -> String {
        String::from_utf8_lossy(self.0.authorization().as_bytes()).into_owned()
    }

    /// Its parts.
    #[must_use]
    pub fn details(&self) -> TokenDetails {
        let shared::TokenDetails { value, authorization, header_name, generation, expires_at } =
            (&self.0).into();
        TokenDetails { value, authorization, header_name, generation, expires_at }
    }

    /// Tells it apart from other tokens of its session, for as long as this object is kept: see
    /// `Session.token_tag`.
    #[must_use]
    pub fn tag(&self) -> u64 {
        tag(&self.0)
    }
}

impl Token {
    /// Its own copy: a borrowed one is for a moment, and the host may keep it.
    pub(crate) fn new(token: &rekindle::Token) -> Self {
        Self(token.clone())
    }

    pub(crate) fn inner(&self) -> &rekindle::Token {
        &self.0
    }
}

/// Where the header that is made once for each token lies: nothing else can lie there while the token is kept.
pub(crate) fn tag(token: &rekindle::Token) -> u64 {
    std::ptr::from_ref(token.authorization()).addr() as u64
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for TokenDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("value", &"***")
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
