//! Refresh functions of the host's.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use rekindle_bindings::Thrown;
use rekindle_bindings::host::{Host, Unanswered};
use rekindle_bindings::refresh::{RefreshAnswer, RefreshQuestion, RefreshedTokens};

use crate::host::Hosted;

/// A refresh of the host's own making. It is waited for without a cap.
#[uniffi::export(foreign)]
#[async_trait]
pub trait Refresh: Send + Sync {
    /// Gets a new access token.
    ///
    /// # Errors
    ///
    /// What became of the refresh token.
    async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshFailure>;
}

/// What a refresh is made from.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct RefreshInput {
    /// The refresh token, if the session has one. It must not be sent twice.
    pub refresh_token: Option<String>,
    /// The scope of the last grant.
    pub scope: Option<String>,
    /// What came with the last grant.
    pub extra: HashMap<String, String>,
}

/// What a refresh brought.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct TokenResponse {
    /// The new access token. Without one, a refresh token is kept, and the refresh fails.
    #[uniffi(default = None)]
    pub access_token: Option<String>,
    /// The new refresh token; the old one is kept without it.
    #[uniffi(default = None)]
    pub refresh_token: Option<String>,
    /// How long the access token lives, if that is known.
    #[uniffi(default = None)]
    pub lifetime: Option<Duration>,
    /// How long the refresh token lives, if that is known.
    #[uniffi(default = None)]
    pub refresh_token_lifetime: Option<Duration>,
    /// The granted scope, if it differs.
    #[uniffi(default = None)]
    pub scope: Option<String>,
    /// `Bearer` unless the server said otherwise.
    #[uniffi(default = None)]
    pub token_type: Option<String>,
    /// What must come back with the tokens.
    #[uniffi(default)]
    pub extra: HashMap<String, String>,
}

/// How a refresh failed, and what became of the refresh token.
#[derive(Debug, uniffi::Error)]
pub enum RefreshFailure {
    /// The refresh token is dead. Only this ends the session.
    LoginRequired,
    /// Nothing was sent: it is tried again.
    NotSent {
        /// Why. It goes into the error: no secrets.
        reason: String,
    },
    /// It may have been spent, and nobody knows. So is everything that is not said to be otherwise.
    MaybeSent {
        /// Why. It goes into the error: no secrets.
        reason: String,
        /// Names what the function threw, for the host to find it again.
        thrown: Option<u64>,
    },
}

impl fmt::Display for RefreshFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoginRequired => "the user must sign in",
            Self::NotSent { reason } | Self::MaybeSent { reason, .. } => reason,
        })
    }
}

impl std::error::Error for RefreshFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for RefreshFailure {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::MaybeSent { reason: "the refresh function failed".to_owned(), thrown: None }
    }
}

#[async_trait]
impl Host<RefreshQuestion> for Hosted<dyn Refresh> {
    async fn ask(&self, question: RefreshQuestion) -> Result<RefreshAnswer, Unanswered> {
        let RefreshQuestion { refresh_token, scope, extra } = question;
        let input = RefreshInput { refresh_token, scope, extra: extra.into_iter().collect() };
        Ok(match self.0.refresh(input).await {
            Ok(response) => RefreshAnswer { tokens: Some(response.into()), ..RefreshAnswer::default() },
            Err(failure) => failure.into(),
        })
    }
}

impl From<RefreshFailure> for RefreshAnswer {
    fn from(failure: RefreshFailure) -> Self {
        let (error, message, thrown) = match failure {
            RefreshFailure::LoginRequired => ("login_required", None, None),
            RefreshFailure::NotSent { reason } => ("not_sent", Some(reason), None),
            RefreshFailure::MaybeSent { reason, thrown } => ("maybe_sent", Some(reason), thrown),
        };
        let cause = thrown.map(Thrown::cause);
        Self { error: Some(error.to_owned()), message, cause, ..Self::default() }
    }
}

impl From<TokenResponse> for RefreshedTokens {
    fn from(given: TokenResponse) -> Self {
        Self {
            access_token: given.access_token,
            refresh_token: given.refresh_token,
            lifetime: given.lifetime,
            refresh_token_lifetime: given.refresh_token_lifetime,
            scope: given.scope,
            token_type: given.token_type,
            extra: given.extra.into_iter().collect(),
        }
    }
}

impl fmt::Debug for RefreshInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, extra, .. } = self.clone();
        RefreshQuestion { refresh_token: None, scope, extra: extra.into_iter().collect() }.fmt(f)
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RefreshedTokens::from(self.clone()).fmt(f)
    }
}
