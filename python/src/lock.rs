//! A lock that knows nothing of poison.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing is half done where it could panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
