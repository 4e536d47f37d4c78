//! Wakes an event loop without the interpreter lock: while a thread waits for that lock, all its other calls wait.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use pyo3::prelude::*;

/// A pair of sockets; the loop watches one of them.
pub(crate) struct Wakeup {
    sender: UnixStream,
    receiver: UnixStream,
}

impl Wakeup {
    /// Makes the loop call `answer` when it is woken; `None` if the loop cannot watch sockets or no socket is
    /// available.
    pub(crate) fn watched_by(event_loop: &Bound<'_, PyAny>, answer: &Bound<'_, PyAny>) -> Option<Self> {
        let (sender, receiver) = UnixStream::pair().ok()?;
        sender.set_nonblocking(true).and_then(|()| receiver.set_nonblocking(true)).ok()?;
        event_loop.call_method1("add_reader", (receiver.as_raw_fd(), answer)).ok()?;
        Some(Self { sender, receiver })
    }

    /// Wakes the loop. If the socket is full, a wake-up is already pending.
    pub(crate) fn wake(&self) {
        let _ = (&self.sender).write(&[1]);
    }

    /// Called by the loop before it takes the results.
    pub(crate) fn drain(&self) {
        while matches!((&self.receiver).read(&mut [0; 64]), Ok(64)) {}
    }
}
