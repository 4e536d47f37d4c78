//! An engine that a session holds: what is under way in the background holds an engine, too, and counts for nobody.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::engine::Engine;

/// Counted in [`Engine::is_held`].
pub(super) struct HeldEngine(Arc<Engine>);

impl HeldEngine {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        engine.holders.fetch_add(1, Ordering::Relaxed);
        Self(engine)
    }
}

impl Clone for HeldEngine {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Drop for HeldEngine {
    fn drop(&mut self) {
        self.0.holders.fetch_sub(1, Ordering::Release);
    }
}

impl Deref for HeldEngine {
    type Target = Arc<Engine>;

    fn deref(&self) -> &Arc<Engine> {
        &self.0
    }
}
