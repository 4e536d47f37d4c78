//! The answer to a refresh is lost: table 6.2, row by row.

use std::time::Duration;

use super::world::{CAP, LIFETIME, World};
use crate::error::ErrorKind;
use crate::event::EventKind;
use crate::machine::Waiting;
use crate::rotation::Rotation;
use crate::verdict::{DeadReason, Lost, Outcome};

const GRACE: Rotation = Rotation::Grace(Duration::from_secs(30));

fn expired(rotation: Rotation) -> World {
    let mut world = World::new(rotation, 1);
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world
}

// spec 6.2
#[test]
fn none_sends_the_same_again_with_back_off() {
    let mut world = expired(Rotation::None);
    world.lose_answers = 2;
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests, ["rt-1"; 3]);
}

// spec 6.2
#[test]
fn grace_sends_the_same_again_at_once() {
    let mut world = expired(GRACE);
    world.lose_answers = 1;
    let before = world.now;
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.now, before);
    assert_eq!((world.endpoint.requests.len(), world.endpoint.reuses), (2, 0));
}

// spec 6.2
#[test]
fn until_successor_used_sends_the_same_again() {
    let mut world = expired(Rotation::UntilSuccessorUsed);
    world.lose_answers = 2;
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.reuses, 0);
}

// spec 6.2
#[test]
fn the_others_send_once_more_at_once_and_only_the_server_makes_it_dead() {
    for rotation in [Rotation::Strict, Rotation::StrictFamily, Rotation::Unknown, Rotation::Sometimes] {
        let mut world = expired(rotation);
        world.lose_answers = 1;
        let before = world.now;
        assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
        assert_eq!((world.now, world.endpoint.requests.len()), (before, 2));
        let told = world.processes[0].events.iter().find_map(|event| match event.kind {
            EventKind::LoginRequired { reason } => Some(reason),
            _ => None,
        });
        assert_eq!(told, Some(DeadReason::AnswerLost));
    }
}

// spec 6.2
#[test]
fn after_the_second_lost_answer_it_is_ordinary_back_off_and_nobody_is_signed_out() {
    let mut world = expired(Rotation::Strict);
    world.lose_answers = 2;
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::RefreshFailed);
    assert_eq!(world.endpoint.requests.len(), 2);
    assert_eq!(world.count(0, "LoginRequired"), 0);
    while world.perform_any() {}
    world.advance(Duration::from_secs(600));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    assert_eq!(world.endpoint.requests.len(), 3);
}

// spec 6.2
#[test]
fn strict_family_does_not_replay_while_the_access_token_is_valid() {
    let mut world = World::new(Rotation::StrictFamily, 1);
    world.token(0).unwrap();
    world.advance(LIFETIME - Duration::from_secs(170));
    world.lose_answers = 1;
    world.token(0).unwrap();
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 1);
    world.advance(Duration::from_secs(160));
    assert_eq!(world.token(0).unwrap().generation, 1);
    assert_eq!(world.endpoint.requests.len(), 1);
    world.advance(Duration::from_secs(10));
    world.token(0).unwrap_err();
    assert_eq!(world.endpoint.requests.len(), 2);
}

// spec 4.5, 6.2
#[test]
fn our_own_cap_breaks_the_send_off_and_it_is_sent_once_more() {
    let mut world = expired(Rotation::Strict);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.advance(Duration::from_secs(30));
    while let Some(save) = position(&world, 0) {
        world.perform(0, save);
    }
    world.advance(CAP - Duration::from_secs(30));
    assert_eq!(world.processes[0].sends.len(), 1);
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 1);
    assert_eq!(world.token(0).unwrap().generation, 2);
}

fn position(world: &World, process: usize) -> Option<usize> {
    let pending = &world.processes[process].pending;
    pending.iter().position(|effect| !matches!(effect, crate::machine::Effect::Send { .. }))
}

/// A process that sent and was killed before the answer came.
fn killed_after_sending(rotation: Rotation) -> World {
    let mut world = World::new(rotation, 2);
    world.token(0).unwrap();
    world.token(1).unwrap();
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    let send = world.processes[0].sends.values().next().unwrap().0.clone();
    assert_eq!(send, "rt-1");
    world.crash(0);
    world
}

// spec 6.3, 7.4
#[test]
fn an_intent_of_a_dead_owner_waits_for_the_cap_and_is_sent_once_more() {
    let mut world = killed_after_sending(Rotation::Strict);
    let began = world.now;
    world.acquire(1);
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 0);
    world.advance(CAP - Duration::from_secs(1));
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 0);
    world.advance(Duration::from_secs(1));
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 1);
    assert_eq!(world.now, began.plus(CAP));
    assert_eq!(world.token(1).unwrap().generation, 2);
}

// spec 4.13
#[test]
fn who_waits_for_a_vanished_owner_is_told_so_and_until_when() {
    let mut world = killed_after_sending(Rotation::Strict);
    world.acquire(1);
    while world.perform_any() {}
    world.advance(Duration::from_secs(30));
    let failure = world.ask(1, |machine, now| machine.timed_out(now));
    assert_eq!((failure.kind, failure.retry_after), (ErrorKind::Timeout, Some(Duration::from_secs(30))));
    assert!(failure.message.contains("the process that was refreshing ended"), "{failure}");
    let waiting = world.ask(1, |machine, now| machine.status(now)).waiting;
    assert_eq!(waiting, Some((Waiting::VanishedOwner, Some(Duration::from_secs(30)))));
}

// spec 4.13
#[test]
fn who_waits_for_the_token_endpoint_or_for_another_process_is_told_so() {
    let mut world = World::new(Rotation::Strict, 2);
    world.token(0).unwrap();
    world.token(1).unwrap();
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.acquire(1);
    while world.perform_store() {}
    let failures = [0, 1].map(|process| world.ask(process, |machine, now| machine.timed_out(now)).message);
    assert!(failures[0].contains("https://auth.test/token has not responded yet"), "{failures:?}");
    assert!(failures[1].contains("another process is refreshing"), "{failures:?}");
}

// spec 6.2
#[test]
fn where_nothing_speaks_for_a_strict_server_an_intent_of_a_dead_owner_is_sent_again_at_once() {
    for rotation in [Rotation::Unknown, Rotation::Sometimes] {
        let mut world = killed_after_sending(rotation);
        let began = world.now;
        assert_eq!(world.token(1).unwrap().generation, 2);
        assert_eq!((world.now, world.endpoint.requests.len()), (began, 1));
    }
}

// spec 6.3
#[test]
fn in_a_grace_an_intent_of_a_dead_owner_is_sent_again_at_once() {
    let mut world = killed_after_sending(GRACE);
    let began = world.now;
    assert_eq!(world.token(1).unwrap().generation, 2);
    assert_eq!(world.now, began);
}

// spec 6.3
#[test]
fn an_intent_counts_only_for_the_token_that_it_was_written_for() {
    let mut world = killed_after_sending(Rotation::Strict);
    let mut record = world.shelf.read();
    record.refresh_token = Some("rt-other".into());
    world.shelf.record = Some((record.to_bytes(), 999));
    let began = world.now;
    world.token(1).unwrap_err();
    assert_eq!((world.now, world.endpoint.requests.len()), (began, 1));
}

// spec 4.5
#[test]
fn a_send_inside_a_grace_leaves_time_for_a_second_one() {
    let mut world = expired(GRACE);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.advance(Duration::from_secs(15));
    assert_eq!(world.processes[0].sends.len(), 1);
    assert_eq!(world.processes[0].machine.status(world.now).standing.name(), "active");
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 5.1
#[test]
fn a_truncated_answer_is_a_lost_one() {
    let mut world = expired(Rotation::None);
    world.endpoint.script = vec![Outcome::Lost(Lost::Broken)];
    assert_eq!(world.token(0).unwrap().generation, 2);
}
