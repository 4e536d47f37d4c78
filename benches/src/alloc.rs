//! An allocator that counts while it is asked to: off, it costs one load.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

/// What was allocated in the meantime, by all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// How often memory was asked for.
    pub(crate) calls: i64,
    /// Bytes asked for and not given back.
    pub(crate) live: i64,
}

/// Counts what is allocated while `work` runs, and what of it is still there after it.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, Allocated) {
    let before = Allocated { calls: CALLS.load(Relaxed), live: BYTES.load(Relaxed) };
    ON.store(true, Relaxed);
    let done = work();
    ON.store(false, Relaxed);
    let calls = CALLS.load(Relaxed) - before.calls;
    (done, Allocated { calls, live: BYTES.load(Relaxed) - before.live })
}

fn count(calls: i64, bytes: i64) {
    if ON.load(Relaxed) {
        CALLS.fetch_add(calls, Relaxed);
        BYTES.fetch_add(bytes, Relaxed);
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

// SAFETY: everything is done by the system's allocator, with what was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, signed(size) - signed(layout.size()));
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        count(0, -signed(layout.size()));
        unsafe { System.dealloc(old, layout) }
    }
}
