//! Objects of the host's, as the shared adaptors of stores, transports and refresh functions ask them.

use std::sync::Arc;

/// An object of the host's.
pub(crate) struct Hosted<T: ?Sized>(pub(crate) Arc<T>);
