//! Bodies: the host's, read from here, and ours, read by the host's transport.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use rekindle::client::Body;
use rekindle::transport::{ByteStream, Sent, TransportError};
use tokio::sync::Mutex;

/// The body of a request.
#[derive(uniffi::Enum)]
pub enum RequestBody {
    /// None.
    Empty,
    /// These bytes; they can be sent again.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// What can be read once. A request that carries it is not sent again.
    Once {
        /// Where it comes from.
        source: Arc<dyn BodySource>,
        /// How much it is, if that is known.
        length: Option<u64>,
    },
    /// What can be opened for each send.
    Factory {
        /// What opens it.
        factory: Arc<dyn BodyFactory>,
        /// How much it is, if that is known.
        length: Option<u64>,
    },
}

/// Bytes of the host's, piece by piece.
#[uniffi::export(foreign)]
#[async_trait]
pub trait BodySource: Send + Sync {
    /// The next piece; nothing at the end.
    ///
    /// # Errors
    ///
    /// The body cannot be read to its end.
    async fn next(&self) -> Result<Option<Vec<u8>>, BodyFailure>;

    /// Nobody will read on: whatever holds it may be let go.
    ///
    /// # Errors
    ///
    /// Nobody looks at them.
    fn release(&self) -> Result<(), BodyFailure>;
}

/// Opens a body anew for each send.
#[uniffi::export(foreign)]
pub trait BodyFactory: Send + Sync {
    /// The body from its beginning.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    fn open(&self) -> Result<Arc<dyn BodySource>, BodyFailure>;
}

/// A body broke off.
#[derive(Debug, uniffi::Error)]
pub enum BodyFailure {
    /// Why. It goes into errors: no secrets.
    Failed {
        /// The reason.
        reason: String,
    },
}

/// A body of ours, for a transport of the host's.
#[derive(uniffi::Object)]
pub struct OutgoingBody {
    stream: Mutex<ByteStream>,
    length: Option<u64>,
}

#[uniffi::export]
impl OutgoingBody {
    /// The next piece; nothing at the end.
    ///
    /// # Errors
    ///
    /// It cannot be read to its end: the request must not be completed.
    pub async fn next(&self) -> Result<Option<Vec<u8>>, BodyFailure> {
        let chunk = self.stream.lock().await.next().await;
        chunk
            .transpose()
            .map(|chunk| chunk.map(Vec::from))
            .map_err(|error| BodyFailure::failed(error.message))
    }

    /// How much it is, if that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

impl OutgoingBody {
    pub(crate) fn new(stream: ByteStream, length: Option<u64>) -> Self {
        Self { stream: Mutex::new(stream), length }
    }
}

impl RequestBody {
    pub(crate) fn into_core(self) -> Body {
        match self {
            Self::Empty => Body::default(),
            Self::Bytes { bytes } => Body::from(bytes),
            Self::Once { source, length } => Body::once(pieces(Ok(source)), length),
            Self::Factory { factory, length } => Body::factory(move || pieces(factory.open()), length),
        }
    }
}

/// What a source gives, as a transport's answer.
pub(crate) fn incoming(source: Arc<dyn BodySource>) -> ByteStream {
    let broken =
        |error: BodyFailure| TransportError { sent: Sent::Maybe, message: error.to_string(), source: None };
    Box::pin(pieces(Ok(source)).map(move |piece| piece.map_err(broken)))
}

fn pieces(
    opened: Result<Arc<dyn BodySource>, BodyFailure>,
) -> impl Stream<Item = Result<Bytes, BodyFailure>> + Send {
    stream::try_unfold(opened.map(Held), |held| async move {
        let held = held?;
        Ok(held.0.next().await?.map(|piece| (Bytes::from(piece), Ok(held))))
    })
}

/// Lets the source go when nobody reads on.
struct Held(Arc<dyn BodySource>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.release();
    }
}

impl BodyFailure {
    fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into() }
    }
}

impl fmt::Display for BodyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { reason } = self;
        f.write_str(reason)
    }
}

impl std::error::Error for BodyFailure {}

impl From<uniffi::UnexpectedUniFFICallbackError> for BodyFailure {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::failed("the body's source threw what it does not declare")
    }
}
