//! Request bodies, and whether they can be sent twice (spec 3.4).

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::upload::Upload;
use crate::lock::Mutex;
use crate::platform::files;
use crate::transport::{BoxError, ByteStream, Outgoing, Sent, TransportError};

/// The body of a request.
///
/// Bytes and factories are replayable: a request whose token was rejected is sent again. A one-shot stream is not: its
/// request is never sent twice, and never sent empty.
///
/// ```
/// use rekindle::client::Body;
///
/// assert!(Body::from("text").is_replayable());
/// assert!(Body::default().is_empty());
/// ```
#[derive(Default)]
pub struct Body {
    kind: Kind,
    /// The send in progress.
    upload: Option<Upload>,
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    // Boxed: few bodies are of these kinds, and every request reserves space for one.
    Factory(Box<Factory>),
    Once(Box<Once>),
}

/// The function that creates the stream, and the stream's length.
struct Factory(Box<dyn Fn() -> ByteStream + Send + Sync>, Option<u64>);

/// The stream, unless it is being sent or was used. The mutex is never locked: it makes the stream shareable between
/// threads.
struct Once(Mutex<Option<ByteStream>>, Option<u64>);

impl Body {
    /// A one-shot body. `length` is sent as Content-Length; without it, the body is sent in chunks.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::stream;
    /// use rekindle::client::Body;
    ///
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("piped in"))]);
    /// assert!(!Body::once(chunks, Some(8)).is_replayable());
    /// ```
    pub fn once<S, E>(chunks: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self::of(Kind::Once(Box::new(Once(Mutex::new(Some(to_stream(chunks))), length))))
    }

    /// A body that is created again for each send.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::stream;
    /// use rekindle::client::Body;
    ///
    /// let lines = || stream::iter(["a\n", "b\n"].map(|line| Ok::<_, std::io::Error>(Bytes::from(line))));
    /// assert!(Body::factory(lines, Some(4)).is_replayable());
    /// ```
    pub fn factory<F, S, E>(make: F, length: Option<u64>) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self::of(Kind::Factory(Box::new(Factory(Box::new(move || to_stream(make())), length))))
    }

    /// Whether the body can be sent twice.
    ///
    /// ```
    /// use rekindle::client::Body;
    ///
    /// assert!(Body::from("text").is_replayable());
    /// assert!(Body::default().is_replayable());
    /// ```
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        matches!(self.kind, Kind::Empty | Kind::Bytes(_) | Kind::Factory(..))
    }

    /// Whether there is no body.
    ///
    /// ```
    /// use rekindle::client::Body;
    ///
    /// assert!(Body::default().is_empty());
    /// assert!(!Body::from("").is_empty()); // a body of no bytes is one
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.kind, Kind::Empty)
    }

    fn of(kind: Kind) -> Self {
        Self { kind, upload: None }
    }

    /// The body for one send; `None` if it was sent and cannot be sent again. The previous send must be over:
    /// [`stop`](Self::stop).
    pub(super) fn next(&mut self) -> Option<Outgoing> {
        let (stream, length) = match &mut self.kind {
            Kind::Empty => return Some(Outgoing::Empty),
            Kind::Bytes(bytes) => return Some(Outgoing::Bytes(bytes.clone())),
            Kind::Factory(factory) => ((factory.0)(), factory.1),
            Kind::Once(once) => (once.0.get_mut().take()?, once.1),
        };
        let (upload, reader) = Upload::begin(stream);
        self.upload = Some(upload);
        Some(Outgoing::Stream(reader, length))
    }

    /// Whether a connection may still be reading it.
    pub(super) fn is_under_way(&self) -> bool {
        self.upload.is_some()
    }

    /// Ends the send in progress: afterwards nothing reads the source.
    pub(super) async fn stop(&mut self) {
        let Some(upload) = &self.upload else { return };
        let untouched = upload.stop().await;
        if let Kind::Once(once) = &mut self.kind {
            *once.0.get_mut() = untouched;
        }
        self.upload = None;
    }

    /// Whether it can be sent again after a send that may not have read it.
    pub(super) fn is_left(&self) -> bool {
        self.is_replayable() || self.upload.as_ref().is_some_and(Upload::is_untouched)
    }

    /// The send in progress, for the response to it.
    pub(super) fn upload(&self) -> Option<Upload> {
        self.upload.clone()
    }

    /// The send continues by itself, or ends with its response.
    pub(super) fn hand_over(&mut self) {
        self.upload = None;
        *self = Self::default();
    }

    /// The bytes, if the body consists of bytes.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Empty => "Body(empty)",
            Kind::Bytes(_) => "Body(bytes)",
            Kind::Factory(..) => "Body(factory)",
            Kind::Once(..) => "Body(once)",
        })
    }
}

/// No caller waits for a response any more.
impl Drop for Body {
    fn drop(&mut self) {
        self.upload.take().iter().for_each(Upload::abandon);
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::of(Kind::Bytes(bytes.into()))
    }
}

pub(super) fn to_stream<S, E>(chunks: S) -> ByteStream
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError>,
{
    Box::pin(chunks.map_err(|cause| broken(cause.into())))
}

/// A file that is read while it is sent, without an async file system.
pub(super) fn file(path: PathBuf) -> ByteStream {
    let opened = stream::once(blocking(move || files::open(&path)));
    let chunks = opened.map(|file| match file {
        Ok(file) => stream::try_unfold(file, next_chunk).left_stream(),
        Err(cause) => stream::once(std::future::ready(Err(cause))).right_stream(),
    });
    Box::pin(chunks.flatten())
}

const CHUNK: usize = 64 * 1024;

async fn next_chunk(mut file: files::File) -> Result<Option<(Bytes, files::File)>, TransportError> {
    blocking(move || {
        use std::io::Read;
        let mut buffer = vec![0; CHUNK];
        let read = file.read(&mut buffer)?;
        buffer.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(buffer), file)))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, TransportError> {
    files::off_thread(work).await.map_err(|cause| broken(cause.into()))
}

fn broken(cause: BoxError) -> TransportError {
    let message = "the request's body could not be read to its end";
    TransportError::new(Sent::Maybe, message).with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(outgoing: Outgoing) -> Vec<u8> {
        match outgoing {
            Outgoing::Empty => Vec::new(),
            Outgoing::Bytes(bytes) => bytes.to_vec(),
            Outgoing::Stream(stream, _) => stream.try_collect::<Vec<_>>().await.unwrap().concat(),
        }
    }

    #[tokio::test]
    async fn a_one_shot_body_comes_once_and_is_never_empty_afterwards() {
        let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("once"))]);
        let mut body = Body::once(chunks, None);
        assert!(!body.is_replayable());
        assert_eq!(read(body.next().unwrap()).await, b"once");
        body.stop().await;
        assert!(body.next().is_none());
        assert!(!body.is_replayable() && !body.is_empty());
    }

    // A pooled connection that was found closed has not read anything.
    #[tokio::test]
    async fn a_one_shot_body_that_nobody_read_can_still_be_sent() {
        let mut body = Body::once(stream::iter([Ok::<_, std::io::Error>(Bytes::from("once"))]), None);
        drop(body.next().unwrap());
        assert!(body.is_left());
        body.stop().await;
        assert_eq!(read(body.next().unwrap()).await, b"once");
        assert!(!body.is_left());
    }

    #[tokio::test]
    async fn a_factory_makes_the_body_each_time() {
        let make = || stream::iter([Ok::<_, std::io::Error>(Bytes::from("again"))]);
        let mut body = Body::factory(make, Some(5));
        for _ in 0..3 {
            assert_eq!(read(body.next().unwrap()).await, b"again");
        }
    }

    #[tokio::test]
    async fn a_file_is_read_whole_and_a_missing_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::write(&path, vec![7; 3 * CHUNK + 1]).unwrap();
        assert_eq!(read(Outgoing::Stream(file(path), None)).await.len(), 3 * CHUNK + 1);
        let missing = file(folder.path().join("none")).next().await.unwrap();
        assert!(missing.unwrap_err().to_string().contains("body"));
    }
}
