//! Keeps API sessions alive.

pub mod clock;
pub mod store;
pub mod transport;

pub use rekindle_proto as proto;
