//! What a server does with a refresh token that was used (spec 6.1).

use std::time::Duration;

/// The rotation that a dialect names. It decides what a lost answer allows (spec 6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// The old refresh token stays usable.
    None,
    /// The old refresh token works for this long after its first use.
    Grace(Duration),
    /// The old refresh token works until its successor (or the new access token) is used.
    UntilSuccessorUsed,
    /// A replay fails; the successor lives.
    Strict,
    /// A replay revokes everything that came from the sign-in.
    StrictFamily,
    /// The refresh token changes only now and then.
    Sometimes,
    /// Not known, or the tenant's setting.
    #[default]
    Unknown,
}
