//! Refresh functions of the host's.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rekindle::{RefreshError, Secret};

/// A refresh of the host's own making. It is waited for without a cap.
#[uniffi::export(foreign)]
#[async_trait]
pub trait Refresh: Send + Sync {
    /// Gets a new access token.
    ///
    /// # Errors
    ///
    /// What became of the refresh token.
    async fn refresh(&self, spend: Spend) -> Result<Grant, RefreshFailure>;
}

/// What a refresh is made from.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Spend {
    /// The refresh token. It must not be sent twice.
    pub refresh_token: String,
    /// The scope of the last grant.
    pub scope: Option<String>,
    /// What came with the last grant.
    pub extra: HashMap<String, String>,
}

/// What a refresh brought.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Grant {
    /// The new access token.
    pub access_token: String,
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

/// How a refresh failed.
#[derive(Debug, uniffi::Error)]
pub enum RefreshFailure {
    /// The refresh token is dead. Only this ends the session.
    LoginRequired,
    /// It may have been spent, and nobody knows.
    AnswerLost,
    /// It was not spent; try again later.
    TryLater {
        /// Why. It goes into the error: no secrets.
        reason: String,
    },
}

impl fmt::Display for RefreshFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoginRequired => "the user must sign in",
            Self::AnswerLost => "the answer was lost",
            Self::TryLater { reason } => reason,
        })
    }
}

impl std::error::Error for RefreshFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for RefreshFailure {
    /// Whatever broke on the way may have arrived.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::AnswerLost
    }
}

pub(crate) struct HostRefresh(pub(crate) Arc<dyn Refresh>);

#[async_trait]
impl rekindle::Refresh for HostRefresh {
    async fn refresh(&self, spend: rekindle::Spend) -> Result<rekindle::proto::Grant, RefreshError> {
        let spend = Spend {
            refresh_token: spend.refresh_token.expose().to_owned(),
            scope: spend.scope,
            extra: spend.extra.into_iter().collect(),
        };
        match self.0.refresh(spend).await {
            // It was taken for spent by somebody who then had nothing to give.
            Ok(grant) if grant.access_token.trim().is_empty() => Err(RefreshError::AnswerLost),
            Ok(grant) => Ok(grant.into()),
            Err(RefreshFailure::LoginRequired) => Err(RefreshError::LoginRequired),
            Err(RefreshFailure::AnswerLost) => Err(RefreshError::AnswerLost),
            Err(RefreshFailure::TryLater { reason }) => Err(RefreshError::TryLater(reason)),
        }
    }
}

impl From<Grant> for rekindle::proto::Grant {
    fn from(given: Grant) -> Self {
        Self {
            refresh_token: given.refresh_token.map(Secret::from),
            lifetime: given.lifetime,
            refresh_token_lifetime: given.refresh_token_lifetime,
            scope: given.scope,
            token_type: given.token_type,
            extra: given.extra.into_iter().collect(),
            ..Self::new(given.access_token)
        }
    }
}

impl fmt::Debug for Spend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spend")
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("lifetime", &self.lifetime)
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys())
            .finish_non_exhaustive()
    }
}
