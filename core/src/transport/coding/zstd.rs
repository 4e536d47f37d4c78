//! Zstandard (RFC 8878), with the window limit for content codings (RFC 9659).

use std::io::{self, Read};

use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::{Decoder, PIECE, invalid, truncated};

/// RFC 9659 section 3.
const MAX_WINDOW: u64 = 8 * 1024 * 1024;
/// The longest header of a frame (RFC 8878 section 3.1.1).
const LONGEST_HEADER: usize = 18;
/// The header of a block (RFC 8878 section 3.1.1.2).
const BLOCK_HEADER: usize = 3;
const CHECKSUM: usize = 4;
/// What precedes the content of a skippable frame: a magic number and a length.
const SKIPPED_HEADER: usize = 8;

pub(super) struct Unzstd {
    decoder: FrameDecoder,
    place: Place,
}

/// The position of the next byte.
#[derive(Clone, Copy)]
enum Place {
    BetweenFrames,
    InFrame {
        has_checksum: bool,
    },
    /// The number of remaining bytes of a skippable frame.
    Skipped(usize),
}

impl Unzstd {
    pub(super) fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { decoder, place: Place::BetweenFrames }
    }

    /// Reads the length of a frame's header.
    fn begin(&mut self, coded: &[u8]) -> io::Result<usize> {
        let mut rest = coded;
        match self.decoder.reset(&mut rest) {
            Ok(()) => {
                // The descriptor follows the magic number; its third bit says that there is a checksum.
                self.place = Place::InFrame { has_checksum: coded[4] & 4 != 0 };
                Ok(coded.len() - rest.len())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                self.place = Place::Skipped(usize::try_from(length).unwrap_or(usize::MAX));
                Ok(SKIPPED_HEADER)
            }
            Err(cause) => Err(invalid(cause)),
        }
    }

    /// Decodes one block, if all of it was received.
    fn block(&mut self, coded: &[u8], has_checksum: bool) -> io::Result<usize> {
        let Some(length) = block_length(coded, has_checksum).filter(|length| *length <= coded.len()) else {
            return Ok(0);
        };
        let (taken, _) = self.decoder.decode_from_to(&coded[..length], &mut []).map_err(invalid)?;
        if self.decoder.is_finished() {
            self.place = Place::BetweenFrames;
        }
        Ok(taken)
    }

    fn drained(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE.min(self.decoder.can_collect())];
        let made = self.decoder.read(&mut piece)?;
        piece.truncate(made);
        Ok(piece)
    }
}

impl Decoder for Unzstd {
    fn decode(&mut self, coded: &[u8]) -> io::Result<(usize, Vec<u8>)> {
        if self.decoder.can_collect() > 0 {
            return Ok((0, self.drained()?));
        }
        let taken = match self.place {
            Place::BetweenFrames if coded.len() < LONGEST_HEADER => 0,
            Place::BetweenFrames => self.begin(coded)?,
            Place::InFrame { has_checksum } => self.block(coded, has_checksum)?,
            Place::Skipped(0) => {
                self.place = Place::BetweenFrames;
                return self.decode(coded);
            }
            Place::Skipped(left) => {
                let taken = left.min(coded.len());
                self.place = Place::Skipped(left - taken);
                taken
            }
        };
        Ok((taken, Vec::new()))
    }

    /// A short frame is shorter than the longest header, so it is read here.
    fn end(&mut self, mut coded: &[u8]) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while !coded.is_empty() {
            let taken = match self.place {
                Place::BetweenFrames => self.begin(coded)?,
                Place::InFrame { has_checksum } => self.block(coded, has_checksum)?,
                Place::Skipped(left) if left <= coded.len() => {
                    self.place = Place::BetweenFrames;
                    left
                }
                Place::Skipped(_) => 0,
            };
            if taken == 0 && !matches!(self.place, Place::BetweenFrames) {
                return Err(truncated());
            }
            coded = &coded[taken..];
            while self.decoder.can_collect() > 0 {
                whole.append(&mut self.drained()?);
            }
        }
        match self.place {
            Place::BetweenFrames | Place::Skipped(0) => Ok(whole),
            Place::InFrame { .. } | Place::Skipped(_) => Err(truncated()),
        }
    }
}

/// The length of the block at the start of `coded`, with the checksum after the last one; `None` while its header is
/// incomplete.
fn block_length(coded: &[u8], has_checksum: bool) -> Option<usize> {
    let [a, b, c] = *coded.first_chunk::<BLOCK_HEADER>()?;
    let header = u32::from_le_bytes([a, b, c, 0]);
    let (is_last, kind, size) = (header & 1 == 1, (header >> 1) & 3, header >> 3);
    // A block of one repeated byte (kind 1) names how often it is repeated.
    let content = if kind == 1 { 1 } else { usize::try_from(size).ok()? };
    Some(BLOCK_HEADER + content + if is_last && has_checksum { CHECKSUM } else { 0 })
}
