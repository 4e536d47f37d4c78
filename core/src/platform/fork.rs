//! `fork()`: a child uses nothing that the parent's threads, connections or flights still use (spec 4.9).
//!
//! A program that forks calls three functions around its fork; a host that has fork hooks (Python's
//! `os.register_at_fork`) calls them there:
//!
//! ```no_run
//! # fn fork() -> i32 { 1 }
//! rekindle::fork::before();
//! match fork() {
//!     0 => rekindle::fork::after_in_child(),
//!     _ => rekindle::fork::after_in_parent(), // also if it failed
//! }
//! ```
//!
//! Parent and child continue at once, with their sessions and clients. The child leaks the parent's runtime,
//! connections and waiters and never drops them (dropping would affect the parent's sockets), and creates its own
//! when it first needs them. It reads a shared store; for the child, a refresh in progress in the parent is one of
//! another process. A session in memory serves its valid token in the child, but must not use the refresh token,
//! because the parent has a copy: a refresh there is Misuse, unless the server does not rotate.
//!
//! A child whose parent did not call these functions is detected by its process id, at its first call that needs more
//! than a valid token. It works too, with one exception: if the parent was writing a file store, or reading or writing
//! a memory store, at the moment of the fork, that store's lock may stay held in the child.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::{ArcSwapOption, Guard};

/// The process id, and the number of forks: a process id alone may be reused.
static MARK: AtomicU64 = AtomicU64::new(0);

/// Held for reading while a store is in use, for writing during a fork: a child must inherit neither a file lock nor
/// a store in an inconsistent state.
static FORK_GUARD: PerProcess<&'static RwLock<()>> = PerProcess::new();

/// Set once, by the module that takes locks which a child inherits. Read without a lock, which another thread might
/// hold.
static IN_CHILD: OnceLock<fn()> = OnceLock::new();

thread_local! {
    /// The guard that the forking thread holds.
    static HELD: Cell<Option<RwLockWriteGuard<'static, ()>>> = const { Cell::new(None) };
}

/// Call right before `fork()`, on the thread that forks: waits until no store is in use, and blocks further use.
///
/// ```
/// rekindle::fork::before();
/// // fork()
/// rekindle::fork::after_in_parent();
/// ```
pub fn before() {
    let held = HELD.take().unwrap_or_else(|| lock().write().unwrap_or_else(PoisonError::into_inner));
    HELD.set(Some(held));
}

/// Call right after `fork()`, in the parent, on the same thread; also if the fork failed.
///
/// ```
/// rekindle::fork::after_in_parent(); // without `before`, nothing
/// ```
pub fn after_in_parent() {
    drop(HELD.take());
}

/// Call right after `fork()`, in the child.
///
/// ```
/// rekindle::fork::after_in_child(); // in a process that was not forked, no more than `after_in_parent`
/// ```
pub fn after_in_child() {
    let held = HELD.take();
    let inherited = MARK.load(Ordering::Relaxed) != mark();
    if inherited {
        // Threads of the parent may be waiting for that lock: this process uses a new one.
        std::mem::forget(held);
        if let Some(close) = IN_CHILD.get() {
            close();
        }
    }
}

/// Registers what a forked child must do first; called before that is needed.
#[cfg(feature = "runtime")]
pub(crate) fn in_child(close: fn()) {
    let _ = IN_CHILD.set(close);
}

/// While it is held, no fork takes place whose program calls [`before`].
pub(crate) fn guard() -> RwLockReadGuard<'static, ()> {
    lock().read().unwrap_or_else(PoisonError::into_inner)
}

fn lock() -> &'static RwLock<()> {
    *FORK_GUARD.get(|_| Box::leak(Box::default()))
}

/// Identifies this process. Asks the operating system, so it detects a fork that was not announced.
pub(crate) fn mark() -> u64 {
    let process = process_id();
    let known = MARK.load(Ordering::Relaxed);
    if (known >> 32) as u32 == process {
        return known;
    }
    let new = u64::from(process) << 32 | u64::from((known as u32).wrapping_add(1));
    match MARK.compare_exchange(known, new, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => new,
        Err(seen) => seen,
    }
}

#[cfg(not(target_family = "wasm"))]
fn process_id() -> u32 {
    std::process::id()
}

/// A WebAssembly module is never forked.
#[cfg(target_family = "wasm")]
fn process_id() -> u32 {
    1
}

/// The last result of [`mark`]: without a system call, because every request needs it.
fn last_mark() -> u64 {
    match MARK.load(Ordering::Relaxed) {
        0 => mark(),
        known => known,
    }
}

/// A value that each process has for itself. A forked child neither uses nor drops the inherited value.
///
/// ```
/// use std::sync::Mutex;
/// use rekindle::fork::PerProcess;
///
/// static NAMES: PerProcess<Mutex<Vec<String>>> = PerProcess::new();
///
/// NAMES.get(|_| Mutex::default()).lock().unwrap().push("Ada".into());
/// assert_eq!(NAMES.get(|_| Mutex::default()).lock().unwrap().len(), 1); // in a forked child: 0
/// ```
pub struct PerProcess<T>(ArcSwapOption<OfProcess<T>>);

impl<T> PerProcess<T> {
    /// Creates it without a value.
    ///
    /// ```
    /// static COUNT: rekindle::fork::PerProcess<u32> = rekindle::fork::PerProcess::new();
    /// assert_eq!(*COUNT.get(|_| 7), 7);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// Creates it with this process's value.
    ///
    /// ```
    /// let count = rekindle::fork::PerProcess::of(7);
    /// assert_eq!(*count.get(|_| 0), 7);
    /// ```
    #[must_use]
    pub fn of(value: T) -> Self {
        Self(ArcSwapOption::from_pointee(OfProcess::new(value)))
    }

    /// This process's value, created if there is none. `make` may inspect the parent's value, but its locks may be held
    /// by threads that no longer exist. If the value exists, this takes no lock, makes no system call and writes no
    /// shared memory.
    ///
    /// ```
    /// let count = rekindle::fork::PerProcess::new();
    /// assert_eq!(*count.get(|inherited| inherited.map_or(0, |count| count + 1)), 0);
    /// ```
    pub fn get(&self, make: impl FnOnce(Option<&T>) -> T) -> ProcessLocal<T> {
        let known = self.0.load();
        if known.as_ref().is_some_and(|known| known.mark == last_mark()) {
            return ProcessLocal(known);
        }
        drop(known);
        self.renew(make)
    }

    /// This process's value, if it exists.
    ///
    /// ```
    /// let count = rekindle::fork::PerProcess::new();
    /// assert!(count.made().is_none());
    /// assert_eq!(*count.get(|_| 7), *count.made().expect("it is made"));
    /// ```
    pub fn made(&self) -> Option<ProcessLocal<T>> {
        let known = self.0.load();
        known.as_ref().is_some_and(|known| known.is_here()).then(|| ProcessLocal(known))
    }

    /// Like [`PerProcess::get`], but asks the operating system for the process id: for functions that may be called
    /// first in a child whose fork was not announced.
    ///
    /// ```
    /// let count = rekindle::fork::PerProcess::new();
    /// assert_eq!(*count.get_checked(|_| 7), 7);
    /// ```
    pub fn get_checked(&self, make: impl FnOnce(Option<&T>) -> T) -> ProcessLocal<T> {
        mark();
        self.get(make)
    }

    #[cold]
    fn renew(&self, make: impl FnOnce(Option<&T>) -> T) -> ProcessLocal<T> {
        mark();
        let old = self.0.load_full();
        if !old.as_ref().is_some_and(|old| old.is_here()) {
            let left = old.as_ref().and_then(|old| old.value.as_ref());
            let new = Arc::new(OfProcess::new(make(left)));
            // If another thread was faster, its value is used. An inherited value is not dropped: see the type's
            // documentation.
            self.0.compare_and_swap(&old, Some(new));
        }
        ProcessLocal(self.0.load())
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        // So that the value's contents know their process.
        mark();
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A reference to the value that a [`PerProcess`] holds for this process.
pub struct ProcessLocal<T>(Guard<Option<Arc<OfProcess<T>>>>);

impl<T> Deref for ProcessLocal<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let value = self.0.as_ref().and_then(|made| made.value.as_ref());
        value.expect("it is made before it is handed out, and kept until it is dropped")
    }
}

/// A value that belongs to the process that created it: a forked child gets nothing, and leaks it.
///
/// ```
/// let mut body = rekindle::fork::OfProcess::new("a connection's");
/// assert_eq!(body.get(), Some(&"a connection's"));
/// assert_eq!(body.get_mut(), Some(&mut "a connection's")); // in a forked child: None
/// ```
pub struct OfProcess<T> {
    mark: u64,
    /// Taken only in `drop`.
    value: Option<T>,
}

impl<T> OfProcess<T> {
    /// Creates a value that belongs to this process.
    ///
    /// ```
    /// let number = rekindle::fork::OfProcess::new(7);
    /// assert!(number.get().is_some());
    /// ```
    pub fn new(value: T) -> Self {
        Self { mark: last_mark(), value: Some(value) }
    }

    /// The value, in the process that created it.
    ///
    /// ```
    /// assert_eq!(rekindle::fork::OfProcess::new(7).get(), Some(&7));
    /// ```
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    /// The value, in the process that created it.
    ///
    /// ```
    /// assert_eq!(rekindle::fork::OfProcess::new(7).get_mut(), Some(&mut 7));
    /// ```
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        let here = self.is_here();
        self.value.as_mut().filter(|_| here)
    }

    fn is_here(&self) -> bool {
        self.mark == last_mark()
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            std::mem::forget(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports on a channel that it was dropped.
    struct Tells(std::sync::mpsc::Sender<()>);

    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    /// As in a forked child: with the id of another process.
    fn inherited<T>(value: T) -> OfProcess<T> {
        OfProcess { mark: 1, value: Some(value) }
    }

    // spec 4.9
    #[test]
    fn what_was_inherited_is_made_anew_and_never_dropped() {
        let (tell, told) = std::sync::mpsc::channel();
        let made = PerProcess(ArcSwapOption::from_pointee(inherited((7, Tells(tell.clone())))));
        let anew = made.get(|old| (old.map_or(0, |old| old.0 + 1), Tells(tell.clone())));
        assert_eq!((*anew).0, 8);
        drop(anew);
        assert!(told.try_recv().is_err(), "the parent's was dropped");
        drop(made);
        assert!(told.try_recv().is_ok(), "its own is dropped as ever");
        assert!(told.try_recv().is_err());
    }

    // spec 4.9
    #[test]
    fn what_belongs_to_the_parent_is_not_touched() {
        let (tell, told) = std::sync::mpsc::channel();
        let mut body = inherited(Tells(tell));
        assert!(body.get().is_none() && body.get_mut().is_none());
        drop(body);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn threads_that_come_at_once_get_the_same() {
        let made: Arc<PerProcess<u64>> = Arc::default();
        let numbers = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (made, numbers) = (made.clone(), numbers.clone());
                std::thread::spawn(move || *made.get(|_| numbers.fetch_add(1, Ordering::Relaxed)))
            })
            .collect();
        let got: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(got.iter().all(|one| *one == got[0]), "{got:?}");
    }

    #[test]
    fn the_gate_waits_for_stores_at_work_and_may_be_shut_twice() {
        let at_work = guard();
        let forks = std::thread::spawn(|| {
            before();
            before();
            after_in_parent();
            after_in_parent();
        });
        assert!(!forks.is_finished());
        drop(at_work);
        forks.join().unwrap();
        drop(guard());
    }
}
