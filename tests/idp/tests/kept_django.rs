//! Sessions kept alive on django-oauth-toolkit: an empty 403 for every token error, the old access token dies
//! at a refresh, reuse protection, and a grace for lost answers. What the server counted is the truth.

// A test fails where its server does not answer; helpers of tests count as code to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::kept::{client, fine, get, get_at_once, oauth, told};
use common::proxy::Proxy;
use rekindle::DeadReason;
use rekindle::EventKind;
use rekindle::{ErrorKind, ReplayRefused, Rotation, SessionBuilder};
use rekindle_idp::{DjangoOauthToolkit, DotMode, Server, Tokens};

fn django(dot: &Server, tokens: &Tokens, rotation: Rotation) -> SessionBuilder {
    oauth(dot, "django-oauth-toolkit", tokens).rotation(rotation)
}

/// What the server counted: refreshes, replays of a used refresh token, requests to the token endpoint.
fn counted(dot: &Server) -> (u64, u64, u64) {
    let stats = dot.stats();
    (stats.refreshes, stats.reuse_detected, stats.token_requests)
}

// spec 2.3: the dialect's rule comes before "403 = Denied".
#[tokio::test]
async fn fifty_requests_that_meet_an_empty_403_cost_one_refresh() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::ReuseProtection) else { return };
    let session = django(&dot, &dot.mint_expired(), Rotation::StrictFamily).build().unwrap();
    assert_eq!(get_at_once(&client(&session, &dot), 50).await, fine(50));
    assert_eq!(counted(&dot), (1, 0, 1));
    assert_eq!(dot.stats().api_accepted, 50);
    assert_eq!(dot.stats().api_rejected, session.stats().replays);
}

// spec 2.4: an empty 403 may be a view's own, so what is not idempotent is not sent again.
#[tokio::test]
async fn a_post_that_meets_a_403_is_not_replayed_but_the_next_one_has_a_new_token() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Default) else { return };
    let session = django(&dot, &dot.mint_expired(), Rotation::Strict).build().unwrap();
    let (client, events) = (client(&session, &dot), session.events());
    let refused = client.post("/api/side-effect").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.replay_refused(), Some(ReplayRefused::MaybeApplied));
    assert_eq!((dot.stats().side_effects, dot.stats().api_rejected), (0, 1));

    told(&events, "RefreshSucceeded").await;
    assert_eq!(client.post("/api/side-effect").send().await.unwrap().status(), 200);
    assert_eq!((dot.stats().side_effects, dot.stats().api_rejected), (1, 1));
    assert_eq!(counted(&dot), (1, 0, 1));
}

// spec 6.2 (grace): the same refresh token again gets the same pair, and the session lives on.
#[tokio::test]
async fn an_answer_that_is_lost_within_the_grace_costs_nobody_the_session() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Grace(60)) else { return };
    let proxy = Proxy::start(&dot).await;
    let grace = Rotation::Grace(Duration::from_secs(60));
    let session = django(&dot, &dot.mint_expired(), grace).token_url(proxy.url("/token")).build().unwrap();
    let client = client(&session, &dot);
    proxy.lose(1);
    assert_eq!(get_at_once(&client, 50).await, fine(50));
    assert_eq!(counted(&dot), (2, 0, 2));

    // The pair that came is the family's own: it can be refreshed again.
    session.force_refresh().await.unwrap();
    assert_eq!(get(&client).await, Ok(200));
    assert_eq!(counted(&dot), (3, 0, 3));
}

// spec 6.2 (strict-family): sent once more, at once; then only the server's word counts.
#[tokio::test]
async fn an_answer_that_is_lost_without_a_grace_ends_in_a_login_that_says_why() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::ReuseProtection) else { return };
    let proxy = Proxy::start(&dot).await;
    let session = django(&dot, &dot.mint_expired(), Rotation::StrictFamily)
        .token_url(proxy.url("/token"))
        .build()
        .unwrap();
    let (client, events) = (client(&session, &dot), session.events());
    proxy.lose(1);
    assert_eq!(get_at_once(&client, 10).await, vec![Err(ErrorKind::LoginRequired); 10]);
    let reason = DeadReason::AnswerLost;
    assert_eq!(told(&events, "LoginRequired").await, EventKind::LoginRequired { reason });
    assert_eq!(get(&client).await, Err(ErrorKind::LoginRequired));
    assert_eq!(counted(&dot), (1, 1, 2));
}

// spec 1.1, 5.4 (last sentence): once the request is sent the old token is served to nobody.
#[tokio::test]
async fn while_a_refresh_is_under_way_the_old_token_is_served_to_nobody() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::ReuseProtection) else { return };
    let proxy = Proxy::start(&dot).await;
    let session =
        django(&dot, &dot.mint(), Rotation::StrictFamily).token_url(proxy.url("/token")).build().unwrap();
    let client = client(&session, &dot);
    assert_eq!(get(&client).await, Ok(200));

    proxy.hold();
    let refresh = tokio::spawn({
        let session = session.clone();
        async move { session.refresh().await.map(drop).map_err(|error| error.kind()) }
    });
    proxy.answered(1).await;
    assert!(session.token_if_valid().is_none());
    let callers = tokio::spawn(async move { get_at_once(&client, 20).await });
    proxy.release();

    assert_eq!(refresh.await.unwrap(), Ok(()));
    assert_eq!(callers.await.unwrap(), fine(20));
    assert_eq!(counted(&dot), (1, 0, 1));
    assert_eq!((dot.stats().api_accepted, dot.stats().api_rejected), (21, 0));
}
