//! The origins of an API, and their responses to the current token.

/// The index of an origin in the session's list.
pub type OriginId = u16;

/// An origin that rejected a token.
pub(super) struct Rejection {
    pub(super) id: OriginId,
    pub(super) name: Box<str>,
}

/// A small set of origins without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OriginSet(u64);

impl OriginSet {
    fn bit(origin: OriginId) -> u64 {
        1u64.checked_shl(u32::from(origin)).unwrap_or_default()
    }

    pub(crate) fn insert(&mut self, origin: OriginId) {
        self.0 |= Self::bit(origin);
    }

    pub(crate) fn contains(self, origin: OriginId) -> bool {
        self.0 & Self::bit(origin) != 0
    }

    /// An origin that does not fit into the set is never missing.
    pub(crate) fn lacks(self, origin: OriginId) -> bool {
        Self::bit(origin) != 0 && !self.contains(origin)
    }
}
