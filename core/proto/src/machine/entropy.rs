//! Random numbers from a seed, so that every run can be repeated.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// A stream of random numbers from one seed: SHA-256 over a counter.
#[derive(Clone)]
pub struct Entropy {
    seed: [u8; 32],
    count: u64,
}

impl Entropy {
    /// Starts the stream. The engine's seed comes from the operating system, a test's from the test.
    ///
    /// ```
    /// use rekindle_proto::machine::Entropy;
    ///
    /// let entropy = Entropy::new([7; 32]);
    /// assert_eq!(format!("{entropy:?}"), "Entropy"); // the seed stays inside
    /// ```
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }

    /// Fills a buffer with random bytes.
    ///
    /// ```
    /// use rekindle_proto::machine::Entropy;
    ///
    /// let mut bytes = [0; 40];
    /// Entropy::new([7; 32]).fill(&mut bytes);
    /// assert_ne!(bytes[..20], bytes[20..]);
    /// ```
    pub fn fill(&mut self, into: &mut [u8]) {
        for chunk in into.chunks_mut(32) {
            chunk.copy_from_slice(&self.block()[..chunk.len()]);
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.block()[..8].try_into().unwrap_or_default())
    }

    /// In `[0, 1)`.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A random duration between zero and `most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.fraction())
    }

    /// 128 random bits in hex: the id of a lineage or an owner.
    pub(crate) fn id(&mut self) -> String {
        self.block()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn block(&mut self) -> [u8; 32] {
        self.count += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.count.to_le_bytes()).finalize().into()
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}
