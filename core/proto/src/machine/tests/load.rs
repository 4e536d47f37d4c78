//! A minute of load on a URL that accepts every token and on one that accepts none.

use std::collections::VecDeque;
use std::time::Duration;

use super::serving::served;
use super::world::{World, api};
use crate::machine::{AfterRejection, Fast, ReplayRefused, Settled, Stamp};
use crate::rotation::Rotation;

const SECONDS: u32 = 60;
const REQUESTS_A_SECOND: u32 = 1_000;

/// What the callers of both URLs got.
#[derive(Debug, Default, PartialEq, Eq)]
struct Got {
    served: u32,
    refused: u32,
}

// spec 3.6
#[test]
fn sixty_thousand_requests_in_a_minute_cost_the_good_url_nothing_and_the_bad_one_four_refreshes() {
    let mut world = served(Rotation::StrictFamily);
    let mut got = Got::default();
    let mut refreshed = Vec::new();
    for request in 0..SECONDS * REQUESTS_A_SECOND {
        let before = world.endpoint.refreshes;
        match request % 2 {
            0 => good(&mut world, &mut got),
            _ => bad(&mut world, &mut got),
        }
        if world.endpoint.refreshes > before {
            refreshed.push(request / REQUESTS_A_SECOND);
        }
        world.advance(Duration::from_secs(1) / REQUESTS_A_SECOND);
    }
    assert_eq!(got, Got { served: 30_000, refused: 30_000 });
    assert_eq!(refreshed, [0, 10, 20, 50], "three in a row, then a pause of 30 s");
    assert_eq!((world.endpoint.reuses, world.count(0, "RefreshLimited")), (0, 0));
}

/// A request that was sent and is not answered yet.
struct UnderWay {
    good: bool,
    stamp: Stamp,
}

// spec 3.6: answers come 50 ms after their requests, so that those to the bad URL come in any order with a refresh
#[test]
fn fifty_requests_at_once_on_a_bad_and_a_good_url_refresh_no_more_than_one_after_the_other() {
    const AT_ONCE: usize = 50;
    let mut world = served(Rotation::StrictFamily);
    let mut got = Got::default();
    let mut refreshed = Vec::new();
    let mut under_way = VecDeque::new();
    for request in 0..SECONDS * REQUESTS_A_SECOND {
        let before = world.endpoint.refreshes;
        let stamp = Stamp::new(&world.token(0).expect("a token for either URL"));
        under_way.push_back(UnderWay { good: request % 2 == 0, stamp });
        while under_way.len() > AT_ONCE {
            let Some(answered) = under_way.pop_front() else { break };
            under_way.extend(answer(&mut world, answered, &mut got));
        }
        if world.endpoint.refreshes > before {
            refreshed.push(request / REQUESTS_A_SECOND);
        }
        world.advance(Duration::from_secs(1) / REQUESTS_A_SECOND);
    }
    assert_eq!(refreshed, [0, 10, 20, 50], "three in a row, then a pause of 30 s");
    assert_eq!((world.endpoint.reuses, world.count(0, "RefreshLimited")), (0, 0));
    assert!(got.served > 29_900 && got.refused > 29_900, "{got:?}");
}

/// The request again, if it is replayed.
fn answer(world: &mut World, UnderWay { good, mut stamp }: UnderWay, got: &mut Got) -> Option<UnderWay> {
    if good {
        got.served += 1;
        if world.processes[0].snapshot.watches(0, stamp.replays > 0) {
            world.ask(0, |machine, now| machine.accepted(&stamp, api(0).of(), now));
        }
        world.drive();
        return None;
    }
    loop {
        match world.reject(0, &mut stamp, 0) {
            AfterRejection::Replay(current) => {
                return Some(UnderWay { good, stamp: stamp.replayed(&current) });
            }
            AfterRejection::Wait(ticket) => {
                world.drive();
                if let Some(Settled::Token(current)) = world.processes[0].settled.get(&ticket) {
                    return Some(UnderWay { good, stamp: stamp.replayed(current) });
                }
            }
            AfterRejection::Refuse(
                ReplayRefused::FreshTokenRejected | ReplayRefused::OriginHeld | ReplayRefused::LimitReached,
            ) => {
                got.refused += 1;
                return None;
            }
            other => panic!("the caller of the bad URL gets its response: {other:?}"),
        }
    }
}

/// Served from what is published: no caller of this URL ever waits.
fn good(world: &mut World, got: &mut Got) {
    assert_eq!(world.fast(0), Fast::Serve);
    let stamp = Stamp::new(&world.token(0).expect("a token for the good URL"));
    if world.processes[0].snapshot.watches(0, false) {
        world.ask(0, |machine, now| machine.accepted(&stamp, api(0).of(), now));
    }
    got.served += 1;
}

fn bad(world: &mut World, got: &mut Got) {
    let mut stamp = Stamp::new(&world.token(0).expect("a token for the bad URL"));
    loop {
        match world.reject(0, &mut stamp, 0) {
            AfterRejection::Replay(current) => stamp = stamp.replayed(&current),
            AfterRejection::Wait(ticket) => {
                world.drive();
                if let Some(Settled::Token(current)) = world.processes[0].settled.get(&ticket) {
                    stamp = stamp.replayed(current);
                }
            }
            AfterRejection::Refuse(ReplayRefused::FreshTokenRejected | ReplayRefused::OriginHeld) => break,
            other => panic!("the caller of the bad URL gets its response: {other:?}"),
        }
    }
    world.drive();
    got.refused += 1;
}
