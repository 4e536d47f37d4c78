//! Keeping the credential (spec 7).

use std::sync::Arc;
use std::time::Duration;

use super::serving::served;
use super::world::{LIFETIME, World};
use crate::error::ErrorKind;
use crate::machine::{Fast, Machine};
use crate::rotation::Rotation;

/// A world in which the store fails right after the intent was written.
fn store_fails_after_the_send(rotation: Rotation) -> World {
    let mut world = served(rotation);
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.shelf.down = true;
    while world.perform_any() {}
    world
}

// spec 7.2
#[test]
fn a_grant_that_cannot_be_saved_is_served_told_and_saved_later() {
    let mut world = store_fails_after_the_send(Rotation::StrictFamily);
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.names(0), ["SignedIn", "RefreshStarted", "RefreshSucceeded", "Unpersisted"]);
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-1");
    assert!(!world.processes[0].machine.idle());
    world.shelf.down = false;
    world.advance(Duration::from_secs(60));
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-2");
    assert_eq!(world.count(0, "Persisted"), 1);
    assert!(world.processes[0].machine.idle());
}

// spec 4.10, 7.2
#[test]
fn at_the_end_an_unsaved_grant_is_saved_without_waiting_out_its_pause() {
    let mut world = store_fails_after_the_send(Rotation::StrictFamily);
    world.shelf.down = false;
    world.ask(0, Machine::flush);
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-2");
    assert!(world.processes[0].machine.idle());
}

// spec 7.2
#[test]
fn an_unsaved_refresh_token_is_not_spent() {
    let mut world = store_fails_after_the_send(Rotation::StrictFamily);
    world.now = world.now.plus(LIFETIME);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::StoreUnavailable);
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 7.2
#[test]
fn where_use_retires_the_old_token_the_old_one_is_served_until_the_new_one_is_saved() {
    let mut world = served(Rotation::UntilSuccessorUsed);
    world.advance(LIFETIME - Duration::from_secs(170));
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.shelf.down = true;
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 1);
    world.shelf.down = false;
    world.advance(Duration::from_secs(60));
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 7.2
#[test]
fn a_save_that_turns_out_to_have_landed_is_no_conflict() {
    let mut world = served(Rotation::StrictFamily);
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.perform(0, 0);
    // The save lands, but its answer says that the store is down.
    let crate::machine::Effect::Save { op, record, .. } = world.processes[0].pending.remove(0) else {
        panic!()
    };
    world.shelf.record = Some((record, 4711));
    let lost = Err(crate::store::Unavailable::new("no answer"));
    world.ask(0, |machine, now| machine.handle_saved(op, lost, now));
    world.advance(Duration::from_secs(60));
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!((world.count(0, "Persisted"), world.endpoint.requests.len()), (1, 1));
}

// spec 7.3
#[test]
fn a_restart_with_the_same_seed_does_not_revive_what_was_signed_out() {
    let mut world = World::new(Rotation::Strict, 0);
    let seed = world.endpoint.sign_in();
    world.start(Some(seed.clone()));
    world.token(0).unwrap();
    world.ask(0, |machine, now| machine.sign_out(now));
    while world.perform_any() {}
    let restarted = world.start(Some(seed));
    assert_eq!(world.token(restarted).unwrap_err().kind, ErrorKind::SignedOut);
    let other = world.endpoint.sign_in();
    let restarted = world.start(Some(other.clone()));
    assert_eq!(world.token(restarted).unwrap().value.expose(), other.access_token.unwrap().expose());
}

// spec 7.3
#[test]
fn a_seed_never_replaces_a_live_record_and_the_log_says_so() {
    let mut world = served(Rotation::Strict);
    let other = world.endpoint.sign_in();
    let second = world.start(Some(other));
    assert_eq!(world.token(second).unwrap().value.expose(), "at-1");
    assert_eq!(world.names(second), ["Warned"]);
}

// spec 7.3
#[test]
fn of_two_seeds_at_once_one_is_stored_and_both_serve_it() {
    let mut world = World::new(Rotation::Strict, 2);
    world.acquire(0);
    world.acquire(1);
    world.perform(0, 0);
    world.perform(1, 0);
    while world.perform_any() {}
    let (one, other) = (world.token(0).unwrap(), world.token(1).unwrap());
    assert_eq!(one.lineage, other.lineage);
}

// spec 7.4
#[test]
fn a_grant_for_the_stored_token_is_saved_over_anothers_dead_mark() {
    let mut world = World::new(Rotation::Strict, 1);
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    let mut record = world.shelf.read();
    let refresh_token = record.refresh_fingerprint().unwrap();
    let binding = record.binding.clone();
    let reason = crate::verdict::DeadReason::Rejected;
    record.dead = Some(Box::new(crate::machine::record::DeadMark {
        refresh_token: Some(refresh_token),
        binding,
        reason,
        oauth_error: None,
        unknown: Default::default(),
    }));
    record.lease = None;
    world.shelf.record = Some((record.to_bytes(), 77));
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert!(world.shelf.read().dead.is_none());
}

// spec 7.5
#[test]
fn a_session_for_another_client_sends_neither_token() {
    let mut world = served(Rotation::Strict);
    let mut config = world.config();
    Arc::make_mut(&mut config.binding).client_id = Some("other".into());
    let second = world.start_with(config, None);
    let failure = world.token(second).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::InvalidConfig);
    assert!(failure.message.contains("client_id none") && failure.message.contains("client_id other"));
    assert_eq!(world.endpoint.requests.len(), 0);
}

/// A session of the same record, configured anew.
fn reconfigured(change: impl FnOnce(&mut crate::machine::MachineConfig)) -> (World, usize) {
    let mut world = served(Rotation::Strict);
    let mut config = world.config();
    change(&mut config);
    let second = world.start_with(config, None);
    (world, second)
}

// spec 7.5
#[test]
fn an_endpoint_that_moved_by_a_slash_is_the_same_session() {
    let (mut world, second) = reconfigured(|config| {
        Arc::make_mut(&mut config.binding).token_endpoint.push('/');
    });
    assert_eq!(world.token(second).unwrap().generation, 1);
}

// spec 7.10
#[test]
fn a_strict_session_of_another_origin_or_dialect_sends_neither_token() {
    let listing = |origins: &[&str]| origins.iter().map(|&origin| origin.to_owned()).collect::<Vec<_>>();
    for strict in [true, false] {
        let (mut world, second) = reconfigured(|config| {
            config.strict_binding = strict;
            Arc::make_mut(&mut config.binding).origins = listing(&["https://attacker.test"]);
        });
        let token = world.token(second);
        assert_eq!(token.is_err(), strict);
        if let Err(failure) = token {
            assert_eq!(failure.kind, ErrorKind::InvalidConfig);
            assert!(failure.message.contains("origins https://attacker.test"), "{failure:?}");
            assert!(failure.message.contains("rebind"), "{failure:?}");
        }
    }
    let (mut world, second) = reconfigured(|config| {
        config.strict_binding = true;
        Arc::make_mut(&mut config.binding).dialect = Some("acme".into());
    });
    assert_eq!(world.token(second).unwrap_err().kind, ErrorKind::InvalidConfig);
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 7.10
#[test]
fn a_record_is_rebound_to_another_endpoint_of_its_client_and_no_other() {
    let mut world = served(Rotation::Strict);
    let (bytes, _) = world.shelf.record.clone().unwrap();
    let mut moved = world.config().binding;
    Arc::make_mut(&mut moved).token_endpoint = "https://new.test/token".into();
    Arc::make_mut(&mut moved).origins = vec!["https://api.test".into()];
    let bytes = crate::machine::rebound(&bytes, &moved).unwrap().unwrap();
    assert_eq!(crate::machine::rebound(&bytes, &moved).unwrap(), None);
    world.shelf.record = Some((bytes.clone(), 77));
    let mut config = world.config();
    config.binding = moved.clone();
    config.strict_binding = true;
    let second = world.start_with(config, None);
    assert_eq!(world.token(second).unwrap().generation, 1);
    Arc::make_mut(&mut moved).client_id = Some("other".into());
    assert_eq!(crate::machine::rebound(&bytes, &moved).unwrap_err().kind, ErrorKind::InvalidConfig);
}

// spec 7.6
#[test]
fn a_store_that_is_down_spends_nothing() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME);
    world.shelf.down = true;
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::StoreUnavailable);
    assert_eq!(world.endpoint.requests.len(), 0);
    world.shelf.down = false;
    world.advance(Duration::from_secs(10));
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 4.4, 7.6
#[test]
fn a_store_that_cannot_be_written_spends_nothing() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME);
    world.shelf.read_only = true;
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::StoreUnavailable);
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 7.6
#[test]
fn where_nothing_rotates_a_store_that_is_down_costs_nothing() {
    let mut world = served(Rotation::None);
    world.advance(LIFETIME);
    world.shelf.down = true;
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 7.6
#[test]
fn absent_where_present_was_known_is_signed_out() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME);
    world.shelf.record = None;
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::SignedOut);
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 4.6
#[test]
fn a_sign_out_whose_wipe_fails_says_so_and_is_tried_again() {
    let mut world = served(Rotation::Strict);
    world.shelf.down = true;
    let ticket = world.ask(0, |machine, now| machine.sign_out(now));
    while world.perform_any() {}
    let crate::machine::Settled::Failed(failure) = &world.processes[0].settled[&ticket] else { panic!() };
    assert_eq!(failure.kind, ErrorKind::StoreUnavailable);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::SignedOut);
    world.shelf.down = false;
    world.advance(Duration::from_secs(60));
    while world.perform_any() {}
    assert!(world.shelf.read().tombstone);
}

// spec 7.2
#[test]
fn a_sign_in_that_cannot_be_saved_is_served_and_saved_later_and_the_old_one_does_not_come_back() {
    let mut world = served(Rotation::Strict);
    world.shelf.down = true;
    let fresh = world.endpoint.sign_in();
    world.ask(0, |machine, now| machine.sign_in(&fresh, now)).unwrap();
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().value.expose(), fresh.access_token.as_ref().unwrap().expose());
    world.shelf.down = false;
    world.ask(0, |machine, now| machine.invalidate(now));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::StoreUnavailable);
    world.advance(Duration::from_secs(60));
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token, fresh.refresh_token);
}

// spec 7.7
#[test]
fn a_damaged_record_is_unavailable_and_a_sign_in_mends_it() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME);
    world.shelf.record = Some(("{]".into(), 5));
    let failure = world.token(0).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::StoreUnavailable);
    let fresh = world.endpoint.sign_in();
    world.ask(0, |machine, now| machine.sign_in(&fresh, now)).unwrap();
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token, fresh.refresh_token);
}

// spec 7.2
#[test]
fn where_nothing_rotates_a_store_that_cannot_be_written_costs_a_warning() {
    let mut world = served(Rotation::None);
    world.shelf.read_only = true;
    for generation in 2..5 {
        world.advance(LIFETIME);
        assert_eq!(world.token(0).unwrap().generation, generation);
        assert!(world.processes[0].machine.idle(), "nothing is waited for at exit");
    }
    assert_eq!((world.count(0, "Warned"), world.count(0, "Unpersisted")), (1, 0));
    let lone = world.start(None);
    world.advance(LIFETIME);
    world.token(lone).unwrap();
    assert!(world.processes[lone].machine.idle());
}

// spec 7.11
#[test]
fn an_older_copy_of_the_record_is_written_over_by_whoever_knows_the_newer() {
    let mut world = served(Rotation::StrictFamily);
    let backup = world.shelf.record.clone();
    for generation in 2..4 {
        world.advance(LIFETIME);
        assert_eq!(world.token(0).unwrap().generation, generation);
    }
    let (bytes, _) = backup.unwrap();
    world.shelf.restore(bytes);
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 4);
    assert_eq!((world.endpoint.refreshes, world.endpoint.reuses), (3, 0));
    assert_eq!(world.shelf.read().generation(), 4);
}

// spec 7.11
#[test]
fn an_older_copy_that_is_restored_during_a_refresh_loses_no_grant() {
    let mut world = served(Rotation::StrictFamily);
    let (backup, _) = world.shelf.record.clone().unwrap();
    world.advance(LIFETIME);
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.shelf.restore(backup);
    world.drive();
    assert_eq!(world.token(0).unwrap().generation, 3);
    assert_eq!(world.shelf.read().generation(), 3);
    assert_eq!(world.endpoint.reuses, 0);
}

// spec 7.2, 7.11
#[test]
fn what_was_served_unsaved_gives_way_to_no_older_generation() {
    let mut world = served(Rotation::None);
    let other = world.start(None);
    world.token(other).unwrap();
    world.shelf.read_only = true;
    for generation in 2..4 {
        world.advance(LIFETIME);
        assert_eq!(world.token(0).unwrap().generation, generation);
    }
    world.shelf.read_only = false;
    assert_eq!(world.token(other).unwrap().generation, 2);
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 4);
    assert_eq!(world.shelf.read().generation(), 4);
    assert_eq!(world.token(other).unwrap().generation, 4);
}

/// Two processes that serve the first token; the second one is told when the record changes.
fn two_that_serve() -> World {
    let mut world = World::new(Rotation::Strict, 2);
    world.token(0).unwrap();
    world.token(1).unwrap();
    world
}

fn told(world: &mut World, process: usize) {
    world.ask(process, Machine::handle_changed);
    while world.perform_any() {}
}

// spec 7.13
#[test]
fn a_session_that_is_told_of_a_sign_out_serves_nothing_any_more() {
    let mut world = two_that_serve();
    world.ask(0, |machine, now| machine.sign_out(now));
    while world.perform_any() {}
    assert_eq!(world.fast(1), Fast::Serve);
    told(&mut world, 1);
    assert_eq!(world.fast(1), Fast::Ask);
    assert_eq!(world.token(1).unwrap_err().kind, ErrorKind::SignedOut);
    assert_eq!(world.count(1, "SignedOut"), 1);
}

// spec 7.13
#[test]
fn a_session_that_is_told_of_a_refresh_adopts_its_token_and_sends_nothing() {
    let mut world = two_that_serve();
    world.ask(0, |machine, now| machine.refresh(false, now));
    while world.perform_any() {}
    told(&mut world, 1);
    assert_eq!((world.fast(1), world.token(1).unwrap().generation), (Fast::Serve, 2));
    assert_eq!((world.count(1, "Adopted"), world.endpoint.refreshes), (1, 1));
    told(&mut world, 1); // nothing new
    assert_eq!(world.count(1, "Adopted"), 1);
}

// spec 7.13
#[test]
fn a_session_that_is_told_and_cannot_read_goes_on_as_before() {
    let mut world = two_that_serve();
    world.shelf.down = true;
    told(&mut world, 1);
    assert_eq!(world.fast(1), Fast::Serve);
    assert!(world.processes[1].machine.idle());
}

// spec 7.13
#[test]
fn a_refresh_that_begins_while_a_told_session_reads_is_not_disturbed() {
    let mut world = two_that_serve();
    world.ask(1, Machine::handle_changed);
    world.ask(1, |machine, now| machine.refresh(false, now));
    while world.perform_any() {}
    assert_eq!((world.token(1).unwrap().generation, world.endpoint.refreshes), (2, 1));
    assert!(world.processes[1].machine.idle());
}

// spec 1.1
#[test]
fn what_a_store_held_already_is_served_without_asking_the_machine() {
    let world = two_that_serve();
    assert_eq!((world.fast(0), world.fast(1)), (Fast::Serve, Fast::Serve));
}
