//! Content codings (RFC 9110 section 8.4.1): what to request, and how to decode bodies.

#[cfg(feature = "brotli")]
mod brotli;
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue};

pub(crate) use self::gzip::unlabelled;
use super::{ByteStream, Sent, TransportError};

/// The approximate maximum size of a decoded piece, however small its input was.
#[cfg(any(feature = "brotli", feature = "zstd", test))]
const PIECE: usize = 64 * 1024;

/// The supported codings, in the order of preference.
const ACCEPTED: &str = match (cfg!(feature = "zstd"), cfg!(feature = "brotli")) {
    (true, true) => "zstd, br, gzip",
    (true, false) => "zstd, gzip",
    (false, true) => "br, gzip",
    (false, false) => "gzip",
};

/// Requests the supported codings, unless the caller requested others, or a range: a part of a compressed body cannot
/// be decoded.
pub(super) fn ask(headers: &mut HeaderMap) {
    if !headers.contains_key(RANGE) {
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(ACCEPTED));
    }
}

/// Decodes a body if its headers name a supported coding; afterwards the headers describe the decoded body.
pub(super) fn decoded(headers: &mut HeaderMap, body: ByteStream) -> ByteStream {
    let Some((name, decoder)) = decoder(headers) else { return body };
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    let coded = BytesMut::new();
    Box::pin(Decoded { body: Some(body), coded, has_begun: false, decoder: Some(decoder), name })
}

fn decoder(headers: &HeaderMap) -> Option<(&'static str, Box<dyn Decoder>)> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let coding = codings.next()?.to_str().ok()?.trim().to_ascii_lowercase();
    if codings.next().is_some() {
        return None;
    }
    Some(match coding.as_str() {
        "gzip" | "x-gzip" => ("gzip", Box::new(gzip::Gunzip::new())),
        #[cfg(feature = "brotli")]
        "br" => ("br", Box::new(brotli::Unbrotli::new())),
        #[cfg(feature = "zstd")]
        "zstd" => ("zstd", Box::new(zstd::Unzstd::new())),
        _ => return None,
    })
}

/// One coding. Its input is the received data that it has not consumed yet.
trait Decoder: Send {
    /// Consumes the beginning of `coded`, and returns how much of it, and the output: about [`PIECE`] at most. If it
    /// does neither, it needs more input.
    fn decode(&mut self, coded: &[u8]) -> io::Result<(usize, Vec<u8>)>;

    /// Called at the end of the body with the rest that [`Decoder::decode`] did not consume: returns the remaining
    /// output, or an error for a truncated body.
    fn end(&mut self, coded: &[u8]) -> io::Result<Vec<u8>>;
}

struct Decoded {
    /// `None` once the body has ended.
    body: Option<ByteStream>,
    /// The data that was received and not consumed yet.
    coded: BytesMut,
    /// Whether any data was received: the response to a HEAD names a coding and has no body.
    has_begun: bool,
    /// `None` once the end, or an error, was reported.
    decoder: Option<Box<dyn Decoder>>,
    name: &'static str,
}

impl Stream for Decoded {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while let Some(decoder) = &mut this.decoder {
            match decoder.decode(&this.coded) {
                Ok((0, piece)) if piece.is_empty() => {}
                Ok((taken, piece)) => {
                    this.coded.advance(taken);
                    if piece.is_empty() {
                        continue;
                    }
                    return Poll::Ready(Some(Ok(piece.into())));
                }
                Err(cause) => {
                    this.decoder = None;
                    return Poll::Ready(Some(Err(broken(this.name, cause))));
                }
            }
            let Some(body) = &mut this.body else { return Poll::Ready(this.rest()) };
            match ready!(body.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => {
                    this.has_begun |= !chunk.is_empty();
                    this.coded.extend_from_slice(&chunk);
                }
                Some(Err(cause)) => {
                    this.decoder = None;
                    return Poll::Ready(Some(Err(cause)));
                }
                None => this.body = None,
            }
        }
        Poll::Ready(None)
    }
}

impl Decoded {
    /// The remaining output once the body has ended.
    fn rest(&mut self) -> Option<Result<Bytes, TransportError>> {
        let mut decoder = self.decoder.take().filter(|_| self.has_begun)?;
        match decoder.end(&self.coded) {
            Ok(rest) if rest.is_empty() => None,
            rest => Some(rest.map(Bytes::from).map_err(|cause| broken(self.name, cause))),
        }
    }
}

fn broken(name: &str, cause: io::Error) -> TransportError {
    let message = format!("the body is labelled as {name}, but is not, or is truncated");
    TransportError::new(Sent::Maybe, message).with_source(cause)
}

#[cfg(any(feature = "brotli", feature = "zstd"))]
fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(any(feature = "brotli", feature = "zstd"))]
fn truncated() -> io::Error {
    io::Error::from(io::ErrorKind::UnexpectedEof)
}

#[cfg(test)]
mod tests;
