//! For any interleaving: at most one holder sends, nothing is spent twice that need not be, nobody waits
//! for ever, and what arrived is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::world::{CAP, LIFETIME, World};
use crate::credential::TokenResponse;
use crate::event::EventKind;
use crate::machine::{Acquired, Stamp};
use crate::rotation::Rotation;

const PROCESSES: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Acquire(usize),
    Reject(usize),
    Renew(usize, u32),
    Refresh(usize, bool),
    Invalidate(usize),
    Perform(usize, usize),
    Advance(u64),
    ExpireToken,
    JumpWall(i64),
    SignIn(usize),
    SignOut(usize),
    LoseAnswer,
    StoreDown(bool),
    Crash(usize),
}

/// Which troubles may happen.
#[derive(Clone, Copy)]
struct Troubles {
    lost: bool,
    crash: bool,
    store: bool,
    sign: bool,
}

fn steps(troubles: Troubles) -> impl Strategy<Value = Vec<Step>> {
    let process = 0..PROCESSES;
    let step = prop_oneof![
        6 => process.clone().prop_map(Step::Acquire),
        3 => process.clone().prop_map(Step::Reject),
        2 => (process.clone(), any::<u32>()).prop_map(|(process, token)| Step::Renew(process, token)),
        1 => (process.clone(), any::<bool>()).prop_map(|(process, force)| Step::Refresh(process, force)),
        1 => process.clone().prop_map(Step::Invalidate),
        20 => (process.clone(), 0usize..4).prop_map(|(process, index)| Step::Perform(process, index)),
        3 => (1u64..40_000).prop_map(Step::Advance),
        3 => Just(Step::ExpireToken),
        1 => (-2_000_000i64..2_000_000).prop_map(Step::JumpWall),
        1 => process.clone().prop_map(move |process| if troubles.sign { Step::SignIn(process) } else { Step::Acquire(process) }),
        1 => process.clone().prop_map(move |process| if troubles.sign { Step::SignOut(process) } else { Step::Acquire(process) }),
        1 => Just(if troubles.lost { Step::LoseAnswer } else { Step::ExpireToken }),
        1 => any::<bool>().prop_map(move |down| Step::StoreDown(down && troubles.store)),
        1 => process.prop_map(move |process| if troubles.crash { Step::Crash(process) } else { Step::Acquire(process) }),
    ];
    prop::collection::vec(step, 1..120)
}

fn rotations() -> impl Strategy<Value = Rotation> {
    prop_oneof![
        Just(Rotation::None),
        Just(Rotation::Grace(Duration::from_secs(30))),
        Just(Rotation::UntilSuccessorUsed),
        Just(Rotation::Strict),
        Just(Rotation::StrictFamily),
        Just(Rotation::Unknown),
    ]
}

fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Acquire(process) => drop(world.acquire(process)),
        Step::Reject(process) => {
            if let Some(current) = world.processes[process].snapshot.current.clone() {
                world.reject(process, &mut Stamp::new(&current), 0);
            }
        }
        Step::Renew(process, token) => {
            if let Some(current) = world.processes[process].snapshot.current.clone() {
                let tokens = TokenResponse::new(format!("sliding-{token}"));
                world.ask(process, |machine, now| machine.renew(&Stamp::new(&current), tokens, now));
            }
        }
        Step::Refresh(process, force) => {
            let acquired = world.ask(process, |machine, now| machine.refresh(force, now));
            if let Acquired::Wait(ticket) = acquired {
                world.processes[process].waits.push(ticket);
            }
        }
        Step::Invalidate(process) => world.ask(process, |machine, now| machine.invalidate(now)),
        Step::Perform(process, index) => {
            if index < world.processes[process].pending.len() {
                world.perform(process, index);
            }
        }
        Step::Advance(ms) => pass(world, Duration::from_millis(ms)),
        Step::ExpireToken => pass(world, LIFETIME),
        Step::JumpWall(by) => world.jump_wall(by),
        Step::SignIn(process) => {
            let fresh = world.endpoint.sign_in();
            let ticket = world.ask(process, |machine, now| machine.sign_in(&fresh, now)).unwrap();
            world.processes[process].waits.push(ticket);
        }
        Step::SignOut(process) => {
            let ticket = world.ask(process, |machine, now| machine.sign_out(now));
            world.processes[process].waits.push(ticket);
        }
        Step::LoseAnswer => world.lose_answers = 1,
        Step::StoreDown(down) => world.shelf.down = down,
        Step::Crash(process) => world.crash(process),
    }
}

/// Time passes. A store answers within seconds or not at all (spec 4.5), so what it was asked is done first,
/// and a renewal comes when it is due.
fn pass(world: &mut World, by: Duration) {
    const TICK: Duration = Duration::from_secs(20);
    let mut left = by;
    while !left.is_zero() {
        while world.perform_store() {}
        let tick = left.min(TICK);
        world.advance(tick);
        // An outage that outlasts a lease may cost a second send (spec 7.4); these are shorter.
        world.shelf.down = false;
        left -= tick;
    }
}

/// Lets everything come to its end, with the store up and time going on.
fn come_to_rest(world: &mut World) {
    world.shelf.down = false;
    world.lose_answers = 0;
    for _ in 0..5000 {
        while world.perform_any() {}
        let due = world.processes.iter().filter_map(|process| process.machine.poll_timeout()).min();
        let Some(due) = due else { return };
        world.advance(due.saturating_sub(world.now.mono));
    }
    panic!("does not come to rest");
}

/// Sends that may still be running, by the token's lineage: nobody may join in.
fn at_most_one_sends(world: &World) {
    if world.endpoint.rotation == Rotation::None {
        // Where nothing rotates, a store that is down costs nothing (spec 7.6): neither does a second sender.
        return;
    }
    let mut sending: BTreeMap<&str, usize> = BTreeMap::new();
    for process in &world.processes {
        for (token, since) in process.sends.values() {
            if world.now.mono.saturating_sub(*since) < CAP {
                *sending.entry(token).or_default() += 1;
            }
        }
    }
    assert!(sending.values().all(|senders| *senders <= 1), "two send at once: {sending:?}");
}

#[derive(Default)]
struct Seen {
    newest: BTreeMap<(usize, String), u64>,
}

impl Seen {
    fn generations_only_grow(&mut self, world: &World) {
        for (place, process) in world.processes.iter().enumerate() {
            let Some(current) = &process.snapshot.current else { continue };
            let newest = self.newest.entry((place, current.lineage.to_string())).or_default();
            assert!(current.generation >= *newest, "an older generation was published over a newer one");
            *newest = current.generation;
        }
    }
}

fn nobody_is_forgotten(world: &World) {
    for process in &world.processes {
        for ticket in &process.waits {
            assert!(process.settled.contains_key(ticket), "ticket {ticket} was forgotten");
        }
    }
}

fn login_is_told_once(world: &World) {
    for process in &world.processes {
        let mut told: BTreeMap<(&str, u64), usize> = BTreeMap::new();
        for event in &process.events {
            if matches!(event.kind, EventKind::LoginRequired { .. }) {
                *told.entry((&event.lineage, event.generation)).or_default() += 1;
            }
        }
        assert!(told.values().all(|times| *times <= 1), "LoginRequired was told twice: {told:?}");
    }
}

fn run(rotation: Rotation, steps: &[Step], crashes: bool) -> World {
    let mut world = World::new(rotation, PROCESSES);
    let mut seen = Seen::default();
    for step in steps {
        take(&mut world, step);
        if !crashes {
            at_most_one_sends(&world);
            seen.generations_only_grow(&world);
        }
    }
    come_to_rest(&mut world);
    nobody_is_forgotten(&world);
    if !crashes {
        login_is_told_once(&world);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    // spec 4.1, 6.2, 7.2
    #[test]
    fn without_trouble_no_token_is_spent_twice_and_the_store_holds_the_newest(
        rotation in rotations(),
        steps in steps(Troubles { lost: false, crash: false, store: false, sign: false }),
    ) {
        let world = run(rotation, &steps, false);
        prop_assert_eq!(world.endpoint.reuses, 0);
        prop_assert!(world.processes.iter().all(|process| process.names_login() == 0));
        if let Some((_, _)) = &world.shelf.record {
            let stored = world.shelf.read();
            prop_assert!(world.endpoint.is_active(stored.refresh_token.unwrap().expose()));
        }
    }

    // spec 4.6, 7.2
    #[test]
    fn whatever_the_store_and_the_user_do_no_token_is_spent_twice(
        rotation in rotations(),
        steps in steps(Troubles { lost: false, crash: false, store: true, sign: true }),
    ) {
        let world = run(rotation, &steps, false);
        prop_assert_eq!(world.endpoint.unforced_reuses, 0);
        if world.shelf.record.is_some() && !world.shelf.read().tombstone {
            let stored = world.shelf.read();
            prop_assert!(world.endpoint.is_active(stored.refresh_token.unwrap().expose()));
        }
    }

    // spec 6.2, 6.3
    #[test]
    fn a_token_is_spent_twice_only_after_its_answer_was_lost(
        rotation in rotations(),
        steps in steps(Troubles { lost: true, crash: true, store: false, sign: true }),
    ) {
        let world = run(rotation, &steps, true);
        prop_assert_eq!(world.endpoint.unforced_reuses, 0);
    }

    // spec 6.2
    #[test]
    fn where_the_server_keeps_the_old_token_a_lost_answer_costs_nobody_the_session(
        rotation in prop_oneof![Just(Rotation::None), Just(Rotation::UntilSuccessorUsed)],
        steps in steps(Troubles { lost: true, crash: true, store: false, sign: false }),
    ) {
        let world = run(rotation, &steps, true);
        prop_assert_eq!(world.endpoint.reuses, 0);
        prop_assert!(world.shelf.record.is_none() || world.shelf.read().dead.is_none());
    }
}

impl super::world::Process {
    fn names_login(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.kind, EventKind::LoginRequired { .. })).count()
    }
}
