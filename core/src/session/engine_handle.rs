//! A session's handle to its engine. Background work holds the engine too, but does not count as a user.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::engine::Engine;

/// Counted in [`Engine::is_held`].
pub(super) struct EngineHandle(Arc<Engine>);

impl EngineHandle {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        engine.holders.fetch_add(1, Ordering::Relaxed);
        Self(engine)
    }
}

impl Clone for EngineHandle {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.0.holders.fetch_sub(1, Ordering::Release);
    }
}

impl Deref for EngineHandle {
    type Target = Arc<Engine>;

    fn deref(&self) -> &Arc<Engine> {
        &self.0
    }
}
