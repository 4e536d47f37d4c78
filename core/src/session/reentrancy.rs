//! Tracks for which session a user's store or refresh function runs: it must not wait for that session, which waits
//! for it (spec 4.8).

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

thread_local! {
    /// The engine, by its address; 0 = none.
    static ENGINE: Cell<usize> = const { Cell::new(0) };
}

/// Marks everything that `work` calls as running for this engine.
pub(super) fn scope<F: Future>(engine: usize, work: F) -> Scope<F> {
    Scope { engine, work }
}

/// Whether the caller runs for this engine.
pub(super) fn is_inside(engine: usize) -> bool {
    ENGINE.get() == engine
}

pin_project! {
    pub(super) struct Scope<F> {
        engine: usize,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _restore = Restore(ENGINE.replace(*this.engine));
        this.work.poll(context)
    }
}

struct Restore(usize);

impl Drop for Restore {
    fn drop(&mut self) {
        ENGINE.set(self.0);
    }
}
