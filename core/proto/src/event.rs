//! The events that a session reports, in order and without secrets (spec 10.1).

use std::time::Duration;

use crate::error::ErrorKind;
use crate::verdict::DeadReason;

/// An event, with the tag of its lineage and the generation it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// A short tag of the lineage; not the id, not a secret.
    pub lineage: String,
    /// The generation that was current.
    pub generation: u64,
    /// What happened.
    pub kind: EventKind,
}

/// Why a refresh was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshCause {
    /// By the clock, the token has expired or is about to.
    Expired,
    /// The token is in its advisory window; no caller waits.
    Advisory,
    /// A server rejected the token.
    Rejected,
    /// The user requested the refresh.
    Forced,
}

impl RefreshCause {
    /// The name, the same in every language.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::event::RefreshCause::Advisory.name(), "advisory");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Advisory => "advisory",
            Self::Rejected => "rejected",
            Self::Forced => "forced",
        }
    }
}

/// The subject of an [`EventKind::Warned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The new token has a narrower scope than the old one.
    ScopeNarrowed,
    /// The refresh token is in the last tenth of its life.
    RefreshTokenEnds,
    /// The lifetime of the server's tokens is shorter than the requested minimum.
    LifeTooShort,
    /// A token is sent over http to a listed insecure origin.
    InsecureOrigin,
    /// A seed was given, but the store has a live record.
    SeedIgnored,
    /// An access token could not be saved. Nothing is lost: the stored refresh token stays usable.
    NotSaved,
}

impl Warning {
    /// The name, the same in every language.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::event::Warning::ScopeNarrowed.name(), "scope_narrowed");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ScopeNarrowed => "scope_narrowed",
            Self::RefreshTokenEnds => "refresh_token_ends",
            Self::LifeTooShort => "life_too_short",
            Self::InsecureOrigin => "insecure_origin",
            Self::SeedIgnored => "seed_ignored",
            Self::NotSaved => "not_saved",
        }
    }
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A credential was supplied.
    SignedIn,
    /// A token is being requested. A session that adopts another's refresh reports only [`EventKind::Adopted`].
    RefreshStarted {
        /// Why.
        cause: RefreshCause,
    },
    /// A refresh succeeded.
    RefreshSucceeded {
        /// How many callers waited for it.
        waiters: u64,
        /// The time since the refresh started.
        duration: Duration,
        /// Whether the new token is in the store.
        persisted: bool,
    },
    /// A refresh failed.
    RefreshFailed {
        /// The kind of the error that callers get.
        kind: ErrorKind,
        /// How long to wait before trying again.
        retry_after: Option<Duration>,
    },
    /// The result of another process's refresh was taken from the store.
    Adopted,
    /// An API's response carried a new access token, which replaces the current one (`[response_tokens]`).
    Renewed,
    /// What is kept beside the tokens (an ID token, an instance URL, a user) changed.
    ExtraChanged {
        /// The names of what changed, in alphabetical order; the values are not part of the event.
        names: Vec<String>,
    },
    /// A credential could not be saved; it is served from memory.
    Unpersisted,
    /// A credential that could not be saved has been saved.
    Persisted,
    /// A request was sent again with another token.
    Replayed,
    /// A request was sent again after a transient failure.
    Retried,
    /// The user must sign in. Reported once for each lost credential, never dropped.
    LoginRequired {
        /// Why.
        reason: DeadReason,
    },
    /// There were more refreshes than token expiry explains.
    RefreshLimited,
    /// The session was signed out.
    SignedOut,
    /// Something that the user should know.
    Warned(Warning),
}

impl EventKind {
    /// The name of the kind, the same in every language.
    ///
    /// ```
    /// use rekindle_proto::event::{EventKind, RefreshCause};
    ///
    /// assert_eq!(EventKind::RefreshStarted { cause: RefreshCause::Forced }.name(), "RefreshStarted");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SignedIn => "SignedIn",
            Self::RefreshStarted { .. } => "RefreshStarted",
            Self::RefreshSucceeded { .. } => "RefreshSucceeded",
            Self::RefreshFailed { .. } => "RefreshFailed",
            Self::Adopted => "Adopted",
            Self::Renewed => "Renewed",
            Self::ExtraChanged { .. } => "ExtraChanged",
            Self::Unpersisted => "Unpersisted",
            Self::Persisted => "Persisted",
            Self::Replayed => "Replayed",
            Self::Retried => "Retried",
            Self::LoginRequired { .. } => "LoginRequired",
            Self::RefreshLimited => "RefreshLimited",
            Self::SignedOut => "SignedOut",
            Self::Warned(_) => "Warned",
        }
    }
}
