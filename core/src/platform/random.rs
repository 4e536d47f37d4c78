//! Randomness, from the operating system or from a host.

#[cfg(not(feature = "runtime"))]
use rekindle_proto::machine::Entropy;
use rekindle_proto::{ErrorKind, Failure};

#[cfg(not(feature = "runtime"))]
use crate::lock::Mutex;

/// Mixed with each host's seed, for objects that are created without a session.
#[cfg(not(feature = "runtime"))]
static HOSTS: Mutex<Option<Entropy>> = Mutex::new(None);

/// Unpredictable bytes.
#[cfg(feature = "runtime")]
pub(crate) fn fill(into: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(into).map_err(|error| none(&error.to_string()))
}

/// Unpredictable bytes.
#[cfg(not(feature = "runtime"))]
pub(crate) fn fill(into: &mut [u8]) -> Result<(), Failure> {
    let mut hosts = HOSTS.lock();
    let entropy = hosts.as_mut().ok_or_else(|| none("no host was made yet"))?;
    entropy.fill(into);
    Ok(())
}

/// An unpredictable number.
pub(crate) fn number() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    fill(&mut bytes).map(|()| u64::from_le_bytes(bytes))
}

/// Adds a host's seed.
#[cfg(feature = "runtime")]
pub(crate) fn stir(_: [u8; 32]) {}

/// Adds a host's seed. The output depends on the seeds of all hosts.
#[cfg(not(feature = "runtime"))]
pub(crate) fn stir(mut seed: [u8; 32]) {
    let mut hosts = HOSTS.lock();
    let mut before = [0; 32];
    if let Some(entropy) = hosts.as_mut() {
        entropy.fill(&mut before);
    }
    seed.iter_mut().zip(before).for_each(|(seed, before)| *seed ^= before);
    // A separate stream from the one that the host's own sessions use.
    let mut entropy = Entropy::new(seed);
    let mut apart = [0; 32];
    entropy.fill(&mut apart);
    *hosts = Some(Entropy::new(apart));
}

fn none(why: &str) -> Failure {
    Failure::new(ErrorKind::System, format!("no randomness is available ({why})"))
}
