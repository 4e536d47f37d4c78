//! How a host answers what the core asks of it. Each binding has one way to ask; the adaptors of stores, transports and
//! refresh functions stand on top of it, once for all languages.

use async_trait::async_trait;

/// A question, as plain data.
pub trait Question: Send + 'static {
    /// What may be answered.
    type Answer: Send + 'static;
}

/// Answers questions of one kind: an object of the host's language, behind its FFI.
#[async_trait]
pub trait Host<Q: Question>: Send + Sync + 'static {
    /// Asks, and waits for the answer. It is dropped when nobody wants the answer any more.
    async fn ask(&self, question: Q) -> Result<Q::Answer, Unanswered>;
}

/// There is no answer. The reasons go into errors: no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The host was not even asked.
    NotAsked(String),
    /// Whatever the host did, its answer did not arrive or makes no sense.
    Lost(String),
}

impl Unanswered {
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::NotAsked(reason) | Self::Lost(reason) => reason,
        }
    }
}
