//! Wakes an event loop without its interpreter: a thread that waits for that lock keeps all other calls waiting.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use pyo3::prelude::*;

/// A pair of sockets, of which the loop watches one.
pub(crate) struct Bell {
    rung: UnixStream,
    heard: UnixStream,
}

impl Bell {
    /// One that makes the loop call `answer`; nothing where the loop cannot watch sockets, or there are no more.
    pub(crate) fn hung(event_loop: &Bound<'_, PyAny>, answer: &Bound<'_, PyAny>) -> Option<Self> {
        let (rung, heard) = UnixStream::pair().ok()?;
        rung.set_nonblocking(true).and_then(|()| heard.set_nonblocking(true)).ok()?;
        event_loop.call_method1("add_reader", (heard.as_raw_fd(), answer)).ok()?;
        Some(Self { rung, heard })
    }

    /// Where it is full, it has been rung.
    pub(crate) fn ring(&self) {
        let _ = (&self.rung).write(&[1]);
    }

    /// By the loop, before it looks what there is.
    pub(crate) fn hush(&self) {
        while matches!((&self.heard).read(&mut [0; 64]), Ok(64)) {}
    }
}
