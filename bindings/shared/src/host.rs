//! How core calls functions of its host. Each binding implements [`Host`] once; the stores, transports and refresh
//! functions of the host are built on it, once for all languages.

use async_trait::async_trait;

/// A question, as plain data.
pub trait Question: Send + 'static {
    /// The type of the answer.
    type Answer: Send + 'static;
}

/// Answers questions of one kind: an object in the host's language, behind its FFI.
#[async_trait]
pub trait Host<Q: Question>: Send + Sync + 'static {
    /// Asks, and waits for the answer. The future is dropped when the answer is no longer needed.
    async fn ask(&self, question: Q) -> Result<Q::Answer, Unanswered>;
}

/// Why there is no answer. The texts appear in errors: put no secrets in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The host was not asked.
    NotAsked(String),
    /// The host was asked, but its answer did not arrive or is invalid.
    Lost(String),
}

impl Unanswered {
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::NotAsked(reason) | Self::Lost(reason) => reason,
        }
    }
}
