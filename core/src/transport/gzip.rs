//! Content codings: gzip by any of its names (RFC 9110 section 8.4.1), and answers that lost their label.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzDecoder;
use futures_core::Stream;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue};

use super::{ByteStream, Sent, TransportError};

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Compressed by a proxy on the way, and once more by the next one: more than these nobody does in good faith.
const LAYERS: usize = 3;

/// A body that is read whole, without the gzip that it begins with: JSON and forms do not begin so, and a proxy may have
/// removed the header that says it. `None` if it is broken, or longer than `most`.
pub(crate) fn unlabelled(mut body: Vec<u8>, most: usize) -> Option<Vec<u8>> {
    for _ in 0..LAYERS {
        if !body.starts_with(&MAGIC) {
            break;
        }
        let mut plain = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        MultiGzDecoder::new(body.as_slice()).take(limit).read_to_end(&mut plain).ok()?;
        body = plain;
    }
    (body.len() <= most).then_some(body)
}

/// Asks for it, unless the caller asked for something else. A part of a gzip is none.
pub(super) fn ask(headers: &mut HeaderMap) {
    if !headers.contains_key(RANGE) {
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
    }
}

/// The body without the coding that its headers name, if that is gzip; the headers speak of the plain body then.
pub(super) fn decoded(headers: &mut HeaderMap, body: ByteStream) -> ByteStream {
    if !is_gzip(headers) {
        return body;
    }
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Box::pin(Gunzip { body, decoder: Some(GzDecoder::new(Vec::new())), begun: false })
}

fn is_gzip(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let coding = codings.next().map(|value| value.as_bytes().trim_ascii());
    let named = |name: &[u8]| coding.is_some_and(|coding| coding.eq_ignore_ascii_case(name));
    (named(b"gzip") || named(b"x-gzip")) && codings.next().is_none()
}

struct Gunzip {
    body: ByteStream,
    /// Nothing once the end has been told, or an error.
    decoder: Option<GzDecoder<Vec<u8>>>,
    /// Whether anything came: the answer to a HEAD names a coding and has no body.
    begun: bool,
}

impl Stream for Gunzip {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while let Some(decoder) = &mut this.decoder {
            let plain = match ready!(this.body.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => {
                    let plain = fed(decoder, &chunk);
                    this.begun |= !chunk.is_empty();
                    plain
                }
                Some(Err(cause)) => {
                    this.decoder = None;
                    return Poll::Ready(Some(Err(cause)));
                }
                None if !this.begun => return Poll::Ready(None),
                None => {
                    let ended = decoder.try_finish().map(|()| std::mem::take(decoder.get_mut()));
                    this.decoder = None;
                    ended
                }
            };
            match plain {
                Ok(plain) if plain.is_empty() => {}
                Ok(plain) => return Poll::Ready(Some(Ok(plain.into()))),
                Err(cause) => {
                    this.decoder = None;
                    return Poll::Ready(Some(Err(broken(cause))));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// What becomes of a chunk. What follows the end of the gzip is padding.
fn fed(decoder: &mut GzDecoder<Vec<u8>>, mut chunk: &[u8]) -> io::Result<Vec<u8>> {
    while !chunk.is_empty() {
        match decoder.write(chunk)? {
            0 => break,
            read => chunk = &chunk[read..],
        }
    }
    Ok(std::mem::take(decoder.get_mut()))
}

fn broken(cause: io::Error) -> TransportError {
    let message = "the body is labelled as gzip, but is not, or is truncated";
    TransportError::new(Sent::Maybe, message).with_source(cause)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::{StreamExt, TryStreamExt, stream};
    use http::HeaderValue;

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    async fn read(
        coding: &'static str,
        bytes: &[u8],
        size: usize,
    ) -> (HeaderMap, Result<Vec<u8>, TransportError>) {
        let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))]);
        let chunks: Vec<_> = bytes.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let body = decoded(&mut headers, Box::pin(stream::iter(chunks)));
        let plain = body.try_collect::<Vec<_>>().await.map(|chunks| chunks.concat());
        (headers, plain)
    }

    // spec 11.5
    #[tokio::test]
    async fn gzip_is_known_by_all_its_names_in_chunks_of_any_size() {
        let plain = b"a body of some length ".repeat(500);
        for coding in ["gzip", "GZIP", "x-gzip", " X-GZip "] {
            for size in [1, 7, 100_000] {
                let (headers, body) = read(coding, &packed(&plain), size).await;
                assert!(body.unwrap() == plain && headers.is_empty(), "{coding} in {size}");
            }
        }
        let (headers, body) = read("br", b"other", 3).await;
        assert_eq!((body.unwrap().as_slice(), headers.len()), (b"other".as_slice(), 1));
    }

    #[tokio::test]
    async fn a_coding_without_a_body_is_an_empty_body_and_a_cut_one_is_an_error() {
        assert!(read("gzip", b"", 1).await.1.unwrap().is_empty());
        let whole = packed(b"a body of some length");
        for length in 1..whole.len() {
            assert!(read("gzip", &whole[..length], 4).await.1.is_err(), "{length}");
        }
        assert!(read("gzip", b"plain text", 4).await.1.is_err());
        assert_eq!(
            read("gzip", &[whole, vec![0; 512]].concat(), 9).await.1.unwrap(),
            b"a body of some length"
        );
    }

    #[tokio::test]
    async fn after_an_error_there_is_an_end() {
        let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let mut body = decoded(&mut headers, Box::pin(stream::iter([Ok(Bytes::from_static(b"plain text"))])));
        assert!(body.next().await.unwrap().is_err());
        assert!(body.next().await.is_none());
    }

    #[test]
    fn what_begins_as_gzip_is_read_as_gzip_up_to_a_limit() {
        assert_eq!(unlabelled(b"{}".to_vec(), 10).unwrap(), b"{}");
        assert_eq!(unlabelled(packed(b"{}"), 10).unwrap(), b"{}");
        assert_eq!(unlabelled(packed(&packed(b"{}")), 100).unwrap(), b"{}");
        assert!(unlabelled(packed(&[b' '; 11]), 10).is_none());
        let whole = packed(b"{}");
        assert!(unlabelled(whole[..whole.len() - 1].to_vec(), 10).is_none());
    }
}
