//! The types of the interface between the machine and the stores (spec 7.1).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The version of a stored record, opaque to the session: equal versions mean equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub Arc<str>);

impl Version {
    /// Wraps the store's version: an ETag, a counter, a checksum.
    ///
    /// ```
    /// use rekindle_proto::store::Version;
    /// assert_eq!(Version::new("7"), Version::new(String::from("7")));
    /// ```
    pub fn new(version: impl Into<Arc<str>>) -> Self {
        Self(version.into())
    }
}

/// The result of a load.
#[derive(Clone, PartialEq, Eq)]
pub enum Loaded {
    /// The record and its version. `Bytes::from_owner` wraps a buffer that wipes itself when dropped.
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

/// The result of a save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The record is stored durably under this version.
    Done(Version),
    /// The store holds another version than expected; nothing was written.
    Conflict,
}

/// The store is unavailable: locked, unreachable, damaged, full. Never means "no record" (spec 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The problem and its remedy, without secrets.
    pub reason: String,
    /// The record exists but is unreadable; only a sign-in or a holder of the newest version can repair it.
    pub damaged: bool,
    /// The record is another session's: nobody may write over it.
    pub(crate) foreign: bool,
}

impl Unavailable {
    /// Creates a transient failure.
    ///
    /// ```
    /// use rekindle_proto::store::Unavailable;
    /// assert!(!Unavailable::new("the keychain is locked").damaged);
    /// ```
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), damaged: false, foreign: false }
    }

    /// Creates a failure for a damaged record (spec 7.7).
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

/// The stored state that a save expects to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No record.
    Absent,
    /// This version.
    Version(Version),
    /// Any state, damaged or not: only for a sign-in (spec 4.6, 7.7).
    Anything,
}

/// Whether the owner of a flight is still alive (known if all processes that share the store run on one machine).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The owner's process is alive.
    Alive,
    /// The owner's process has certainly exited.
    Dead,
    /// Unknown: the owner's lease decides.
    Unknown,
}
