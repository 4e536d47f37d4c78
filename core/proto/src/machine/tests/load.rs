//! A minute of load on a URL that accepts every token and on one that accepts none.

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
