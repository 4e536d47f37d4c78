//! Locking a mutex regardless of poisoning.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// No data is left inconsistent at the places that may panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
