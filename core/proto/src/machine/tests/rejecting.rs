//! A server turns our token away (spec 3).

use std::time::Duration;

use super::serving::served;
use super::world::{LIFETIME, World, api};
use crate::error::ErrorKind;
use crate::machine::{AfterRejection, ReplayRefused, Stamp};
use crate::rotation::Rotation;

fn stamp(world: &mut World) -> Stamp {
    Stamp::new(&world.token(0).unwrap())
}

// spec 3.2
#[test]
fn twenty_rejections_of_one_token_make_one_refresh() {
    let mut world = served(Rotation::StrictFamily);
    let stamp = stamp(&mut world);
    let mut stamps = vec![stamp; 20];
    let tickets: Vec<_> = stamps
        .iter_mut()
        .map(|stamp| match world.reject(0, stamp, 0) {
            AfterRejection::Wait(ticket) => ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    world.drive();
    assert!(tickets.iter().all(|ticket| world.processes[0].settled.contains_key(ticket)));
    assert_eq!((world.endpoint.refreshes, world.endpoint.reuses), (1, 0));
}

// spec 3.1
#[test]
fn a_late_rejection_is_replayed_with_the_current_token_and_refreshes_nothing() {
    let mut world = served(Rotation::StrictFamily);
    let old = stamp(&mut world);
    let mut first = old.clone();
    assert_eq!(world.replay(0, &mut first).unwrap().generation, 2);
    let mut late = old;
    assert_eq!(world.replay(0, &mut late).unwrap().generation, 2);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 3.1
#[test]
fn a_request_sent_without_a_token_is_a_late_one_too() {
    let mut world = served(Rotation::StrictFamily);
    let mut bare = Stamp { generation: 0, ..stamp(&mut world) };
    assert_eq!(world.replay(0, &mut bare).unwrap().generation, 1);
    assert_eq!(world.endpoint.refreshes, 0);
}

// spec 3.1
#[test]
fn a_rejection_of_another_lineage_is_signed_out() {
    let mut world = served(Rotation::StrictFamily);
    let mut old = stamp(&mut world);
    let fresh = world.endpoint.sign_in();
    world.ask(0, |machine, now| machine.sign_in(&fresh, now)).unwrap();
    world.drive();
    while world.perform_any() {}
    assert_eq!(world.replay(0, &mut old).unwrap_err().unwrap_err().kind, ErrorKind::SignedOut);
    assert_eq!(world.endpoint.refreshes, 0);
}

// spec 3.2
#[test]
fn a_flight_that_was_sent_before_the_rejection_is_followed_by_one_more() {
    let mut world = served(Rotation::StrictFamily);
    let mut request = stamp(&mut world);
    world.ask(0, |machine, now| machine.refresh(false, now));
    // Load and claim are done; the request is on its way when the rejection comes.
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    let current = world.replay(0, &mut request).unwrap();
    assert_eq!(current.generation, 2);
    let mut again = request.replayed(&current);
    assert_eq!(world.replay(0, &mut again).unwrap().generation, 3);
    assert_eq!(world.endpoint.refreshes, 2);
}

// spec 3.3
#[test]
fn a_fresh_token_that_is_rejected_is_denied_and_not_refreshed() {
    let mut world = served(Rotation::StrictFamily);
    let mut request = stamp(&mut world);
    let current = world.replay(0, &mut request).unwrap();
    let mut again = request.replayed(&current);
    assert_eq!(world.replay(0, &mut again).unwrap_err().unwrap(), ReplayRefused::FreshTokenRejected);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 3.4
#[test]
fn what_cannot_be_sent_again_still_refreshes_the_token() {
    let mut world = served(Rotation::StrictFamily);
    let mut request = stamp(&mut world);
    let refused = Some(ReplayRefused::BodyNotReplayable);
    let after = world.ask(0, |machine, now| machine.reject(&mut request, api(0).of(), refused, now));
    assert!(matches!(after, AfterRejection::Refuse(ReplayRefused::BodyNotReplayable)));
    while world.perform_any() {}
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 3.5
#[test]
fn a_failed_refresh_gives_the_error_to_every_rejected_request() {
    let mut world = served(Rotation::StrictFamily);
    world.endpoint.kill_all();
    let stamp = stamp(&mut world);
    for _ in 0..3 {
        let mut request = stamp.clone();
        assert_eq!(world.replay(0, &mut request).unwrap_err().unwrap_err().kind, ErrorKind::LoginRequired);
    }
    assert_eq!(world.endpoint.requests.len(), 1);
    assert_eq!(world.count(0, "LoginRequired"), 1);
}

// spec 3.6
#[test]
fn three_refreshes_in_a_row_hold_an_origin_and_one_accepted_lets_it_go() {
    let mut world = served(Rotation::Strict);
    for generation in 2..5 {
        let mut request = stamp(&mut world);
        assert_eq!(world.replay(0, &mut request).unwrap().generation, generation);
        world.advance(Duration::from_secs(10));
    }
    let mut request = stamp(&mut world);
    assert_eq!(world.replay(0, &mut request).unwrap_err().unwrap(), ReplayRefused::OriginHeld);
    assert_eq!(world.endpoint.refreshes, 3);
    // Poisons nothing else: the token is served, and another origin's rejection refreshes.
    assert_eq!(world.token(0).unwrap().generation, 4);
    world.advance(Duration::from_secs(30));
    let mut other = stamp(&mut world);
    assert!(matches!(world.reject(0, &mut other, 1), AfterRejection::Wait(_)));
    world.drive();
    while world.perform_any() {}
    assert_eq!(world.endpoint.refreshes, 4);
    let request = stamp(&mut world);
    world.ask(0, |machine, now| machine.accepted(&request, api(0).of(), now));
    world.advance(Duration::from_secs(10));
    let mut request = stamp(&mut world);
    assert_eq!(world.replay(0, &mut request).unwrap().generation, 6);
}

// spec 1.1
#[test]
fn a_rejection_counts_only_for_its_origin() {
    let mut world = served(Rotation::Strict);
    let mut request = stamp(&mut world);
    world.endpoint.script = vec![crate::verdict::Outcome::Unknown { status: 418 }];
    world.replay(0, &mut request).unwrap_err().unwrap_err();
    let want = |origin| crate::machine::TokenRequirements { origin, min_life: None };
    let acquire = |world: &mut World, origin| world.ask(0, |machine, now| machine.acquire(want(origin), now));
    assert!(matches!(acquire(&mut world, Some(1)), crate::machine::Acquired::Serve(_)));
    assert!(!matches!(acquire(&mut world, Some(0)), crate::machine::Acquired::Serve(_)));
    while world.perform_any() {}
    assert!(!matches!(acquire(&mut world, None), crate::machine::Acquired::Serve(_)));
}

// spec 5.3
#[test]
fn more_than_five_unexplained_refreshes_in_thirty_seconds_are_limited() {
    let mut world = served(Rotation::Strict);
    for _ in 0..5 {
        world.ask(0, |machine, now| machine.invalidate(now));
        world.token(0).unwrap();
    }
    world.ask(0, |machine, now| machine.invalidate(now));
    let failure = world.token(0).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::RefreshLimited);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(30)));
    assert_eq!(world.endpoint.refreshes, 5);
    for _ in 0..40 {
        assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::RefreshLimited);
    }
    assert_eq!(world.count(0, "RefreshLimited"), 1, "once for each pause");
    world.advance(Duration::from_secs(30));
    assert_eq!(world.token(0).unwrap().generation, 7);
}

// spec 3.2
#[test]
fn invalidate_during_a_flight_asks_for_one_more() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME);
    world.acquire(0);
    while world.processes[0].sends.is_empty() {
        world.perform(0, 0);
    }
    world.ask(0, |machine, now| machine.invalidate(now));
    assert_eq!(world.token(0).unwrap().generation, 3);
    assert_eq!(world.endpoint.refreshes, 2);
}

/// `/a` of that API accepts every token, `/b` none. Gives what `/a` was asked with, and what became of `/b`'s request.
fn ask_a_and_b(world: &mut World, process: usize) -> ReplayRefused {
    let api = api(0);
    let good = world.token(process).expect("`/a` is asked with a token");
    world.ask(process, |machine, now| machine.accepted(&Stamp::new(&good), api.of(), now));
    ask_b(world, process)
}

fn ask_b(world: &mut World, process: usize) -> ReplayRefused {
    let mut request = Stamp::new(&world.token(process).expect("`/b` is asked with a token"));
    loop {
        match world.replay(process, &mut request) {
            Ok(token) => request = request.replayed(&token),
            Err(refused) => {
                world.drive();
                return refused.expect("the response of `/b`");
            }
        }
    }
}

// spec 3.6
#[test]
fn one_bad_url_takes_no_token_from_the_others_of_its_origin() {
    let mut world = served(Rotation::StrictFamily);
    for _ in 0..100 {
        assert_eq!(ask_a_and_b(&mut world, 0), ReplayRefused::FreshTokenRejected);
    }
    assert_eq!(world.endpoint.refreshes, 1);
    assert_eq!(world.count(0, "RefreshLimited"), 0);
}

// spec 3.6
#[test]
fn one_bad_url_refreshes_less_and_less_often_at_a_slow_pace() {
    let mut world = served(Rotation::StrictFamily);
    world.endpoint.lifetime = None;
    let mut refreshed = Vec::new();
    for minute in 0..30 {
        let before = world.endpoint.refreshes;
        ask_a_and_b(&mut world, 0);
        if world.endpoint.refreshes > before {
            refreshed.push(minute);
        }
        world.advance(Duration::from_secs(60));
    }
    assert_eq!(refreshed, [0, 1, 2, 3, 4, 6, 10, 18, 28]);
}

// spec 3.6
#[test]
fn a_request_that_was_helped_clears_the_count_of_its_origin() {
    let mut world = served(Rotation::StrictFamily);
    for _ in 0..10 {
        ask_a_and_b(&mut world, 0);
        world.advance(Duration::from_secs(10));
        // Elsewhere the token has really ended.
        let mut ended = stamp(&mut world);
        if let Ok(fresh) = world.replay(0, &mut ended) {
            let replay = ended.replayed(&fresh);
            world.ask(0, |machine, now| machine.accepted(&replay, api(0).of(), now));
        }
        world.advance(Duration::from_secs(10));
    }
    assert_eq!(world.endpoint.refreshes, 20);
}

// spec 3.6
#[test]
fn a_refresh_that_helped_is_known_though_somebody_else_was_accepted_first() {
    let mut world = served(Rotation::StrictFamily);
    for _ in 0..4 {
        let mut ended = stamp(&mut world);
        let fresh = world.replay(0, &mut ended).expect("a new token");
        let other = Stamp::new(&fresh);
        world.ask(0, |machine, now| machine.accepted(&other, api(0).of(), now));
        let replay = ended.replayed(&fresh);
        world.ask(0, |machine, now| machine.accepted(&replay, api(0).of(), now));
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(world.endpoint.refreshes, 4);
}

// spec 3.6
#[test]
fn other_processes_know_that_a_refresh_helped_though_two_requests_were_accepted_at_once() {
    let mut world = World::new(Rotation::StrictFamily, 0);
    let seed = world.endpoint.sign_in();
    world.start(Some(seed.clone()));
    world.token(0).unwrap();
    let mut ended = stamp(&mut world);
    let fresh = world.replay(0, &mut ended).expect("a new token");
    let (other, replay) = (Stamp::new(&fresh), ended.replayed(&fresh));
    world.ask(0, |machine, now| {
        machine.accepted(&other, api(0).of(), now);
        machine.accepted(&replay, api(0).of(), now);
    });
    world.advance(Duration::from_secs(1));
    let later = world.start(Some(seed));
    let mut ended = Stamp::new(&world.token(later).unwrap());
    world.replay(later, &mut ended).expect("a new token");
    assert_eq!(world.endpoint.refreshes, 2);
}

/// A refresh for a rejected request, whose replay was accepted. That this is known here is not in the store yet.
fn helped(world: &mut World, process: usize) {
    let mut ended = Stamp::new(&world.token(process).unwrap());
    let fresh = world.replay(process, &mut ended).expect("a new token");
    let replay = ended.replayed(&fresh);
    world.ask(process, |machine, now| machine.accepted(&replay, api(0).of(), now));
}

// spec 3.6, 4.9
#[test]
fn a_forked_child_knows_that_its_parents_refresh_helped_though_the_store_does_not_yet() {
    let mut world = served(Rotation::StrictFamily);
    helped(&mut world, 0);
    let saving = std::mem::take(&mut world.processes[0].pending);
    assert!(!saving.is_empty(), "the store does not know");
    let child = world.fork(0);
    let mut ended = Stamp::new(&world.token(child).unwrap());
    assert_eq!(world.replay(child, &mut ended).expect("a new token").generation, 3);
    assert_eq!((world.endpoint.refreshes, world.endpoint.reuses), (2, 0));
}

// spec 3.6
#[test]
fn what_helped_elsewhere_is_looked_up_before_a_rejection_is_refused() {
    let mut world = served(Rotation::StrictFamily);
    helped(&mut world, 0);
    let saving = std::mem::take(&mut world.processes[0].pending);
    let other = world.start(None);
    let mut ended = Stamp::new(&world.token(other).unwrap());
    world.processes[0].pending = saving;
    while world.perform_any() {}
    assert_eq!(world.replay(other, &mut ended).expect("a new token").generation, 3);
    assert_eq!((world.endpoint.refreshes, world.endpoint.reuses), (2, 0));
}

// spec 3.6, 3.1
#[test]
fn a_newer_token_of_another_process_is_taken_before_a_rejection_is_refused() {
    let mut world = served(Rotation::StrictFamily);
    let mut ended = Stamp::new(&world.token(0).unwrap());
    world.replay(0, &mut ended).expect("a new token");
    let other = world.start(None);
    let mut ended = Stamp::new(&world.token(other).unwrap());
    world.ask(0, |machine, now| machine.invalidate(now));
    assert_eq!(world.token(0).unwrap().generation, 3);
    assert_eq!(world.replay(other, &mut ended).expect("a newer token").generation, 3);
    assert_eq!(world.endpoint.refreshes, 2);
}

// spec 3.6
#[test]
fn rejections_that_are_refused_at_once_share_their_look_into_the_store() {
    let mut world = served(Rotation::StrictFamily);
    ask_b(&mut world, 0);
    let request = Stamp::new(&world.token(0).unwrap());
    let loads = world.shelf.loads.get();
    let mut requests = vec![request; 100];
    let mut refused = 0;
    while refused < requests.len() {
        for request in &mut requests {
            refused += usize::from(matches!(world.reject(0, request, 0), AfterRejection::Refuse(_)));
        }
        world.drive();
    }
    assert_eq!(world.shelf.loads.get() - loads, 2, "the first's, and one for all who came meanwhile");
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 3.6
#[test]
fn a_rejection_is_refused_from_memory_where_the_store_is_down() {
    let mut world = served(Rotation::StrictFamily);
    ask_b(&mut world, 0);
    world.shelf.down = true;
    assert_eq!(ask_b(&mut world, 0), ReplayRefused::FreshTokenRejected);
    assert_eq!(world.count(0, "RefreshFailed"), 0);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 3.6
#[test]
fn a_held_origin_is_looked_up_once_a_second_and_let_go_where_another_process_was_helped() {
    let mut world = served(Rotation::Strict);
    let other = world.start(None);
    for _ in 0..3 {
        ask_b(&mut world, 0);
        world.advance(Duration::from_secs(10));
    }
    let loads = world.shelf.loads.get();
    for _ in 0..100 {
        assert_eq!(ask_b(&mut world, 0), ReplayRefused::OriginHeld);
        world.advance(Duration::from_millis(100));
    }
    assert_eq!(world.shelf.loads.get() - loads, 10);
    // The other one's request was rejected with an older token.
    let held = Stamp::new(&world.token(other).unwrap());
    let helped = Stamp { replays: 1, ..held };
    world.ask(other, |machine, now| machine.accepted(&helped, api(0).of(), now));
    world.drive();
    world.advance(Duration::from_secs(1));
    let mut ended = Stamp::new(&world.token(0).unwrap());
    assert_eq!(world.replay(0, &mut ended).expect("a new token").generation, 5);
}

// spec 3.6, 5.3
#[test]
fn twenty_processes_that_ask_a_bad_url_once_make_one_refresh() {
    let mut world = World::new(Rotation::StrictFamily, 0);
    let seed = world.endpoint.sign_in();
    for _ in 0..20 {
        let process = world.start(Some(seed.clone()));
        assert_eq!(ask_a_and_b(&mut world, process), ReplayRefused::FreshTokenRejected);
        world.advance(Duration::from_millis(75));
    }
    assert_eq!((world.endpoint.refreshes, world.endpoint.reuses), (1, 0));
}

// spec 3.6, 5.3
#[test]
fn the_pause_of_an_origin_binds_processes_that_start_later() {
    let mut world = World::new(Rotation::StrictFamily, 0);
    let seed = world.endpoint.sign_in();
    let mut held = 0;
    for _ in 0..20 {
        let process = world.start(Some(seed.clone()));
        held += usize::from(ask_a_and_b(&mut world, process) == ReplayRefused::OriginHeld);
        world.advance(Duration::from_secs(11));
    }
    // At 0, 11, 22 s, then after pauses of 30, 60, and 120 s.
    assert_eq!((world.endpoint.refreshes, held), (5, 15));
}

// spec 3.6
#[test]
fn processes_that_are_rejected_at_once_share_one_refresh_and_make_no_second() {
    let mut world = World::new(Rotation::StrictFamily, 20);
    for process in 0..20 {
        world.token(process).unwrap();
    }
    for process in 0..20 {
        assert_eq!(ask_b(&mut world, process), ReplayRefused::FreshTokenRejected);
    }
    assert_eq!((world.endpoint.refreshes, world.endpoint.reuses), (1, 0));
}

// spec 3.6
#[test]
fn what_an_origin_accepted_is_served_while_its_replacement_cannot_be_had() {
    let mut world = served(Rotation::StrictFamily);
    world.endpoint.lifetime = None;
    let mut request = stamp(&mut world);
    world.ask(0, |machine, now| machine.accepted(&request, api(0).of(), now));
    world.endpoint.script = vec![crate::verdict::Outcome::Unknown { status: 500 }; 50];
    assert_eq!(world.replay(0, &mut request).unwrap_err().unwrap_err().kind, ErrorKind::RefreshFailed);
    for _ in 0..45 {
        assert_eq!(world.token(0).unwrap().generation, 1);
        world.advance(Duration::from_millis(600));
    }
}

// spec 5.3
#[test]
fn refreshes_that_bring_no_token_are_not_too_many_fresh_tokens() {
    let mut world = served(Rotation::StrictFamily);
    let request = stamp(&mut world);
    world.endpoint.script = vec![crate::verdict::Outcome::Unknown { status: 500 }; 100];
    for _ in 0..45 {
        let failure = world.replay(0, &mut request.clone()).unwrap_err().unwrap_err();
        assert_eq!((failure.kind, failure.status), (ErrorKind::RefreshFailed, Some(500)));
        world.advance(Duration::from_millis(600));
    }
    assert_eq!(world.count(0, "RefreshLimited"), 0);
}
