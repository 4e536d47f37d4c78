//! What a store says: the words in which the machine and the stores meet (spec 7.1).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A version of a stored record, opaque to the session: equal means the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub Arc<str>);

impl Version {
    /// Wraps what the store uses as a version: an ETag, a counter, a checksum.
    ///
    /// ```
    /// use rekindle_proto::store::Version;
    /// assert_eq!(Version::new("7"), Version::new(String::from("7")));
    /// ```
    pub fn new(version: impl Into<Arc<str>>) -> Self {
        Self(version.into())
    }
}

/// What a load found.
#[derive(Clone, PartialEq, Eq)]
pub enum Loaded {
    /// The record and its version. `Bytes::from_owner` makes a record of what wipes itself.
    Present(Bytes, Version),
    /// There is certainly no record.
    Absent,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The record holds tokens.
            Self::Present(record, version) => write!(f, "Present(<{} bytes>, {:?})", record.len(), version.0),
            Self::Absent => f.write_str("Absent"),
        }
    }
}

/// What a save did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The record is stored, durably, under this version.
    Done(Version),
    /// Another version is there than the one expected; nothing was written.
    Conflict,
}

/// The store cannot tell now: locked, unreachable, damaged, full. Never means "no record" (spec 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What is wrong and what to do, without secrets.
    pub reason: String,
    /// The record is there but unreadable; only a sign-in or a holder of the newest version mends it.
    pub damaged: bool,
    /// The record is another session's: nobody may write over it.
    pub(crate) foreign: bool,
}

impl Unavailable {
    /// A passing trouble.
    ///
    /// ```
    /// use rekindle_proto::store::Unavailable;
    /// assert!(!Unavailable::new("the keychain is locked").damaged);
    /// ```
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), damaged: false, foreign: false }
    }

    /// The record is damaged (spec 7.7).
    ///
    /// ```
    /// use rekindle_proto::store::Unavailable;
    /// assert!(Unavailable::damaged("the checksum does not match").damaged);
    /// ```
    pub fn damaged(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), damaged: true, foreign: false }
    }
}

impl Unavailable {
    /// A store that was asked for one key gave the record of another.
    pub(crate) fn foreign(asked: &str, given: &str) -> Self {
        let reason = format!(
            "load(`{asked}`) returned the record of `{given}`: a store must keep one record for each key"
        );
        Self { foreign: true, ..Self::new(reason) }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unavailable {}

/// What a save expects to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No record.
    Absent,
    /// This version.
    Version(Version),
    /// Whatever is there, damaged or not: only for a sign-in (spec 4.6, 7.7).
    Anything,
}

/// Whether the owner of a flight is still there (a store that all sharers reach from one machine can tell).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Its process lives.
    Alive,
    /// Its process is gone, for certain.
    Dead,
    /// Nobody can tell: its lease decides.
    Unknown,
}
