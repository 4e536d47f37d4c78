//! Bodies: the host's, read from here, and ours, read by the host's transport.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use rekindle::client::{self, Body, Form, RequestBuilder};
use rekindle::transport::{ByteStream, Sent, TransportError};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use crate::error::RekindleError;
use crate::records::Header;

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
    /// JSON, as `application/json` unless the headers say otherwise.
    Json {
        /// The text.
        text: String,
    },
    /// A form, as `application/x-www-form-urlencoded`.
    Form {
        /// Its fields.
        fields: Vec<Header>,
    },
    /// A form with files, as `multipart/form-data`.
    Multipart {
        /// Its parts.
        parts: Vec<Part>,
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

/// A part of a multipart form.
#[derive(uniffi::Record)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// What it holds.
    pub content: PartContent,
    /// The name of the file that it is.
    #[uniffi(default = None)]
    pub file_name: Option<String>,
    /// Its media type.
    #[uniffi(default = None)]
    pub content_type: Option<String>,
}

/// What a part holds.
#[derive(uniffi::Enum)]
pub enum PartContent {
    /// These bytes.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file, read as it goes out.
    File {
        /// Its path.
        path: String,
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

/// A body of ours, for a transport of the host's. It can be read once.
#[derive(uniffi::Object)]
pub struct OutgoingBody {
    /// Nothing once its end was told, or it broke: who reads on would take what is left for all of it.
    stream: Mutex<Option<ByteStream>>,
    length: Option<u64>,
}

#[uniffi::export]
impl OutgoingBody {
    /// The next piece; nothing at the end.
    ///
    /// # Errors
    ///
    /// It cannot be read to its end, or was: the request must not be completed.
    pub async fn next(&self) -> Result<Option<Vec<u8>>, BodyFailure> {
        let mut stream = self.stream.lock().await;
        let chunk = match stream.as_mut() {
            Some(stream) => stream.next().await,
            None => return Err(BodyFailure::failed("the request's body has been read: it comes once")),
        };
        if !matches!(chunk, Some(Ok(_))) {
            *stream = None;
        }
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
        Self { stream: Mutex::new(Some(stream)), length }
    }
}

impl RequestBody {
    pub(crate) fn put(self, request: RequestBuilder) -> Result<RequestBuilder, RekindleError> {
        Ok(match self {
            Self::Empty => request,
            Self::Bytes { bytes } => request.body(bytes),
            Self::Json { text } => {
                let json: Box<RawValue> =
                    serde_json::from_str(&text).map_err(|_| RekindleError::config("json", "not JSON"))?;
                request.json(&json)
            }
            Self::Form { fields } => {
                let pairs: Vec<_> = fields.iter().map(|one| (&one.name, &one.value)).collect();
                request.form(&pairs)
            }
            Self::Multipart { parts } => request.multipart(parts.into_iter().fold(Form::new(), Part::put)),
            Self::Once { source, length } => request.body(Body::once(pieces(Ok(source)), length)),
            Self::Factory { factory, length } => {
                request.body(Body::factory(move || pieces(factory.open()), length))
            }
        })
    }
}

impl Part {
    fn put(form: Form, part: Self) -> Form {
        let made = match part.content {
            PartContent::Bytes { bytes } => client::Part::bytes(bytes),
            PartContent::File { path } => client::Part::file(path),
        };
        let made = part.file_name.into_iter().fold(made, client::Part::file_name);
        form.part(part.name, part.content_type.into_iter().fold(made, client::Part::content_type))
    }
}

/// What a source gives, as a transport's answer.
pub(crate) fn incoming(source: Arc<dyn BodySource>) -> ByteStream {
    let broken = |error: BodyFailure| TransportError::new(Sent::Maybe, error.to_string());
    Box::pin(pieces(Ok(source)).map(move |piece| piece.map_err(broken)))
}

fn pieces(
    opened: Result<Arc<dyn BodySource>, BodyFailure>,
) -> impl Stream<Item = Result<Bytes, BodyFailure>> + Send {
    stream::try_unfold(opened.map(OpenBody), |held| async move {
        let held = held?;
        Ok(held.0.next().await?.map(|piece| (Bytes::from(piece), Ok(held))))
    })
}

/// Lets the source go when nobody reads on.
struct OpenBody(Arc<dyn BodySource>);

impl Drop for OpenBody {
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
        Self::failed("the body's source threw an undeclared exception")
    }
}
