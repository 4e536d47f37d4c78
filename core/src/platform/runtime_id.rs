//! Which runtime drives a timer.

/// Names what drives a timer.
#[cfg(feature = "runtime")]
pub(crate) type RuntimeId = tokio::runtime::Id;

/// Nothing but the host drives timers.
#[cfg(not(feature = "runtime"))]
pub(crate) type RuntimeId = ();

/// The one that drives timers which are made here.
#[cfg(feature = "runtime")]
pub(crate) fn this_runtime() -> Option<RuntimeId> {
    tokio::runtime::Handle::try_current().ok().map(|handle| handle.id())
}

/// The one that drives timers which are made here.
#[cfg(not(feature = "runtime"))]
pub(crate) fn this_runtime() -> Option<RuntimeId> {
    None
}
