//! When the same refresh token may be sent again after its answer was lost: table 6.2 of the spec.

use std::time::Duration;

use super::record::Intent;
use super::shared_time::SharedClock;
use crate::rotation::Rotation;
use crate::time::Now;
use crate::verdict::Lost;

/// What the table allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    /// At once.
    Now,
    /// With the pauses of an ordinary transient failure.
    Paused,
    /// Not before this much time has passed; then at once.
    In(Duration),
    /// Not while the access token is still valid: ends the flight.
    WhenTokenEnds,
    /// Ends the flight, with ordinary back-off.
    BackOff,
}

/// Reads the table. `lost` is how the last send ended, `first_send_cap` how long the first may still run.
pub(crate) fn resend(
    rotation: Rotation,
    intent: &Intent,
    lost: Lost,
    token_valid: bool,
    first_send_cap: Duration,
    clock: (Now, SharedClock<'_>),
) -> Resend {
    let age = intent.first_sent.age(clock.0, clock.1);
    match rotation {
        Rotation::None | Rotation::UntilSuccessorUsed => Resend::Paused,
        Rotation::Grace(grace) if age < grace => Resend::Now,
        _ if intent.sends >= 2 => Resend::BackOff,
        Rotation::StrictFamily if token_valid => Resend::WhenTokenEnds,
        _ if lost == Lost::Broken => Resend::Now,
        _ if age < first_send_cap => Resend::In(first_send_cap - age),
        _ => Resend::Now,
    }
}

/// How long one send may take (spec 4.5): inside a grace there must be time for a second.
pub(crate) fn send_cap(rotation: Rotation, cap: Duration) -> Duration {
    match rotation {
        Rotation::Grace(grace) if !grace.is_zero() => cap.min(grace / 2),
        _ => cap,
    }
}
