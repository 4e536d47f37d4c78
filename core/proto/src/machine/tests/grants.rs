//! How tokens are renewed: client credentials, and functions of the user's (spec 5.18, 5.19).

use std::sync::Arc;
use std::time::Duration;

use super::world::{LIFETIME, World};
use crate::credential::{Credential, Expiry, TokenResponse};
use crate::error::{Cause, ErrorKind};
use crate::grant::{ClientCredentials, GrantRequest};
use crate::machine::{Effect, MachineConfig, Settled, Snapshot, StatusStanding};
use crate::rotation::Rotation;
use crate::verdict::{DeadReason, Lost, Outcome, ServerError, StepUp};

fn asking_for(world: &World, scope: &str) -> MachineConfig {
    let mut config = world.config();
    let mut binding = (*config.binding).clone();
    binding.client_credentials = Some(Arc::new(ClientCredentials::new().scope(scope)));
    config.binding = Arc::new(binding);
    config
}

/// Processes of one client that asks on its own behalf; nothing is stored.
fn clients(processes: usize) -> World {
    // Whatever the dialect says of refresh tokens does not concern them.
    let mut world = World::new(Rotation::StrictFamily, 0);
    for _ in 0..processes {
        let config = asking_for(&world, "read");
        world.start_with(config, None);
    }
    world
}

// spec 5.18
#[test]
fn a_client_asks_for_its_first_token_without_a_sign_in_and_renews_it_the_same_way() {
    let mut world = clients(1);
    assert_eq!(world.token(0).unwrap().generation, 1);
    assert_eq!(world.names(0), ["SignedIn", "RefreshStarted", "RefreshSucceeded"]);
    assert!(world.processes[0].machine.status(world.now).refreshable);
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests, ["", ""]);
}

// spec 4.1, 5.18
#[test]
fn ten_processes_that_begin_at_once_ask_once() {
    let mut world = clients(10);
    for process in 0..10 {
        world.acquire(process);
    }
    world.drive();
    for process in 0..10 {
        assert_eq!(world.token(process).unwrap().generation, 1, "{process}");
    }
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 5.18
#[test]
fn a_refresh_token_that_comes_along_is_not_kept() {
    let mut world = clients(1);
    let mut response = TokenResponse::new("at-1");
    response.refresh_token = Some("rt-1".into());
    response.refresh_token_lifetime = Some(LIFETIME);
    world.endpoint.script.push(Outcome::Granted(Box::new(response)));
    world.token(0).unwrap();
    let record = world.shelf.read();
    assert!(record.refresh_token.is_none() && record.refresh_token_life.is_none());
}

// spec 5.18, 6.1
#[test]
fn a_lost_answer_is_asked_for_again_since_nothing_was_used_up() {
    let mut world = clients(1);
    world.endpoint.script.extend([Outcome::Lost(Lost::Broken), Outcome::Lost(Lost::Cap)]);
    assert_eq!(world.token(0).unwrap().generation, 1);
    assert_eq!(world.endpoint.requests.len(), 3);
}

// spec 5.18
#[test]
fn a_refused_client_is_told_as_one_and_nobody_is_asked_to_sign_in() {
    for refusal in [Outcome::Dead(DeadReason::Rejected), Outcome::StepUp(StepUp::default())] {
        let mut world = clients(1);
        world.endpoint.script.push(refusal);
        assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::ClientRejected);
        assert_eq!(world.count(0, "LoginRequired"), 0);
        assert!(world.shelf.read().dead.is_none());
        // Held for a minute; then it is asked again.
        assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::ClientRejected);
        world.advance(Duration::from_secs(61));
        assert_eq!(world.token(0).unwrap().generation, 1);
        assert_eq!(world.endpoint.requests.len(), 2);
    }
}

// spec 4.6, 5.18, 7.3
#[test]
fn what_was_signed_out_stays_so_until_it_is_signed_in_again() {
    let mut world = clients(1);
    world.token(0).unwrap();
    world.ask(0, crate::machine::Machine::sign_out);
    world.drive();
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::SignedOut);
    let config = asking_for(&world, "read");
    let restarted = world.start_with(config, None);
    assert_eq!(world.token(restarted).unwrap_err().kind, ErrorKind::SignedOut);
    assert_eq!(world.endpoint.requests.len(), 1);
    world.ask(restarted, |machine, now| machine.sign_in(&Credential::default(), now)).unwrap();
    world.drive();
    world.token(restarted).unwrap();
    assert_eq!(world.endpoint.requests.len(), 2);
}

// spec 7.5
#[test]
fn a_token_for_another_scope_is_neither_served_nor_replaced() {
    let mut world = clients(1);
    world.token(0).unwrap();
    let config = asking_for(&world, "write");
    let other = world.start_with(config, None);
    let failure = world.token(other).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::InvalidConfig);
    assert!(failure.message.contains("scope read") && failure.message.contains("scope write"), "{failure}");
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 5.18
#[test]
fn a_client_begins_with_an_access_token_but_not_with_a_refresh_token() {
    let mut world = World::new(Rotation::Strict, 0);
    let config = asking_for(&world, "read");
    let (access_token, expiry) = (Some("at-0".into()), Some(Expiry::In(LIFETIME)));
    let seed = Credential { access_token, expiry, ..Credential::default() };
    world.start_with(config.clone(), Some(seed.clone()));
    assert_eq!(world.token(0).unwrap().value.expose(), "at-0");
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 2);
    let wrong = Credential { refresh_token: Some("rt-0".into()), ..seed };
    assert!(config.binding.check(&wrong).unwrap_err().message.contains("client_credentials"));
}

// spec 4.9, 5.18
#[test]
fn a_forked_child_asks_for_itself() {
    let mut world = World::new(Rotation::Strict, 0);
    let mut config = asking_for(&world, "read");
    config.shared = false;
    world.start_with(config, None);
    let machine = &mut world.processes[0].machine;
    let binding = crate::machine::Binding::default();
    let idle = crate::machine::Machine::new(
        MachineConfig::new(Rotation::Strict, binding),
        None,
        crate::machine::Entropy::new([9; 32]),
    );
    *machine = std::mem::replace(machine, idle).forked(&Snapshot::default());
    world.token(0).unwrap();
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 2);
}

/// A session whose tokens a function gets, and that has no refresh token.
fn with_function() -> World {
    let mut world = World::new(Rotation::Unknown, 0);
    let mut config = world.config();
    config.refresh_function = true;
    let seed = Credential {
        access_token: Some("at-0".into()),
        expiry: Some(Expiry::In(LIFETIME)),
        ..Credential::default()
    };
    world.start_with(config, Some(seed));
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world
}

// spec 5.19
#[test]
fn a_function_is_asked_without_a_refresh_token_too() {
    let mut world = with_function();
    world.acquire(0);
    let request = loop {
        match &world.processes[0].pending[0] {
            Effect::Send { request, .. } => break request.clone(),
            _ => world.perform(0, 0),
        }
    };
    let GrantRequest::Custom(input) = request else { panic!("{request:?}") };
    assert!(input.refresh_token.is_none());
    world.drive();
    assert_eq!(world.token(0).unwrap().generation, 2);
}

// spec 5.2, 5.19
#[test]
fn a_function_ends_its_session_without_a_refresh_token_too() {
    let mut world = with_function();
    world.endpoint.script.push(Outcome::Dead(DeadReason::RefreshFunction));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    let standing = world.processes[0].machine.status(world.now).standing;
    assert_eq!(standing, StatusStanding::LoginRequired(DeadReason::RefreshFunction));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 5.19
#[test]
fn what_a_function_did_is_told_as_what_it_is_with_its_cause() {
    let mut world = with_function();
    let ticket = match world.acquire(0) {
        crate::machine::Acquired::Wait(ticket) => ticket,
        other => panic!("{other:?}"),
    };
    let op = loop {
        match &world.processes[0].pending[0] {
            Effect::Send { op, .. } => break *op,
            _ => world.perform(0, 0),
        }
    };
    world.processes[0].pending.remove(0);
    let cause = Cause::new("KeyError", "SENTINEL");
    let said = ServerError {
        message: Some("the refresh function raised KeyError".into()),
        cause: Some(cause.clone()),
        ..ServerError::default()
    };
    // Once more at once, as table 6.2 allows; then it is over.
    world.ask(0, |machine, now| machine.handle_outcome(op, Outcome::Lost(Lost::Broken), said.clone(), now));
    let again = loop {
        match &world.processes[0].pending[0] {
            Effect::Send { op, .. } => break *op,
            _ => world.perform(0, 0),
        }
    };
    world.processes[0].pending.remove(0);
    world.ask(0, |machine, now| machine.handle_outcome(again, Outcome::Lost(Lost::Broken), said, now));
    world.drive();
    let Some(Settled::Failed(failure)) = world.processes[0].settled.get(&ticket) else { panic!() };
    assert_eq!(failure.kind, ErrorKind::RefreshFailed);
    assert!(failure.message.starts_with("the refresh function raised KeyError: "), "{failure}");
    assert!(!failure.message.contains("server says") && !failure.message.contains("SENTINEL"));
    assert_eq!(failure.cause, Some(cause));
}

fn with_cookie(world: &World) -> MachineConfig {
    let mut config = world.config();
    config.refreshes_by_cookie = true;
    config
}

/// Pages of a browser that keeps the credential in a cookie.
fn pages(count: usize) -> World {
    let mut world = World::new(Rotation::Strict, 0);
    for _ in 0..count {
        let config = with_cookie(&world);
        world.start_with(config, None);
    }
    world
}

// spec 5.21
#[test]
fn with_a_cookie_the_first_token_comes_without_any_and_no_refresh_token_is_kept() {
    let mut world = pages(1);
    let mut response = TokenResponse::new("at-1");
    response.lifetime = Some(LIFETIME);
    response.refresh_token = Some("rt-1".into());
    response.refresh_token_lifetime = Some(LIFETIME);
    world.endpoint.script.push(Outcome::Granted(Box::new(response)));
    assert_eq!(world.token(0).unwrap().generation, 1);
    assert!(world.processes[0].machine.status(world.now).refreshable);
    let record = world.shelf.read();
    assert!(record.refresh_token.is_none() && record.refresh_token_life.is_none());
    world.advance(LIFETIME);
    assert_eq!(world.token(0).unwrap().generation, 2);
    assert_eq!(world.endpoint.requests, ["", ""]);
}

// spec 4.1, 5.21
#[test]
fn ten_pages_with_one_cookie_refresh_once() {
    let mut world = pages(10);
    for page in 0..10 {
        world.acquire(page);
    }
    world.drive();
    for page in 0..10 {
        assert_eq!(world.token(page).unwrap().generation, 1, "{page}");
    }
    assert_eq!(world.endpoint.requests.len(), 1);
}

// spec 5.2, 5.21
#[test]
fn a_cookie_that_is_refused_needs_a_sign_in_which_a_new_page_finds_by_asking_once() {
    let mut world = pages(1);
    world.endpoint.script.push(Outcome::Dead(DeadReason::Rejected));
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    assert_eq!(world.token(0).unwrap_err().kind, ErrorKind::LoginRequired);
    assert_eq!(world.endpoint.requests.len(), 1);
    // The user signs in on a page of the server's, and the application is opened anew.
    let config = with_cookie(&world);
    let opened = world.start_with(config, None);
    assert_eq!(world.token(opened).unwrap().generation, 1);
    assert_eq!(world.endpoint.requests.len(), 2);
}

// spec 4.6, 5.21
#[test]
fn signed_out_a_cookie_is_not_used_until_somebody_signs_in() {
    let mut world = pages(1);
    world.token(0).unwrap();
    world.ask(0, crate::machine::Machine::sign_out);
    world.drive();
    let config = with_cookie(&world);
    let opened = world.start_with(config, None);
    for page in [0, opened] {
        assert_eq!(world.token(page).unwrap_err().kind, ErrorKind::SignedOut);
    }
    assert_eq!(world.endpoint.requests.len(), 1);
    world.ask(opened, |machine, now| machine.sign_in(&Credential::default(), now)).unwrap();
    world.drive();
    world.token(opened).unwrap();
    assert_eq!(world.endpoint.requests.len(), 2);
}

// spec 4.6, 5.21
#[test]
fn what_arrives_after_a_sign_out_revokes_no_cookie() {
    let mut world = pages(1);
    world.token(0).unwrap();
    world.advance(LIFETIME);
    world.acquire(0);
    while world.perform_store() {}
    world.ask(0, crate::machine::Machine::sign_out);
    world.drive();
    assert_eq!(world.endpoint.requests.len(), 2);
    assert!(world.processes[0].revoked.is_empty());
}

// spec 5.21
#[test]
fn a_refresh_token_is_a_mistake_where_a_cookie_is_the_credential() {
    let config = with_cookie(&World::new(Rotation::Strict, 0));
    let wrong = Credential { refresh_token: Some("rt".into()), ..Credential::default() };
    let failure = config.check(&wrong).unwrap_err();
    assert!(failure.message.starts_with("refresh_token") && failure.message.contains("cookie"), "{failure}");
    let brought = Credential { access_token: Some("at".into()), ..Credential::default() };
    assert!(config.check(&brought).is_ok() && config.check(&Credential::default()).is_ok());
    // A function of the user's asks in a way of its own.
    let by_function = MachineConfig { refresh_function: true, ..config };
    assert!(by_function.check(&wrong).is_ok() && by_function.check(&Credential::default()).is_err());
}
