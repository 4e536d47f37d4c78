//! Brotli (RFC 7932).

use std::io;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Decoder, PIECE, invalid, truncated};

pub(super) struct Unbrotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    /// The last piece was full: there may be more output without further input.
    has_more: bool,
    has_ended: bool,
}

impl Unbrotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        // Strict, because windows of more than 16 MiB are not part of RFC 7932.
        Self {
            state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())),
            has_more: false,
            has_ended: false,
        }
    }
}

impl Decoder for Unbrotli {
    fn decode(&mut self, coded: &[u8]) -> io::Result<(usize, Vec<u8>)> {
        if self.has_ended {
            // Data after the end is not part of the body.
            return Ok((coded.len(), Vec::new()));
        }
        if coded.is_empty() && !self.has_more {
            return Ok((0, Vec::new()));
        }
        let (mut left, mut taken) = (coded.len(), 0);
        let mut piece = vec![0; PIECE];
        let (mut room, mut made, mut in_all) = (PIECE, 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            coded,
            &mut room,
            &mut made,
            &mut piece,
            &mut in_all,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(invalid("no brotli")),
            BrotliResult::ResultSuccess => self.has_ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        self.has_more = matches!(result, BrotliResult::NeedsMoreOutput);
        piece.truncate(made);
        Ok((taken, piece))
    }

    fn end(&mut self, _: &[u8]) -> io::Result<Vec<u8>> {
        if self.has_ended { Ok(Vec::new()) } else { Err(truncated()) }
    }
}
