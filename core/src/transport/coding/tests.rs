use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::*;

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn labelled(coding: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))])
}

fn stream_of(coded: &[u8], size: usize) -> ByteStream {
    let chunks: Vec<_> = coded.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Box::pin(stream::iter(chunks))
}

async fn read(
    coding: &'static str,
    coded: &[u8],
    size: usize,
) -> (HeaderMap, Result<Vec<u8>, TransportError>) {
    let mut headers = labelled(coding);
    let body = decoded(&mut headers, stream_of(coded, size));
    let plain = body.try_collect::<Vec<_>>().await.map(|chunks| chunks.concat());
    (headers, plain)
}

/// The longest piece, and how long they are in all.
async fn pieces(coding: &'static str, coded: &[u8]) -> (usize, usize) {
    let body = decoded(&mut labelled(coding), stream_of(coded, coded.len()));
    let lengths: Vec<usize> = body.map(|piece| piece.unwrap().len()).collect().await;
    (lengths.iter().copied().max().unwrap(), lengths.iter().sum())
}

// spec 11.5
#[tokio::test]
async fn gzip_is_known_by_all_its_names_in_chunks_of_any_size() {
    let plain = b"a body of some length ".repeat(500);
    for coding in ["gzip", "GZIP", "x-gzip", " X-GZip "] {
        for size in [1, 7, 100_000] {
            let (headers, body) = read(coding, &gzipped(&plain), size).await;
            assert!(body.unwrap() == plain && headers.is_empty(), "{coding} in {size}");
        }
    }
    let (headers, body) = read("compress", b"other", 3).await;
    assert_eq!((body.unwrap().as_slice(), headers.len()), (b"other".as_slice(), 1));
}

#[tokio::test]
async fn a_coding_without_a_body_is_an_empty_body_and_a_cut_one_is_an_error() {
    assert!(read("gzip", b"", 1).await.1.unwrap().is_empty());
    let whole = gzipped(b"a body of some length");
    for length in 1..whole.len() {
        assert!(read("gzip", &whole[..length], 4).await.1.is_err(), "{length}");
    }
    assert!(read("gzip", b"plain text", 4).await.1.is_err());
    assert_eq!(read("gzip", &[whole, vec![0; 512]].concat(), 9).await.1.unwrap(), b"a body of some length");
}

#[tokio::test]
async fn after_an_error_there_is_an_end() {
    let mut headers = labelled("gzip");
    let mut body = decoded(&mut headers, Box::pin(stream::iter([Ok(Bytes::from_static(b"plain text"))])));
    assert!(body.next().await.unwrap().is_err());
    assert!(body.next().await.is_none());
}

// spec 11.5
#[tokio::test]
async fn a_piece_of_a_compressed_body_is_small_however_much_it_unfolds_to() {
    let (longest, all) = pieces("gzip", &gzipped(&vec![0; 20_000_000])).await;
    assert_eq!(all, 20_000_000);
    assert!(longest <= 2 * PIECE, "{longest}");
}

#[test]
fn what_begins_as_gzip_is_read_as_gzip_up_to_a_limit() {
    assert_eq!(unlabelled(b"{}".to_vec(), 10).unwrap(), b"{}");
    assert_eq!(unlabelled(gzipped(b"{}"), 10).unwrap(), b"{}");
    assert_eq!(unlabelled(gzipped(&gzipped(b"{}")), 100).unwrap(), b"{}");
    assert!(unlabelled(gzipped(&[b' '; 11]), 10).is_none());
    let whole = gzipped(b"{}");
    assert!(unlabelled(whole[..whole.len() - 1].to_vec(), 10).is_none());
}

/// As other implementations' encoders made them, of `a body of some length ` 500 times.
#[cfg(any(feature = "brotli", feature = "zstd"))]
async fn of_another_encoder(coding: &'static str, coded: &str) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let coded = STANDARD.decode(coded).unwrap();
    let plain = b"a body of some length ".repeat(500);
    for size in [1, 7, 100_000] {
        let (headers, body) = read(coding, &coded, size).await;
        assert!(body.unwrap() == plain && headers.is_empty(), "{coding} in {size}");
    }
    for length in 1..coded.len() {
        assert!(read(coding, &coded[..length], 4).await.1.is_err(), "{coding}, {length}");
    }
    assert!(read(coding, b"", 1).await.1.unwrap().is_empty());
    assert!(read(coding, b"plain text of some length", 4).await.1.is_err());
}

// spec 11.5
#[cfg(feature = "brotli")]
#[tokio::test]
async fn brotli_is_read_and_a_cut_one_is_an_error() {
    of_another_encoder("br", "G/cq+I2Ubt5EGfY2lyBlbdkIK49lCUj4w43daU4RAAA=").await;
}

// spec 11.5
#[cfg(feature = "brotli")]
#[tokio::test]
async fn twenty_million_bytes_of_brotli_come_in_small_pieces() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let coded = "y///P/gnAOKxQCD3/o///3/wTwDEYRGA7v1f/rPE4J8AiMMCAF2SGA==";
    let (longest, all) = pieces("br", &STANDARD.decode(coded).unwrap()).await;
    assert_eq!(all, 20_000_000);
    assert!(longest <= PIECE, "{longest}");
}

// spec 11.5
#[cfg(feature = "zstd")]
#[tokio::test]
async fn zstd_is_read_with_and_without_a_checksum_and_a_cut_one_is_an_error() {
    of_another_encoder("zstd", "KLUv/QRY9QAAsGEgYm9keSBvZiBzb21lIGxlbmd0aCABAL5V8rMJOlh17A==").await;
    of_another_encoder("zstd", "KLUv/QBY9QAAsGEgYm9keSBvZiBzb21lIGxlbmd0aCABAL5V8rMJ").await;
}

#[cfg(feature = "zstd")]
const EMPTY_ZSTD: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];

/// A frame of blocks that repeat one byte 128 KiB times each.
#[cfg(feature = "zstd")]
fn repeated(blocks: u32, window: u8) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    for block in 0..blocks {
        let header = ((128 * 1024) << 3) | (1 << 1) | u32::from(block + 1 == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b'x');
    }
    frame
}

// spec 11.5
#[cfg(feature = "zstd")]
#[tokio::test]
async fn a_hundred_megabytes_of_zstd_come_in_small_pieces_and_a_larger_window_is_refused() {
    let (longest, all) = pieces("zstd", &repeated(800, 0x58)).await;
    assert_eq!(all, 800 * 128 * 1024);
    assert!(longest <= PIECE, "{longest}");
    // 8 MiB is what a content coding may ask for (RFC 9659); the next size is refused before anything is kept for it.
    assert!(read("zstd", &repeated(3, 0x68), 64).await.1.is_ok());
    assert!(read("zstd", &repeated(3, 0x69), 64).await.1.is_err());
}

#[cfg(feature = "zstd")]
#[tokio::test]
async fn frames_of_zstd_follow_each_other_and_those_to_skip_are_skipped() {
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat();
    let whole = [repeated(1, 0x58), skipped.clone(), EMPTY_ZSTD.to_vec(), repeated(1, 0x58)].concat();
    for size in [1, 10, 1000] {
        assert_eq!(read("zstd", &whole, size).await.1.unwrap().len(), 2 * 128 * 1024, "{size}");
        assert!(read("zstd", &skipped, size).await.1.unwrap().is_empty(), "{size}");
        assert!(read("zstd", &skipped[..12], size).await.1.is_err(), "{size}");
        assert!(read("zstd", &EMPTY_ZSTD, size).await.1.unwrap().is_empty(), "{size}");
    }
}
