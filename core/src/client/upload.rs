//! A request's body while it is being sent: the connection reads it, and the call can take it back (spec 11.1).
//!
//! A server may respond before it has read the whole body. The connection then still reads from the source, which a
//! second send would open or rewind, so the first reader must end before the second one begins.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::lock::Mutex;
use crate::transport::{ByteStream, Sent, TransportError};

/// The call's handle on the reader of one send.
#[derive(Clone)]
pub(super) struct Upload(Arc<Mutex<State>>);

struct State {
    stream: Option<ByteStream>,
    /// Whether any chunk was requested of the stream.
    begun: bool,
    /// Whether the stream is in the middle of reading a chunk.
    busy: bool,
    ended: Ended,
    /// Whether the server has already accepted the request.
    accepted: bool,
    connection: Option<Waker>,
    caller: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Not,
    /// The connection needs no more of the body.
    Read,
    /// The call took the body back.
    Stopped,
}

/// The transport's handle.
struct Reader(Upload);

impl Upload {
    /// The call's handle, and the body for the transport.
    pub(super) fn begin(stream: ByteStream) -> (Self, ByteStream) {
        let upload = Self(Arc::new(Mutex::new(State {
            stream: Some(stream),
            begun: false,
            busy: false,
            ended: Ended::Not,
            accepted: false,
            connection: None,
            caller: None,
        })));
        (upload.clone(), Box::pin(Reader(upload)))
    }

    /// Records whether the server accepted the request before it has read its body.
    pub(super) fn answered(&self, accepted: bool) {
        self.0.lock().accepted = accepted;
    }

    /// Whether the server accepted the request.
    pub(super) fn is_accepted(&self) -> bool {
        self.0.lock().accepted
    }

    /// Whether nothing of it was read.
    pub(super) fn is_untouched(&self) -> bool {
        !self.0.lock().begun
    }

    /// Ends the reader. Waits for the chunk that it is reading, so that no source is left in the middle of a read.
    /// Returns the stream if nothing of it was read.
    pub(super) async fn stop(&self) -> Option<ByteStream> {
        poll_fn(|context| self.poll_stopped(context)).await;
        self.0.lock().stream.take()
    }

    /// As [`stop`](Self::stop).
    pub(super) fn poll_stopped(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        state.take_away();
        if state.busy
            && let Some(stream) = &mut state.stream
        {
            // The chunk that it read is discarded.
            let _ = ready!(stream.as_mut().poll_next(context));
            state.busy = false;
        }
        if state.begun {
            state.stream = None;
        }
        Poll::Ready(())
    }

    /// Ends the reader at once, without waiting.
    pub(super) fn abandon(&self) {
        let stream = {
            let mut state = self.0.lock();
            state.take_away();
            state.stream.take()
        };
        drop(stream);
    }

    /// Ready when the connection needs no more of the body: it has all of it, or the connection is gone.
    pub(super) fn poll_read(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.ended != Ended::Not {
            return Poll::Ready(());
        }
        remember(&mut state.caller, context);
        Poll::Pending
    }
}

impl State {
    fn take_away(&mut self) {
        if self.ended == Ended::Not {
            self.ended = Ended::Stopped;
        }
        // The connection may be waiting for its peer: it must learn that its body was aborted.
        self.connection.take().into_iter().for_each(Waker::wake);
    }

    fn end(&mut self) {
        if self.ended == Ended::Not {
            self.ended = Ended::Read;
        }
        if self.begun && !self.busy {
            self.stream = None;
        }
        self.caller.take().into_iter().for_each(Waker::wake);
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.0.lock();
        match (state.ended, &mut state.stream) {
            (Ended::Read, _) => Poll::Ready(None),
            (Ended::Stopped, _) | (_, None) => Poll::Ready(Some(Err(stopped()))),
            (Ended::Not, Some(stream)) => {
                let polled = stream.as_mut().poll_next(context);
                state.begun = true;
                state.busy = polled.is_pending();
                if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                    state.end();
                } else {
                    remember(&mut state.connection, context);
                }
                polled
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.0.lock().end();
    }
}

fn remember(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(context.waker()),
        None => *slot = Some(context.waker().clone()),
    }
}

fn stopped() -> TransportError {
    let message = "the request's body was not sent to its end: the response had already arrived".to_owned();
    TransportError::new(Sent::Maybe, message)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};
    use tokio::sync::oneshot;

    use super::*;

    fn chunks(texts: &'static [&'static str]) -> ByteStream {
        Box::pin(stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes())))))
    }

    #[tokio::test]
    async fn a_reader_that_was_stopped_reads_nothing_more_and_is_no_end() {
        let (upload, mut reader) = Upload::begin(chunks(&["a", "b"]));
        assert_eq!(reader.next().await.unwrap().unwrap().as_ref(), b"a");
        assert!(upload.stop().await.is_none());
        assert!(reader.next().await.unwrap().is_err(), "an end would make a shorter body of it");
    }

    #[tokio::test]
    async fn what_nobody_read_of_is_given_back() {
        let (upload, reader) = Upload::begin(chunks(&["a"]));
        drop(reader);
        assert!(upload.is_untouched());
        assert_eq!(upload.stop().await.unwrap().next().await.unwrap().unwrap().as_ref(), b"a");
    }

    #[tokio::test]
    async fn a_read_that_has_begun_is_waited_for_also_where_the_connection_is_gone() {
        for gone in [false, true] {
            let (done, read) = oneshot::channel::<()>();
            let slow = stream::once(async move {
                read.await.ok();
                Ok(Bytes::from_static(b"late"))
            });
            let (upload, mut reader) = Upload::begin(Box::pin(slow));
            assert!(reader.next().now_or_never().is_none());
            if gone {
                drop(reader);
            }
            let mut stop = Box::pin(upload.stop());
            assert!(stop.as_mut().now_or_never().is_none());
            done.send(()).unwrap();
            assert!(stop.await.is_none());
        }
    }

    #[tokio::test]
    async fn the_connection_that_waits_for_its_peer_is_woken() {
        let (upload, mut reader) = Upload::begin(Box::pin(stream::pending()));
        let connection = tokio::spawn(async move { reader.next().await.unwrap().is_err() });
        tokio::task::yield_now().await;
        upload.abandon();
        assert!(connection.await.unwrap());
    }
}
