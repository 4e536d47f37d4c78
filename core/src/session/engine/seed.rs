//! The seeds of sessions with the same key: the existing one, and those that are passed later.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rekindle_proto::{Credential, ErrorKind, Failure, Secret};
use sha2::{Digest as _, Sha256};

use super::Engine;

impl Engine {
    /// The session is requested with this seed. An existing seed has precedence, so a different one is an error: it
    /// might be another user's.
    pub(crate) fn accept_seed(self: &Arc<Self>, seed: Option<Credential>) -> Result<(), Failure> {
        let Some(seed) = seed else { return Ok(()) };
        match self.seeded_with.compare_exchange(0, seed_tag(&seed), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.seed.store(Some(Arc::new((seed.clone(), self.setup.clock.now()))));
                self.ask(|machine, now| machine.offer_seed(seed, now));
                Ok(())
            }
            Err(known) if known == seed_tag(&seed) => Ok(()),
            Err(_) => Err(other_seed()),
        }
    }

    /// Like [`Engine::accept_seed`], without storing it.
    pub(crate) fn check_seed(&self, seed: Option<&Credential>) -> Result<(), Failure> {
        match (self.seeded_with.load(Ordering::Acquire), seed.map(seed_tag)) {
            (0, _) | (_, None) => Ok(()),
            (known, Some(given)) if known == given => Ok(()),
            _ => Err(other_seed()),
        }
    }
}

/// A tag that distinguishes seeds, never 0. It does not reveal the tokens.
pub(super) fn seed_tag(seed: &Credential) -> u64 {
    let token = seed.refresh_token.as_ref().or(seed.access_token.as_ref());
    let digest = Sha256::digest(token.map_or("", Secret::expose));
    u64::from_le_bytes(std::array::from_fn(|place| digest[place])).max(1)
}

fn other_seed() -> Failure {
    Failure::new(
        ErrorKind::InvalidConfig,
        "a session of this process with the same store and key was created with another credential: give each user a key or \
         a store of its own; for the same user's new tokens, call sign_in",
    )
}
