//! Bodies on their way out, and whether they can be sent twice (spec 3.4).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::lock::Mutex;
use crate::platform::files;
use crate::transport::{BoxError, ByteStream, Outgoing, Sent, TransportError};

/// The body of a request.
///
/// Bytes and factories are replayable: a request whose token was turned away is sent again. A one-shot
/// stream is not: its request is never sent twice, and never sent empty.
///
/// ```
/// use rekindle::client::Body;
///
/// assert!(Body::from("text").is_replayable());
/// assert!(Body::default().is_empty());
/// ```
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Factory(Arc<dyn Fn() -> ByteStream + Send + Sync>, Option<u64>),
    Once(Mutex<ByteStream>, Option<u64>),
    Gone,
}

impl Body {
    /// A body that comes once. `length` is sent as Content-Length; without it the body goes in chunks.
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
        Self(Kind::Once(Mutex::new(to_stream(chunks)), length))
    }

    /// A body that is made anew for each send.
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
        Self(Kind::Factory(Arc::new(move || to_stream(make())), length))
    }

    /// Whether it can be sent twice.
    ///
    /// ```
    /// use rekindle::client::Body;
    ///
    /// assert!(Body::from("text").is_replayable());
    /// assert!(Body::default().is_replayable());
    /// ```
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        matches!(self.0, Kind::Empty | Kind::Bytes(_) | Kind::Factory(..))
    }

    /// Whether there is none.
    ///
    /// ```
    /// use rekindle::client::Body;
    ///
    /// assert!(Body::default().is_empty());
    /// assert!(!Body::from("").is_empty()); // a body of no bytes is one
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// The body for one send; `None` if it was sent and cannot be sent again.
    pub(super) fn next(&mut self) -> Option<Outgoing> {
        match &self.0 {
            Kind::Empty => Some(Outgoing::Empty),
            Kind::Bytes(bytes) => Some(Outgoing::Bytes(bytes.clone())),
            Kind::Factory(make, length) => Some(Outgoing::Stream(make(), *length)),
            Kind::Once(..) | Kind::Gone => match std::mem::replace(&mut self.0, Kind::Gone) {
                Kind::Once(stream, length) => Some(Outgoing::Stream(stream.into_inner(), length)),
                _ => None,
            },
        }
    }

    /// The bytes, if that is what it is made of.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Empty => "Body(empty)",
            Kind::Bytes(_) => "Body(bytes)",
            Kind::Factory(..) => "Body(factory)",
            Kind::Once(..) => "Body(once)",
            Kind::Gone => "Body(gone)",
        })
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

pub(super) fn to_stream<S, E>(chunks: S) -> ByteStream
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError>,
{
    Box::pin(chunks.map_err(|cause| broken(cause.into())))
}

/// A file, read as it goes out, without an async file system.
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
    let message = "the request's body could not be read to its end".to_owned();
    TransportError { sent: Sent::Maybe, message, source: Some(cause) }
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
        assert!(body.next().is_none());
        assert!(!body.is_replayable() && !body.is_empty());
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
