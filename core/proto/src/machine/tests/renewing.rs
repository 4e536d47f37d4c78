//! Tokens that an API's responses carry (spec 2.13), and what is kept beside tokens (spec 10.1).

use std::time::Duration;

use super::serving::served;
use super::world::{LIFETIME, World};
use crate::credential::{Credential, TokenResponse};
use crate::event::EventKind;
use crate::machine::{Acquired, AfterRejection, Fast, Machine, Stamp};
use crate::rotation::Rotation;
use crate::verdict::Outcome;

/// The response to a request with this stamp carried that token.
fn renew(world: &mut World, process: usize, stamp: &Stamp, token: &str) {
    let tokens = TokenResponse::new(token);
    world.ask(process, |machine, now| machine.renew(stamp, tokens, now));
}

fn stamp(world: &World, process: usize) -> Stamp {
    Stamp::new(world.processes[process].snapshot.current.as_ref().unwrap())
}

fn stored(world: &World) -> (u64, String) {
    let record = world.shelf.read();
    let slot = record.slot().unwrap();
    (slot.generation, slot.access_token.expose().to_owned())
}

/// One process whose refreshes end the old access token.
fn old_token_dies() -> World {
    let mut world = World::new(Rotation::Strict, 0);
    let seed = world.endpoint.sign_in();
    let mut config = world.config();
    config.old_token_dies = true;
    world.start_with(config, Some(seed));
    world.token(0).unwrap();
    world
}

// spec 2.13
#[test]
fn a_renewed_token_is_saved_then_served_and_reported_once() {
    let mut world = served(Rotation::Strict);
    let first = stamp(&world, 0);
    renew(&mut world, 0, &first, "sliding-2");
    assert_eq!(world.fast(0), Fast::Serve);
    assert_eq!(stamp(&world, 0).generation, 1, "not served before it is saved");
    while world.perform_any() {}
    assert_eq!(stored(&world), (2, "sliding-2".to_owned()));
    assert_eq!(world.token(0).unwrap().value.expose(), "sliding-2");
    assert_eq!(world.names(0), ["SignedIn", "Renewed"]);
    assert_eq!(world.endpoint.requests.len(), 0);
    assert!(world.processes[0].machine.idle());
}

// spec 2.13
#[test]
fn only_the_first_of_several_responses_to_one_generation_renews_it() {
    let mut world = served(Rotation::Strict);
    let first = stamp(&world, 0);
    for token in ["sliding-2", "sliding-3"] {
        renew(&mut world, 0, &first, token);
    }
    while world.perform_any() {}
    renew(&mut world, 0, &first, "sliding-4");
    while world.perform_any() {}
    assert_eq!(stored(&world), (2, "sliding-2".to_owned()));
    assert_eq!(world.count(0, "Renewed"), 1);
}

// spec 2.13
#[test]
fn the_same_token_and_another_lineages_renew_nothing() {
    let mut world = served(Rotation::Strict);
    let first = stamp(&world, 0);
    let (record, same) = (world.shelf.record.clone(), world.token(0).unwrap().value.expose().to_owned());
    renew(&mut world, 0, &first, &same);
    renew(&mut world, 0, &Stamp { lineage: "another".into(), ..first }, "sliding-2");
    while world.perform_any() {}
    assert_eq!(world.shelf.record, record);
    assert_eq!(world.names(0), ["SignedIn"]);
}

// spec 2.13
#[test]
fn a_response_during_a_refresh_renews_nothing() {
    let mut world = served(Rotation::Strict);
    let first = stamp(&world, 0);
    world.advance(LIFETIME);
    world.acquire(0);
    renew(&mut world, 0, &first, "sliding-2");
    world.drive();
    assert_eq!(world.names(0), ["SignedIn", "RefreshStarted", "RefreshSucceeded"]);
    assert_ne!(stored(&world).1, "sliding-2");
}

// spec 2.13
#[test]
fn a_response_after_a_sign_out_renews_nothing() {
    let mut world = served(Rotation::Strict);
    let first = stamp(&world, 0);
    renew(&mut world, 0, &first, "sliding-2");
    world.ask(0, Machine::sign_out);
    renew(&mut world, 0, &first, "sliding-3");
    while world.perform_any() {}
    assert!(world.shelf.read().tombstone);
    assert_eq!(world.processes[0].revoked, [""; 0], "the refresh token did not come with it");
    assert_eq!(world.names(0), ["SignedIn", "SignedOut"]);
}

// spec 2.13
#[test]
fn a_newer_generation_in_the_store_wins() {
    let mut world = World::new(Rotation::None, 2);
    world.token(0).unwrap();
    world.token(1).unwrap();
    let first = stamp(&world, 0);
    world.ask(1, |machine, now| machine.refresh(false, now));
    world.drive();
    let theirs = stored(&world);
    renew(&mut world, 0, &first, "sliding-2");
    while world.perform_any() {}
    assert_eq!(stored(&world), theirs);
    assert_eq!(world.token(0).unwrap().value.expose(), theirs.1);
    assert_eq!(world.names(0), ["SignedIn", "Adopted"]);
}

// spec 2.13, 4.1
#[test]
fn a_renewal_leaves_another_processes_lease_and_intent() {
    let mut world = World::new(Rotation::Strict, 2);
    world.token(0).unwrap();
    world.token(1).unwrap();
    let first = stamp(&world, 0);
    world.ask(1, |machine, now| machine.refresh(false, now));
    while world.processes[1].sends.is_empty() {
        world.perform(1, 0);
    }
    let before = world.shelf.read();
    assert!(before.lease.is_some() && before.intent.is_some());
    renew(&mut world, 0, &first, "sliding-2");
    while world.perform_store() {}
    let after = world.shelf.read();
    assert_eq!((after.generation(), &after.lease, &after.intent), (2, &before.lease, &before.intent));
    world.drive();
    assert_eq!(stored(&world).0, 3);
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-2");
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 2.13, 5.4
#[test]
fn where_the_old_token_dies_callers_wait_until_the_new_one_is_saved() {
    let mut world = old_token_dies();
    let first = stamp(&world, 0);
    renew(&mut world, 0, &first, "sliding-2");
    assert_eq!(world.fast(0), Fast::Ask);
    assert_eq!(world.token(0).unwrap().value.expose(), "sliding-2");
    assert_eq!(world.names(0), ["SignedIn", "Renewed"]);
}

// spec 2.13, 3.1
#[test]
fn a_rejection_while_the_new_token_is_saved_is_replayed_with_it() {
    let mut world = served(Rotation::Strict);
    let mut first = stamp(&world, 0);
    renew(&mut world, 0, &first.clone(), "sliding-2");
    assert!(matches!(world.reject(0, &mut first, 0), AfterRejection::Wait(_)));
    assert_eq!(world.replay(0, &mut first).unwrap().value.expose(), "sliding-2");
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 2.13, 7.2
#[test]
fn while_the_store_is_down_renewals_are_served_from_memory_and_the_last_one_is_saved() {
    let mut world = served(Rotation::Strict);
    world.shelf.down = true;
    for token in ["sliding-2", "sliding-3"] {
        let current = stamp(&world, 0);
        renew(&mut world, 0, &current, token);
        while world.perform_any() {}
        assert_eq!(world.token(0).unwrap().value.expose(), token);
    }
    assert_eq!(world.names(0), ["SignedIn", "Unpersisted", "Renewed", "Renewed"]);
    world.shelf.down = false;
    world.advance(Duration::from_secs(15));
    while world.perform_any() {}
    assert_eq!(stored(&world), (3, "sliding-3".to_owned()));
    assert_eq!(world.last_event(0), &EventKind::Persisted);
    assert!(world.processes[0].machine.idle());
}

// spec 2.13
#[test]
fn a_refresh_token_that_comes_along_replaces_the_sessions() {
    let mut world = served(Rotation::Strict);
    let current = stamp(&world, 0);
    let tokens =
        TokenResponse { refresh_token: Some("sliding-rt".into()), ..TokenResponse::new("sliding-2") };
    world.ask(0, |machine, now| machine.renew(&current, tokens, now));
    while world.perform_any() {}
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "sliding-rt");
}

// spec 2.13
#[test]
fn without_a_refresh_token_a_session_lives_on_renewals() {
    let mut world = World::new(Rotation::Unknown, 0);
    let seed = Credential { access_token: Some("sliding-1".into()), ..Credential::default() };
    world.start(Some(seed));
    world.token(0).unwrap();
    for generation in 2..=20 {
        let current = stamp(&world, 0);
        renew(&mut world, 0, &current, &format!("sliding-{generation}"));
        while world.perform_any() {}
        let Acquired::Serve(token) = world.acquire(0) else { panic!("it is valid") };
        assert_eq!(token.generation, generation);
    }
    assert_eq!(world.count(0, "Renewed"), 19);
}

fn grant(world: &mut World, extra: &[(&str, &str)], id_token: Option<&str>) {
    let grant = TokenResponse {
        extra: extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        id_token: id_token.map(Into::into),
        ..TokenResponse::new("at-new")
    };
    world.endpoint.script.push(Outcome::Granted(Box::new(grant)));
    world.ask(0, |machine, now| machine.refresh(true, now));
    world.drive();
}

fn changes(world: &World) -> Vec<Vec<String>> {
    let names = |event: &crate::event::Event| match &event.kind {
        EventKind::ExtraChanged { names } => Some(names.clone()),
        _ => None,
    };
    world.processes[0].events.iter().filter_map(names).collect()
}

// spec 10.1
#[test]
fn what_is_kept_beside_the_tokens_is_reported_by_name_when_it_changes() {
    let mut world = served(Rotation::None);
    let host = ("instance_url", "https://eu.example");
    grant(&mut world, &[host, ("user", "ada")], None);
    assert_eq!(changes(&world), [["instance_url", "user"]]);
    grant(&mut world, &[host], None);
    assert_eq!(changes(&world).len(), 1, "nothing changed");
    grant(&mut world, &[("instance_url", "https://us.example")], None);
    assert_eq!(changes(&world)[1..], [["instance_url"]]);
    assert_eq!(world.processes[0].machine.kept("user").as_deref(), Some("ada"));
}

// spec 10.1
#[test]
fn an_id_token_that_is_kept_is_the_newest_one() {
    let mut world = World::new(Rotation::None, 0);
    let mut seed = world.endpoint.sign_in();
    seed.extra.insert("id_token".into(), "id-1".into());
    world.start(Some(seed));
    world.token(0).unwrap();
    grant(&mut world, &[], Some("id-2"));
    assert_eq!(world.processes[0].machine.kept("id_token").as_deref(), Some("id-2"));
    assert_eq!(changes(&world), [["id_token"]]);
}
