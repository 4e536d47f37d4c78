//! What differs between a machine of its own (threads, clocks, files) and a host that drives the core.
//! Nothing outside of this folder starts a thread, reads a clock of the system or opens a file.

pub(crate) mod clock;
pub(crate) mod file_store;
pub mod fork;
pub(crate) mod runtime;
pub(crate) mod sleep;
