//! Identifies the runtime that drives a timer.

/// The id of the runtime that drives a timer.
#[cfg(feature = "runtime")]
pub(crate) type RuntimeId = tokio::runtime::Id;

/// Only the host drives timers.
#[cfg(not(feature = "runtime"))]
pub(crate) type RuntimeId = ();

/// The runtime that drives timers which are created here.
#[cfg(feature = "runtime")]
pub(crate) fn this_runtime() -> Option<RuntimeId> {
    tokio::runtime::Handle::try_current().ok().map(|handle| handle.id())
}

/// The runtime that drives timers which are created here.
#[cfg(not(feature = "runtime"))]
pub(crate) fn this_runtime() -> Option<RuntimeId> {
    None
}
