//! A body whose beginning may already have been read for judging; readers still see all of it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

pin_project_lite::pin_project! {
    /// A response's body, unchanged.
    pub struct JudgedBody<B: Body> {
        held: VecDeque<Result<Frame<Bytes>, B::Error>>,
        ended: bool,
        #[pin]
        rest: B,
    }
}

impl<B: Body> JudgedBody<B> {
    pub(super) fn new(rest: B) -> Self {
        Self { held: VecDeque::new(), ended: false, rest }
    }

    /// What has been read so far.
    pub(super) fn read(&self) -> Bytes {
        let mut data = self.held.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref());
        match (data.next(), data.next()) {
            (None, _) => Bytes::new(),
            (Some(only), None) => only.clone(),
            (Some(first), Some(second)) => {
                let mut all = BytesMut::from(first.as_ref());
                [second].into_iter().chain(data).for_each(|piece| all.extend_from_slice(piece));
                all.freeze()
            }
        }
    }
}

impl<B: Body + Unpin> JudgedBody<B> {
    /// Reads until there are `limit` bytes, or all. A body that breaks is told to whoever reads that far.
    pub(super) async fn fill(&mut self, limit: usize) {
        let mut read = 0;
        while read < limit && !self.ended {
            match poll_fn(|context| poll_rest(Pin::new(&mut self.rest), context)).await {
                Some(frame) => {
                    self.ended = frame.is_err();
                    read += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
                    self.held.push_back(frame);
                }
                None => self.ended = true,
            }
        }
    }
}

type Next<E> = Poll<Option<Result<Frame<Bytes>, E>>>;

fn poll_rest<B: Body>(rest: Pin<&mut B>, context: &mut Context<'_>) -> Next<B::Error> {
    let frame = ready!(rest.poll_frame(context));
    Poll::Ready(frame.map(|frame| Ok(frame?.map_data(|mut data| data.copy_to_bytes(data.remaining())))))
}

impl<B: Body> Body for JudgedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Next<B::Error> {
        let this = self.project();
        match this.held.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if *this.ended => Poll::Ready(None),
            None => poll_rest(this.rest, context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && (self.ended || self.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref());
        let held = held.map(|data| data.len() as u64).sum::<u64>();
        let rest = if self.ended { SizeHint::with_exact(0) } else { self.rest.size_hint() };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(held));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(held)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B: Body> fmt::Debug for JudgedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JudgedBody").finish_non_exhaustive()
    }
}
