//! When a token is served (spec 1).

use std::sync::Arc;
use std::time::Duration;

use super::world::{LIFETIME, World};
use crate::credential::{Credential, Expiry, Secret, TokenResponse};
use crate::error::{ErrorKind, Failure};
use crate::machine::{Acquired, Fast, MachineConfig, TokenRequirements};
use crate::rotation::Rotation;
use crate::verdict::Outcome;

/// A world whose first process has read its seed and serves it.
pub(super) fn served(rotation: Rotation) -> World {
    let mut world = World::new(rotation, 1);
    world.token(0).unwrap();
    world
}

// spec 1.1, 7.3
#[test]
fn a_seed_is_stored_before_it_is_served() {
    let mut world = World::new(Rotation::Strict, 1);
    assert!(matches!(world.acquire(0), Acquired::Wait(_)));
    assert_eq!(world.fast(0), Fast::Ask);
    world.drive();
    assert_eq!(world.token(0).unwrap().value.expose(), "at-1");
    assert_eq!(world.shelf.read().refresh_token.unwrap().expose(), "rt-1");
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 1.2
#[test]
fn the_advisory_window_refreshes_once_and_serves_everybody() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME - Duration::from_secs(170));
    assert_eq!(world.fast(0), Fast::ServeAndReport);
    for _ in 0..10 {
        assert!(matches!(world.acquire(0), Acquired::Serve(_)));
    }
    assert_eq!(world.fast(0), Fast::Serve);
    world.drive();
    while world.perform_any() {}
    assert_eq!(world.endpoint.refreshes, 1);
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 1.2
#[test]
fn jitter_starts_the_advisory_refresh_earlier_and_never_later() {
    let mut world = served(Rotation::Strict);
    let window = LIFETIME / 5;
    world.advance(LIFETIME - window * 3 / 2 - Duration::from_secs(1));
    assert_eq!(world.fast(0), Fast::Serve);
    world.advance(window / 2 + Duration::from_secs(1));
    assert_eq!(world.fast(0), Fast::ServeAndReport);
}

// spec 1.2
#[test]
fn inside_the_mandatory_window_callers_wait() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME - Duration::from_secs(20));
    assert_eq!(world.fast(0), Fast::Ask);
    assert!(matches!(world.acquire(0), Acquired::Wait(_)));
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 1.2
#[test]
fn a_failed_refresh_in_the_mandatory_window_serves_the_valid_token() {
    let mut world = served(Rotation::Strict);
    world.advance(LIFETIME - Duration::from_secs(20));
    world.endpoint.script = vec![crate::verdict::Outcome::Unknown { status: 418 }];
    assert_eq!(world.token(0).unwrap().generation, 1);
    // Back-off: nobody waits for what will not be tried.
    assert!(matches!(world.acquire(0), Acquired::Serve(_)));
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 1.2
#[test]
fn an_idle_session_makes_no_traffic() {
    let mut world = served(Rotation::Strict);
    assert_eq!(world.processes[0].machine.poll_timeout(), None);
    world.advance(LIFETIME * 10);
    while world.perform_any() {}
    assert_eq!(world.endpoint.requests.len(), 0);
}

// spec 1.2
#[test]
fn without_background_there_is_no_advisory_refresh() {
    let mut world = World::new(Rotation::Strict, 0);
    let seed = world.endpoint.sign_in();
    let mut config = world.config();
    config.background = false;
    world.start_with(config, Some(seed));
    world.token(0).unwrap();
    world.advance(LIFETIME - Duration::from_secs(50));
    assert_eq!(world.fast(0), Fast::Serve);
    world.advance(Duration::from_secs(20));
    assert_eq!(world.fast(0), Fast::Ask);
}

// spec 1.2, 1.3
#[test]
fn an_unknown_lifetime_is_reactive_only() {
    let mut world = World::new(Rotation::Strict, 0);
    let mut seed = world.endpoint.sign_in();
    seed.expiry = None;
    world.start(Some(seed));
    world.token(0).unwrap();
    world.advance(Duration::from_secs(1_000_000));
    assert_eq!(world.fast(0), Fast::Serve);
}

// spec 1.3
#[test]
fn a_wall_clock_that_jumps_forward_ends_the_token_and_one_that_jumps_back_does_not_lengthen_it() {
    let mut world = served(Rotation::Strict);
    world.jump_wall(i64::try_from(LIFETIME.as_millis()).unwrap());
    assert_eq!(world.fast(0), Fast::Ask);
    let mut world = served(Rotation::Strict);
    world.jump_wall(-3_600_000);
    world.advance(LIFETIME);
    assert_eq!(world.fast(0), Fast::Ask);
}

// spec 1.3
#[test]
fn a_past_expiry_of_the_users_means_expired() {
    let mut world = World::new(Rotation::Strict, 0);
    let mut seed = world.endpoint.sign_in();
    seed.expiry = Some(Expiry::At(world.now.wall.minus(Duration::from_secs(5))));
    world.start(Some(seed));
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 1.1, 1.3: a thread that read its clock before another one opened the store looks with the older reading
#[test]
fn a_token_that_ended_long_ago_is_served_to_no_older_reading_of_the_clock() {
    for ended in [Duration::from_secs(5), Duration::MAX] {
        let mut world = World::new(Rotation::Strict, 0);
        let mut seed = world.endpoint.sign_in();
        seed.expiry = Some(Expiry::At(world.now.wall.minus(ended)));
        let process = world.start(Some(seed));
        let before = world.now;
        world.advance(Duration::from_millis(1));
        world.acquire(process);
        while world.perform_store() {
            assert_eq!(world.fast_at(process, before), Fast::Ask);
        }
        assert_eq!(world.fast_at(process, before), Fast::Ask);
    }
}

// spec 1.5
#[test]
fn a_minimum_life_refreshes_only_where_it_can_be_had() {
    let mut world = served(Rotation::Strict);
    world.advance(Duration::from_secs(100));
    let asked =
        TokenRequirements { min_life: Some(Duration::from_secs(2000)), ..TokenRequirements::default() };
    assert!(matches!(world.ask(0, |machine, now| machine.acquire(asked, now)), Acquired::Serve(_)));
    assert!(matches!(world.ask(0, |machine, now| machine.acquire(asked, now)), Acquired::Serve(_)));
    assert_eq!(world.count(0, "Warned"), 1);
    let asked =
        TokenRequirements { min_life: Some(Duration::from_secs(850)), ..TokenRequirements::default() };
    world.advance(Duration::from_secs(400));
    assert!(matches!(world.ask(0, |machine, now| machine.acquire(asked, now)), Acquired::Wait(_)));
    while world.perform_any() {}
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 1.6
#[test]
fn a_grant_that_is_expired_on_arrival_is_kept_and_served_and_the_session_turns_reactive() {
    let mut world = served(Rotation::Strict);
    world.endpoint.lifetime = Some(Duration::ZERO);
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.fast(0), Fast::Serve);
    assert_eq!(world.shelf.read().generation(), 2);
    assert_eq!(world.endpoint.refreshes, 1);
}

// spec 5.3
#[test]
fn tokens_that_live_for_a_blink_are_refreshed_at_most_once_a_second() {
    let mut world = served(Rotation::Strict);
    world.endpoint.lifetime = Some(Duration::from_millis(200));
    world.advance(LIFETIME);
    for _ in 0..5 {
        world.token(0).unwrap();
        world.advance(Duration::from_millis(250));
    }
    let began = Duration::from_secs(3600) + LIFETIME;
    let seconds = (world.now.mono - began).as_secs_f64();
    assert!(
        f64::from(world.endpoint.refreshes) <= seconds + 1.0,
        "{} in {seconds} s",
        world.endpoint.refreshes
    );
}

#[test]
fn without_a_refresh_token_the_access_token_is_served_to_its_end() {
    let mut world = World::new(Rotation::Strict, 0);
    let mut seed = world.endpoint.sign_in();
    seed.refresh_token = None;
    world.start(Some(seed));
    world.token(0).unwrap();
    world.advance(LIFETIME - Duration::from_secs(1));
    assert_eq!(world.token(0).unwrap().generation, 1);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    assert_eq!(world.count(0, "LoginRequired"), 1);
}

/// Tokens of an unknown type, and tokens that are no header value, cannot be served.
fn choosy(world: &World) -> MachineConfig {
    let servable = |token: &Secret, kind: Option<&str>| match kind.is_some() || token.expose().contains('\n')
    {
        true => Err(Failure::new(ErrorKind::InvalidConfig, "cannot be served")),
        false => Ok(()),
    };
    MachineConfig { servable: Arc::new(servable), ..world.config() }
}

fn grant(access_token: &str, token_type: Option<&str>, refresh_token: &str) -> Outcome {
    let mut grant = TokenResponse::new(access_token);
    grant.lifetime = Some(LIFETIME);
    grant.token_type = token_type.map(str::to_owned);
    grant.refresh_token = Some(refresh_token.into());
    Outcome::Granted(Box::new(grant))
}

fn choosy_and_expired() -> World {
    let mut world = World::new(Rotation::Strict, 0);
    let (config, seed) = (choosy(&world), world.endpoint.sign_in());
    world.start_with(config, Some(seed));
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world
}

// spec 1.8
#[test]
fn a_token_that_can_never_be_served_is_replaced_at_the_next_call() {
    let mut world = choosy_and_expired();
    world.endpoint.script = vec![grant("AT\n", None, "rt-2"), grant("AT-3", None, "rt-3")];
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::InvalidConfig);
    assert_eq!(world.token(0).unwrap().value.expose(), "AT-3");
    assert_eq!(world.endpoint.requests.len(), 2);
}

// spec 1.8
#[test]
fn a_server_that_gives_nothing_but_such_tokens_is_asked_less_and_less_often() {
    let mut world = choosy_and_expired();
    world.endpoint.script = (2..100).map(|n| grant("AT\n", None, &format!("rt-{n}"))).collect();
    for _ in 0..600 {
        assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::InvalidConfig);
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(world.endpoint.requests.len(), 5, "at 0 and 1 s, then after 60, 120 and 240 s");
}

// spec 1.8
#[test]
fn a_token_of_an_unknown_type_is_replaced_once_it_is_over() {
    let mut world = choosy_and_expired();
    world.endpoint.script = vec![grant("AT-2", Some("mac"), "rt-2"), grant("AT-3", None, "rt-3")];
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::InvalidConfig);
    world.advance(LIFETIME / 2);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::InvalidConfig);
    assert_eq!(world.endpoint.requests.len(), 1);
    world.advance(LIFETIME / 2);
    assert_eq!(world.token(0).unwrap().value.expose(), "AT-3");
}

// spec 1.9
#[test]
fn a_seeds_lifetime_counts_from_when_it_was_given() {
    for (seconds, generation) in [(1, 1), (3, 2)] {
        let mut world = World::new(Rotation::Strict, 0);
        let expiry = Some(Expiry::In(Duration::from_secs(2)));
        let seed = Credential { expiry, ..world.endpoint.sign_in() };
        world.start(Some(seed));
        world.give(0);
        world.advance(Duration::from_secs(seconds));
        assert_eq!(world.token(0).unwrap().generation, generation);
    }
}
