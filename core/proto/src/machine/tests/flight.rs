//! One flight, and who shares it (spec 4, 5).

use std::time::Duration;

use super::serving::served;
use super::world::{CAP, LIFETIME, World};
use crate::error::ErrorKind;
use crate::event::EventKind;
use crate::machine::{Acquired, Settled, Stamp};
use crate::rotation::Rotation;
use crate::verdict::{Outcome, StepUp};

/// Processes that have all read the store, at the moment when the token ends.
fn expired(rotation: Rotation, processes: usize) -> World {
    let mut world = World::new(rotation, processes);
    for process in 0..processes {
        world.token(process).unwrap();
    }
    world.advance(LIFETIME);
    world
}

// spec 4.1
#[test]
fn a_thousand_waiters_share_one_refresh() {
    let mut world = expired(Rotation::StrictFamily, 1);
    for _ in 0..1000 {
        assert!(matches!(world.acquire(0), Acquired::Wait(_)));
    }
    world.drive();
    assert_eq!(world.endpoint.requests.len(), 1);
    let EventKind::RefreshSucceeded { waiters, persisted, .. } = *world.last_event(0) else { panic!() };
    assert_eq!((waiters, persisted), (1000, true));
}

// spec 4.1, 4.4
#[test]
fn ten_processes_make_one_refresh_and_nine_adopt_it() {
    let mut world = expired(Rotation::StrictFamily, 10);
    for process in 0..10 {
        world.acquire(process);
    }
    world.drive();
    for process in 0..10 {
        assert_eq!(world.token(process).unwrap().generation, 2);
    }
    assert_eq!((world.endpoint.requests.len(), world.endpoint.reuses), (1, 0));
    assert_eq!((0..10).map(|process| world.count(process, "Adopted")).sum::<usize>(), 9);
}

// spec 4.4
#[test]
fn whoever_reads_a_newer_token_adopts_it_and_sends_nothing() {
    let mut world = expired(Rotation::StrictFamily, 2);
    world.token(0).unwrap();
    assert_eq!(world.token(1).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests.len(), 1);
    assert_eq!(world.names(1), ["Adopted"]);
}

// spec 4.6
#[test]
fn a_sign_in_during_a_flight_wins_and_what_the_flight_brings_is_revoked() {
    let mut world = expired(Rotation::StrictFamily, 1);
    let Acquired::Wait(ticket) = world.acquire(0) else { panic!() };
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    let fresh = world.endpoint.sign_in();
    world.ask(0, |machine, now| machine.sign_in(&fresh, now)).unwrap();
    let Settled::Failed(failure) = &world.processes[0].settled[&ticket] else { panic!() };
    assert_eq!(failure.kind, ErrorKind::SignedOut);
    world.drive();
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().value.expose(), fresh.access_token.unwrap().expose());
    assert_eq!(world.shelf.read().refresh_token.unwrap(), fresh.refresh_token.unwrap());
    assert_eq!(world.processes[0].revoked.len(), 1);
}

// spec 4.6, 7.3
#[test]
fn a_sign_out_during_a_flight_wins_and_leaves_a_tombstone() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.ask(0, |machine, now| machine.sign_out(now));
    while world.perform_any() {}
    assert!(world.shelf.read().tombstone);
    assert!(world.shelf.read().refresh_token.is_none());
    assert_eq!(world.processes[0].revoked.len(), 1);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::SignedOut);
}

// spec 4.6, 7.6
#[test]
fn another_process_signs_in_and_the_session_goes_over_to_it() {
    let mut world = expired(Rotation::StrictFamily, 2);
    let fresh = world.endpoint.sign_in();
    world.ask(1, |machine, now| machine.sign_in(&fresh, now)).unwrap();
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::SignedOut);
    assert_eq!(world.token(0).unwrap().value.expose(), fresh.access_token.unwrap().expose());
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 4.5
#[test]
fn a_lease_is_renewed_while_a_send_is_under_way_and_kept_by_a_slow_owner() {
    let mut world = expired(Rotation::None, 2);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    let first = world.shelf.read().lease.unwrap();
    world.advance(Duration::from_secs(30));
    // The renewal, not the send.
    let save = world.processes[0]
        .pending
        .iter()
        .position(|effect| matches!(effect, crate::machine::Effect::Save { .. }));
    world.perform(0, save.unwrap());
    assert_ne!(world.shelf.read().lease.unwrap().until, first.until);
    world.acquire(1);
    for _ in 0..6 {
        let pending = world.processes[1].pending.len();
        (0..pending).for_each(|_| world.perform(1, 0));
    }
    assert!(world.processes[1].sends.is_empty());
}

// spec 5.1
#[test]
fn what_was_not_consumed_is_sent_again_inside_the_flight_up_to_three_times() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.script = vec![Outcome::RetrySame { after: None }, Outcome::NotSent];
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests.len(), 3);
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.script = vec![Outcome::RetrySame { after: None }; 3];
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::RefreshFailed);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::RefreshFailed);
    assert_eq!(world.endpoint.requests.len(), 3);
}

// spec 5.1, 5.3
#[test]
fn a_retry_after_binds_every_process() {
    let mut world = expired(Rotation::StrictFamily, 2);
    world.endpoint.script = vec![Outcome::RateLimited { after: Some(Duration::from_secs(120)) }];
    let failure = world.token(0).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::RateLimited);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(120)));
    while world.perform_any() {}
    assert_eq!(world.token(1).unwrap_err().kind, ErrorKind::RateLimited);
    assert_eq!(world.endpoint.requests.len(), 1);
    world.advance(Duration::from_secs(120));
    assert_eq!(world.token(1).unwrap().generation, 2);
}

// spec 5.1
#[test]
fn a_lost_race_reads_again_and_adopts_or_sends_the_same() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.script = vec![Outcome::LostRace];
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests, ["rt-1", "rt-1"]);
}

// spec 5.1
#[test]
fn a_rejected_client_signs_nobody_out_and_is_held() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.script = vec![Outcome::ClientConfig { error: "invalid_client".into() }];
    let failure = world.token(0).unwrap_err();
    assert_eq!(
        (failure.kind, failure.oauth_error.as_deref()),
        (ErrorKind::ClientRejected, Some("invalid_client"))
    );
    assert_eq!(world.token(0).unwrap_err().oauth_error.as_deref(), Some("invalid_client"));
    assert_eq!(world.endpoint.requests.len(), 1);
    assert_eq!(world.count(0, "LoginRequired"), 0);
    world.advance(Duration::from_secs(60));
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 5.1
#[test]
fn a_step_up_asks_for_a_sign_in_and_keeps_the_refresh_token() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.script = vec![Outcome::StepUp(StepUp::default())];
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-1");
    assert!(world.shelf.read().dead.is_none());
}

// spec 5.1
#[test]
fn a_nonce_and_a_skewed_clock_are_answered_once_each() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.script = vec![Outcome::NonceRequired(Some("n".into())), Outcome::ClockSkew];
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests.len(), 3);
}

// spec 5.2
#[test]
fn a_dead_refresh_token_is_marked_told_once_and_never_sent_again() {
    let mut world = expired(Rotation::StrictFamily, 2);
    world.endpoint.kill_all();
    for _ in 0..3 {
        assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
        assert_eq!(world.token(1).unwrap_err().kind, ErrorKind::LoginRequired);
        world.advance(Duration::from_secs(5));
    }
    assert_eq!(world.endpoint.requests.len(), 1);
    assert_eq!((world.count(0, "LoginRequired"), world.count(1, "LoginRequired")), (1, 1));
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-1");
    // By force it is tried once more.
    let refreshed = world.ask(0, |machine, now| machine.refresh(true, now));
    assert!(matches!(refreshed, Acquired::Wait(_)));
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 2);
}

// spec 5.2
#[test]
fn an_access_token_outlives_its_dead_refresh_token() {
    let mut world = served(Rotation::StrictFamily);
    world.endpoint.kill_all();
    world.advance(LIFETIME - Duration::from_secs(170));
    assert!(matches!(world.acquire(0), Acquired::Serve(_)));
    while world.perform_any() {}
    assert_eq!(world.count(0, "LoginRequired"), 1);
    assert_eq!(world.token(0).unwrap().generation, 1);
    world.advance(Duration::from_secs(170));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
}

// spec 5.2
#[test]
fn a_dead_verdict_about_a_token_that_was_replaced_is_adopted_instead() {
    let mut world = expired(Rotation::StrictFamily, 2);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    // Another process signs in the same lineage's successor: here, by a grant of its own.
    let mut record = world.shelf.read();
    record.refresh_token = Some("rt-other".into());
    let slot = record.slots.get_mut("default").unwrap();
    (slot.generation, slot.expires_at) = (7, Some(world.now.wall.plus(LIFETIME)));
    world.shelf.record = Some((record.to_bytes(), 999));
    world.endpoint.kill_all();
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 7);
    assert_eq!(world.count(0, "LoginRequired"), 0);
}

// spec 5.4
#[test]
fn what_an_answer_leaves_out_stays_as_it_was() {
    let mut world = World::new(Rotation::None, 0);
    let mut seed = world.endpoint.sign_in();
    seed.scope = Some("read write".into());
    seed.extra.insert("instance_url".into(), "https://eu.test".into());
    world.start(Some(seed));
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world.token(0).unwrap();
    let record = world.shelf.read();
    assert_eq!(record.refresh_token.unwrap().expose(), "rt-2");
    assert_eq!(record.scope.as_deref(), Some("read write"));
    assert_eq!(record.extra["instance_url"], "https://eu.test");
}

// spec 5.4
#[test]
fn a_refresh_token_without_an_access_token_is_kept() {
    let mut world = expired(Rotation::Strict, 1);
    world.endpoint.script = vec![Outcome::GrantedWithoutAccess { refresh_token: "rt-new".into() }];
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::ClientRejected);
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-new");
}

// spec 5.4
#[test]
fn where_the_old_token_dies_new_callers_wait_once_the_request_is_sent() {
    let mut world = World::new(Rotation::Strict, 0);
    let seed = world.endpoint.sign_in();
    let mut config = world.config();
    config.old_token_dies = true;
    world.start_with(config, Some(seed));
    world.token(0).unwrap();
    world.advance(LIFETIME - Duration::from_secs(170));
    assert!(matches!(world.acquire(0), Acquired::Serve(_)));
    assert!(matches!(world.acquire(0), Acquired::Serve(_)));
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    assert!(matches!(world.acquire(0), Acquired::Wait(_)));
    assert_eq!(world.fast(0), crate::machine::Fast::Ask);
}

// spec 4.3
#[test]
fn nobody_waits_any_more_and_the_answer_is_kept_all_the_same() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.acquire(0);
    world.processes[0].waits.clear();
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-2");
    assert!(world.processes[0].machine.idle());
}

// spec 4.5
#[test]
fn an_answer_that_comes_at_the_last_moment_counts() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.advance(CAP - Duration::from_millis(1));
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 5.2
#[test]
fn a_sign_in_clears_the_dead_mark() {
    let mut world = expired(Rotation::StrictFamily, 1);
    world.endpoint.kill_all();
    world.token(0).unwrap_err();
    let fresh = world.endpoint.sign_in();
    world.ask(0, |machine, now| machine.sign_in(&fresh, now)).unwrap();
    while world.perform_any() {}
    let current = world.token(0).unwrap();
    assert_eq!(current.value.expose(), fresh.access_token.unwrap().expose());
    let mut stamp = Stamp::new(&current);
    assert_eq!(world.replay(0, &mut stamp).unwrap().generation, 2);
}
