//! How long before a token's expiry it is refreshed (spec 1.2).

use std::time::Duration;

/// The advisory window of a lifetime: a refresh in the background, nobody waits (spec 1.2).
pub(crate) fn advisory(lifetime: Duration) -> Duration {
    (lifetime / 5).min(Duration::from_secs(300))
}

/// The mandatory window of a lifetime: callers wait (spec 1.2).
pub(crate) fn mandatory(lifetime: Duration) -> Duration {
    (lifetime / 20).min(Duration::from_secs(30))
}
