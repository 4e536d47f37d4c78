//! gzip (RFC 1952), and responses that lack their Content-Encoding.

use std::io::{self, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzDecoder;

use super::Decoder;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The maximum number of nested compressions: one proxy may compress what another one has compressed.
const LAYERS: usize = 3;

/// Decompresses a complete body that begins as gzip: JSON and forms do not begin like that, and a proxy may have
/// removed the header. `None` if it is damaged, or longer than `most`.
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

/// The decoder uses a buffer of 32 KiB for each call.
pub(super) struct Gunzip(GzDecoder<Vec<u8>>);

impl Gunzip {
    pub(super) fn new() -> Self {
        Self(GzDecoder::new(Vec::new()))
    }
}

impl Decoder for Gunzip {
    fn decode(&mut self, coded: &[u8]) -> io::Result<(usize, Vec<u8>)> {
        if coded.is_empty() {
            return Ok((0, Vec::new()));
        }
        let taken = match self.0.write(coded)? {
            // Data after the end of the gzip stream is padding.
            0 => coded.len(),
            taken => taken,
        };
        Ok((taken, std::mem::take(self.0.get_mut())))
    }

    fn end(&mut self, _: &[u8]) -> io::Result<Vec<u8>> {
        self.0.try_finish()?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}
