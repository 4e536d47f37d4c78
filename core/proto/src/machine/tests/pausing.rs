//! Pauses after refreshes that failed, and what ends them (spec 5.3, 5.8, 4.12).

use std::time::Duration;

use super::serving::served;
use super::world::{LIFETIME, World, api};
use crate::credential::Fingerprint;
use crate::error::ErrorKind;
use crate::machine::{MachineConfig, Stamp};
use crate::rotation::Rotation;
use crate::verdict::{Lost, Outcome, ServerError};

const SECOND: Duration = Duration::from_secs(1);

fn expired(rotation: Rotation) -> World {
    let mut world = served(rotation);
    world.advance(LIFETIME);
    world
}

/// When requests reach the endpoint, in seconds, while somebody asks for a token every second.
fn tries(world: &mut World, seconds: u64) -> Vec<u64> {
    let mut at = Vec::new();
    for second in 0..seconds {
        let before = world.endpoint.requests.len();
        let _ = world.token(0);
        if world.endpoint.requests.len() > before {
            at.push(second);
        }
        world.advance(SECOND);
    }
    at
}

fn longest_gap(tries: &[u64]) -> u64 {
    tries.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

// spec 5.3
#[test]
fn while_callers_come_no_gap_is_longer_than_thirty_seconds() {
    let mut world = expired(Rotation::Strict);
    world.endpoint.script = vec![Outcome::RetrySame { after: None }; 500];
    let tries = tries(&mut world, 600);
    assert!(longest_gap(&tries) <= 40, "{tries:?}"); // with the pauses inside a flight
}

// spec 5.3
#[test]
fn where_nothing_is_sent_the_gaps_are_seconds() {
    let mut world = expired(Rotation::Strict);
    world.endpoint.script = vec![Outcome::NotSent; 2000];
    let tries = tries(&mut world, 300);
    assert!(longest_gap(&tries) <= 6, "{tries:?}");
}

// spec 5.8
#[test]
fn an_answer_of_the_token_endpoints_origin_brings_the_next_try_forward() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME - Duration::from_secs(100));
    world.endpoint.script = vec![Outcome::RetrySame { after: None }; 15];
    // The token is still valid: refreshes in the background fail until the pause is long.
    for _ in 0..40 {
        let _ = world.token(0);
        world.drive();
        if world.ask(0, |machine, now| machine.status(now)).backoff > Some(8 * SECOND) {
            break;
        }
        world.advance(SECOND);
    }
    let request = Stamp::new(&world.token(0).unwrap());
    let before = world.ask(0, |machine, now| machine.status(now)).backoff.unwrap();
    let elsewhere = api(0);
    world.ask(0, |machine, now| machine.accepted(&request, elsewhere.of(), now));
    assert_eq!(world.ask(0, |machine, now| machine.status(now)).backoff, Some(before));
    let here = crate::machine::Origin { id: 1, name: "https://auth.test" };
    world.ask(0, |machine, now| machine.accepted(&request, here, now));
    let after = world.ask(0, |machine, now| machine.status(now)).backoff.unwrap_or_default();
    assert!(after <= 5 * SECOND && after < before, "{after:?}");
    world.endpoint.script.clear();
    world.advance(5 * SECOND);
    world.token(0).unwrap();
    world.drive();
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 5.3
#[test]
fn during_a_pause_everybody_gets_the_first_error_whole() {
    let mut world = expired(Rotation::Strict);
    world.endpoint.says = ServerError {
        oauth_error: Some("temporarily_unavailable".into()),
        status: Some(502),
        message: Some("come back".into()),
        ..ServerError::default()
    };
    world.endpoint.script = vec![Outcome::Lost(Lost::Broken); 50];
    let first = world.token(0).unwrap_err();
    let second = world.token(0).unwrap_err();
    assert_eq!((second.kind, second.status), (ErrorKind::RefreshFailed, Some(502)));
    assert_eq!(second.oauth_error, first.oauth_error);
    assert!(second.message.starts_with(&first.message), "{second} / {first}");
    assert!(first.message.contains("status 502") && first.message.contains("come back"), "{first}");
    // In another process, too.
    let other = world.start(None);
    let third = world.token(other).unwrap_err();
    assert!(third.message.starts_with(&first.message), "{third}");
}

// spec 5.1
#[test]
fn a_stronger_sign_in_is_asked_for_in_the_same_words_during_the_pause() {
    let mut world = expired(Rotation::Strict);
    world.endpoint.script = vec![Outcome::StepUp(crate::verdict::StepUp::default())];
    for _ in 0..3 {
        let failure = world.token(0).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::LoginRequired);
        assert!(!failure.message.contains("the session stays signed in"), "{failure}");
    }
}

fn client(world: &World, secret: &str) -> MachineConfig {
    MachineConfig { client: Some(Fingerprint(secret.into())), ..world.config() }
}

// spec 5.1
#[test]
fn a_corrected_client_is_tried_at_once() {
    let mut world = World::new(Rotation::Strict, 0);
    let (seed, wrong, right) = (world.endpoint.sign_in(), client(&world, "wrong"), client(&world, "right"));
    let first = world.start_with(wrong.clone(), Some(seed));
    world.token(first).unwrap();
    world.advance(LIFETIME);
    world.endpoint.script = vec![Outcome::ClientConfig { error: "invalid_client".into() }];
    assert_eq!(world.token(first).unwrap_err().kind, ErrorKind::ClientRejected);
    let still_wrong = world.start_with(wrong, None);
    assert_eq!(world.token(still_wrong).unwrap_err().kind, ErrorKind::ClientRejected);
    assert_eq!(world.endpoint.requests.len(), 1);
    let corrected = world.start_with(right, None);
    assert_eq!(world.token(corrected).unwrap().generation, 2);
}

/// The machine boots anew, and its clock is right again: it ran fast until then.
fn reboot(world: &mut World, fast: Duration) -> usize {
    world.now.mono = Duration::from_secs(60);
    world.jump_wall(-i64::try_from(fast.as_millis()).unwrap());
    let config = MachineConfig { boot: Some("another".into()), ..world.config() };
    world.start_with(config, None)
}

const FAST: Duration = Duration::from_secs(4 * 3600);

// spec 4.12
#[test]
fn a_pause_that_a_fast_clock_wrote_does_not_outlive_a_reboot() {
    let mut world = expired(Rotation::Strict);
    world.endpoint.script = vec![Outcome::RetrySame { after: None }; 3];
    world.token(0).unwrap_err();
    let process = reboot(&mut world, FAST);
    assert_eq!(world.token(process).unwrap().generation, 2);
}

// spec 4.12
#[test]
fn a_lease_that_a_fast_clock_wrote_does_not_outlive_a_reboot() {
    let mut world = expired(Rotation::Strict);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    // Nobody knows whether its owner lives.
    world.processes[0].owners.clear();
    world.processes[0].pending.clear();
    world.processes[0].sends.clear();
    world.processes[0].waits.clear();
    let process = reboot(&mut world, FAST);
    assert_eq!(world.token(process).unwrap().generation, 2);
}

// spec 4.12
#[test]
fn a_token_that_a_fast_clock_dated_is_not_believed_for_hours() {
    let mut world = served(Rotation::Strict);
    let process = reboot(&mut world, FAST);
    assert_eq!(world.token(process).unwrap().generation, 2);
    // A clock that is a little off is another matter.
    world.jump_wall(-60_000);
    let other = world.start(None);
    assert_eq!(world.token(other).unwrap().generation, 2);
}
