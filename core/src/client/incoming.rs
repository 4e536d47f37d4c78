//! Response bodies: the part read for judging, the rest, and the inspection of streamed bodies (spec 2.6).

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode};
use rekindle_proto::{Exchange, Operation, Verdict};
use url::Url;

use super::upload::Upload;
use crate::lock::Mutex;
use crate::session::{Session, Token};
use crate::transport::{ByteStream, TransportError};

/// How much of a streamed body is inspected.
const WATCHED: usize = 64 * 1024;

const READ: &str = "the body was already read, which works only once: keep the result";
const BEGUN: &str = "part of the body was already read as a stream: continue with its chunks, or read it whole from the start";

/// A response's body.
pub(super) struct Incoming {
    /// Already read.
    read: Bytes,
    rest: Rest,
    inspection: Inspection,
    /// What is still being sent.
    upload: Option<Uploading>,
    handed_out: HandedOut,
}

/// How much of the body the caller has read. A second reader would get a part of it, or nothing, and take that for
/// the whole body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HandedOut {
    Nothing,
    Chunks,
    All,
}

/// Why a body cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    Broken(TransportError),
    /// It is longer than the limit.
    TooLong,
    /// The caller has already read it, or a part of it.
    HandedOut(&'static str),
}

/// The request's body, if the server has not read it completely. The body of an accepted request is sent completely,
/// otherwise the server would store half of it; the rest of any other is abandoned with the response.
struct Uploading(Upload);

/// The mutex is never locked: it makes the stream shareable between threads.
enum Rest {
    Stream(Mutex<ByteStream>),
    Broken(Box<TransportError>),
    Nothing,
}

/// Inspects a streamed body, and keeps the result. Boxed: few bodies are inspected.
enum Inspection {
    Closed,
    Open(Box<BodyInspector>),
    Found(Box<Verdict>),
}

/// Judges a streamed body.
pub(super) struct BodyInspector {
    pub(super) session: Session,
    pub(super) token: Token,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) operation: Operation,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) seen: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(stream: ByteStream) -> Self {
        Self {
            read: Bytes::new(),
            rest: Rest::Stream(Mutex::new(stream)),
            inspection: Inspection::Closed,
            upload: None,
            handed_out: HandedOut::Nothing,
        }
    }

    pub(super) fn of(bytes: Bytes) -> Self {
        Self {
            read: bytes,
            rest: Rest::Nothing,
            inspection: Inspection::Closed,
            upload: None,
            handed_out: HandedOut::Nothing,
        }
    }

    /// A response that arrived while its request's body may still be in the process of being sent.
    pub(super) fn during(mut self, upload: Option<Upload>, accepted: bool) -> Self {
        upload.iter().for_each(|upload| upload.answered(accepted));
        self.upload = upload.map(Uploading);
        self
    }

    /// Waits until the body of an accepted request has been sent. Meanwhile the response is read, because the server
    /// may wait for that; beyond `limit` the response is left to its reader.
    pub(super) async fn settle(&mut self, limit: usize) {
        if !self.upload.as_ref().is_some_and(|upload| upload.0.is_accepted()) {
            return;
        }
        let mut all = Gathered::new(std::mem::take(&mut self.read));
        poll_fn(|context| self.poll_settled(&mut all, limit, context)).await;
        self.read = all.into_bytes();
    }

    fn poll_settled(&mut self, all: &mut Gathered, limit: usize, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.poll_upload(context).is_ready() || all.len() >= limit {
                return Poll::Ready(());
            }
            let Rest::Stream(stream) = &mut self.rest else { return Poll::Pending };
            match ready!(stream.get_mut().as_mut().poll_next(context)) {
                Some(Ok(chunk)) => all.push(chunk),
                Some(Err(cause)) => self.rest = Rest::Broken(Box::new(cause)),
                None => self.rest = Rest::Nothing,
            }
        }
    }

    /// Ready when nothing reads the request's body any more.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(Uploading(upload)) = &self.upload else { return Poll::Ready(()) };
        if upload.is_accepted() {
            ready!(upload.poll_read(context));
        } else {
            ready!(upload.poll_stopped(context));
        }
        self.upload = None;
        Poll::Ready(())
    }

    /// The part that was read and not yet returned to the caller.
    pub(super) fn read(&self) -> &Bytes {
        &self.read
    }

    /// Reads until there are `limit` bytes, or the whole body. A failure of the body is reported to the reader that
    /// reaches it.
    pub(super) async fn fill(&mut self, limit: usize) {
        let Rest::Stream(stream) = &mut self.rest else { return };
        let mut all = Gathered::new(std::mem::take(&mut self.read));
        while all.len() < limit {
            match stream.get_mut().next().await {
                Some(Ok(chunk)) => all.push(chunk),
                Some(Err(cause)) => {
                    self.rest = Rest::Broken(Box::new(cause));
                    break;
                }
                None => {
                    self.rest = Rest::Nothing;
                    break;
                }
            }
        }
        self.read = all.into_bytes();
    }

    /// The whole body, once.
    pub(super) async fn read_all(&mut self, limit: usize) -> Result<Bytes, Unread> {
        self.may_be_read()?;
        // Also if the body fails, or the caller stops waiting: the part that was read is gone.
        self.handed_out = HandedOut::All;
        if matches!(self.rest, Rest::Nothing) && !self.is_watched() && self.upload.is_none() {
            return if self.read.len() > limit {
                Err(self.too_long())
            } else {
                Ok(std::mem::take(&mut self.read))
            };
        }
        let mut all = Gathered::new(Bytes::new());
        while let Some(chunk) = self.next().await {
            all.push(chunk.map_err(Unread::Broken)?);
            if all.len() > limit {
                return Err(self.too_long());
            }
        }
        Ok(all.into_bytes())
    }

    /// The next chunk, until the end was reported.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Unread> {
        if self.handed_out == HandedOut::All {
            return Err(Unread::HandedOut(READ));
        }
        let chunk = self.next().await.transpose().map_err(Unread::Broken)?;
        self.handed_out = if chunk.is_some() { HandedOut::Chunks } else { HandedOut::All };
        Ok(chunk)
    }

    /// Whether the caller has read nothing of it.
    fn may_be_read(&self) -> Result<(), Unread> {
        match self.handed_out {
            HandedOut::Nothing => Ok(()),
            HandedOut::Chunks => Err(Unread::HandedOut(BEGUN)),
            HandedOut::All => Err(Unread::HandedOut(READ)),
        }
    }

    /// Whether some of it may be left; otherwise why not.
    pub(super) fn may_be_streamed(&self) -> Result<(), &'static str> {
        if self.handed_out == HandedOut::All { Err(READ) } else { Ok(()) }
    }

    /// Discards the rest of the body.
    fn too_long(&mut self) -> Unread {
        (self.read, self.rest) = (Bytes::new(), Rest::Nothing);
        Unread::TooLong
    }

    /// Inspects the body from now on.
    pub(super) fn watch(&mut self, watch: BodyInspector) {
        self.inspection = Inspection::Open(Box::new(watch));
    }

    /// The verdict of the inspection, unless it is Accepted.
    pub(super) fn found(&self) -> Option<&Verdict> {
        if let Inspection::Found(verdict) = &self.inspection { Some(verdict) } else { None }
    }

    fn is_watched(&self) -> bool {
        matches!(self.inspection, Inspection::Open(_))
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, TransportError>>> {
        if !self.read.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.read))));
        }
        match &mut self.rest {
            Rest::Stream(stream) => stream.get_mut().as_mut().poll_next(context),
            Rest::Nothing => Poll::Ready(None),
            Rest::Broken(_) => match std::mem::replace(&mut self.rest, Rest::Nothing) {
                Rest::Broken(cause) => Poll::Ready(Some(Err(*cause))),
                _ => Poll::Ready(None),
            },
        }
    }

    fn look(&mut self, chunk: Option<&Bytes>) {
        let Inspection::Open(watch) = &mut self.inspection else { return };
        let room = WATCHED - watch.seen.len();
        watch.seen.extend_from_slice(chunk.map_or(&[], |chunk| &chunk[..chunk.len().min(room)]));
        if chunk.is_none() || watch.seen.len() == WATCHED {
            self.inspection =
                watch.judge().map_or(Inspection::Closed, |verdict| Inspection::Found(Box::new(verdict)));
        }
    }
}

impl BodyInspector {
    fn judge(&self) -> Option<Verdict> {
        let exchange = Exchange {
            method: &self.method,
            url: &self.url,
            operation: self.operation,
            replayable: false,
            status: self.status,
            headers: &self.headers,
            body: &self.seen,
        };
        let verdict = self.session.verdict_about(&self.token, &exchange);
        if matches!(verdict, Verdict::Expired { .. }) {
            self.session.note_rejected(&self.token, &exchange);
        }
        (verdict != Verdict::Accepted).then_some(verdict)
    }
}

impl Stream for Incoming {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(self.poll_chunk(context));
        if chunk.is_none() {
            ready!(self.poll_upload(context));
        }
        if self.is_watched() {
            self.look(chunk.as_ref().and_then(|chunk| chunk.as_ref().ok()));
        }
        Poll::Ready(chunk)
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        if !self.0.is_accepted() {
            self.0.abandon();
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Incoming(..)")
    }
}

/// Joins chunks, once and at the end; a single chunk is not copied.
struct Gathered {
    first: Bytes,
    more: Vec<Bytes>,
    length: usize,
}

impl Gathered {
    fn new(first: Bytes) -> Self {
        Self { length: first.len(), first, more: Vec::new() }
    }

    fn len(&self) -> usize {
        self.length
    }

    fn push(&mut self, chunk: Bytes) {
        self.length += chunk.len();
        if self.first.is_empty() {
            self.first = chunk;
        } else if !chunk.is_empty() {
            self.more.push(chunk);
        }
    }

    fn into_bytes(self) -> Bytes {
        if self.more.is_empty() {
            return self.first;
        }
        let mut all = BytesMut::with_capacity(self.length);
        all.extend_from_slice(&self.first);
        self.more.iter().for_each(|chunk| all.extend_from_slice(chunk));
        all.freeze()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::transport::Sent;

    fn incoming(chunks: &'static [&'static str], breaks: bool) -> Incoming {
        let end = breaks.then(|| Err(TransportError::new(Sent::Maybe, "broke")));
        let chunks = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
        Incoming::new(Box::pin(stream::iter(chunks.chain(end))))
    }

    #[tokio::test]
    async fn what_was_read_to_be_judged_is_handed_out_again() {
        let mut body = incoming(&["ab", "cd", "ef"], false);
        body.fill(3).await;
        assert_eq!(body.read().as_ref(), b"abcd");
        assert_eq!(body.read_all(100).await.unwrap().as_ref(), b"abcdef");
    }

    // spec 11.3
    #[tokio::test]
    async fn a_body_is_read_once_and_never_in_silence_twice() {
        let mut body = incoming(&["ab", "cd"], false);
        assert_eq!(body.read_all(4).await.unwrap().as_ref(), b"abcd");
        assert!(matches!(body.read_all(4).await, Err(Unread::HandedOut(_))));
        assert!(matches!(body.chunk().await, Err(Unread::HandedOut(_))));
        let mut body = incoming(&["ab"], false);
        assert!(body.chunk().await.unwrap().is_some());
        assert!(matches!(body.read_all(4).await, Err(Unread::HandedOut(_))));
        assert!(body.chunk().await.unwrap().is_none());
        assert!(matches!(body.chunk().await, Err(Unread::HandedOut(_))));
    }

    // spec 11.4
    #[tokio::test]
    async fn a_body_that_does_not_fit_is_given_up() {
        for filled in [0, 100] {
            let mut body = incoming(&["ab", "cd"], false);
            body.fill(filled).await;
            assert!(matches!(body.read_all(3).await, Err(Unread::TooLong)));
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_while_it_is_judged_breaks_for_its_reader_too() {
        let mut body = incoming(&["ab"], true);
        body.fill(100).await;
        assert_eq!(body.read().as_ref(), b"ab");
        assert_eq!(body.next().await.unwrap().unwrap().as_ref(), b"ab");
        assert_eq!(body.next().await.unwrap().unwrap_err().message, "broke");
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn one_chunk_is_not_copied() {
        let chunk = Bytes::from(vec![1; 1000]);
        let place = chunk.as_ptr();
        let mut body = Incoming::new(Box::pin(stream::iter([Ok(chunk)])));
        assert_eq!(body.read_all(1000).await.unwrap().as_ptr(), place);
    }
}
