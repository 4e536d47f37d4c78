//! What django-oauth-toolkit does, as far as rekindle relies on it. No rekindle in here.

// A test fails where its server does not answer; helpers of tests count as code to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{client, refresh};
use rekindle_idp::{DjangoOauthToolkit, DotMode, Server};

async fn data(dot: &Server, access_token: &str) -> reqwest::Response {
    client().get(dot.url("/api/data")).bearer_auth(access_token).send().await.unwrap()
}

#[tokio::test]
async fn an_expired_token_gets_an_empty_403_without_a_challenge() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Default) else { return };
    for token in [dot.mint_expired().access_token.as_str(), "garbage"] {
        let response = data(&dot, token).await;
        assert_eq!(response.status(), 403);
        assert!(!response.headers().contains_key("www-authenticate"));
        assert_eq!(response.text().await.unwrap(), "");
    }
    assert_eq!(dot.stats().api_rejected, 2);
}

#[tokio::test]
async fn a_refused_request_has_no_side_effect() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Default) else { return };
    let post = |token: String| client().post(dot.url("/api/side-effect")).bearer_auth(token).send();
    assert_eq!(post(dot.mint_expired().access_token).await.unwrap().status(), 403);
    assert_eq!(dot.stats().side_effects, 0);
    assert_eq!(post(dot.mint().access_token).await.unwrap().status(), 200);
    assert_eq!(dot.stats().side_effects, 1);
}

#[tokio::test]
async fn by_default_a_replay_is_refused_and_the_child_lives() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Default) else { return };
    let old = dot.mint();
    let granted = refresh(&dot, &old.refresh_token).await;
    let replay = refresh(&dot, &old.refresh_token).await;
    assert_eq!((replay.status, replay.text("error")), (400, "invalid_grant"));
    assert_eq!(refresh(&dot, granted.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn the_old_access_token_dies_at_the_refresh() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Default) else { return };
    let old = dot.mint();
    assert_eq!(data(&dot, &old.access_token).await.status(), 200);
    let granted = refresh(&dot, &old.refresh_token).await;
    assert_eq!(data(&dot, &old.access_token).await.status(), 403);
    assert_eq!(data(&dot, granted.text("access_token")).await.status(), 200);
}

#[tokio::test]
async fn with_reuse_protection_a_replay_kills_the_family() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::ReuseProtection) else { return };
    let old = dot.mint();
    let granted = refresh(&dot, &old.refresh_token).await;
    assert_eq!(refresh(&dot, &old.refresh_token).await.status, 400);
    assert_eq!(dot.stats().reuse_detected, 1);
    assert_eq!(refresh(&dot, granted.text("refresh_token")).await.status, 400);
}

#[tokio::test]
async fn within_the_grace_the_same_pair_comes_again() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Grace(60)) else { return };
    let old = dot.mint_expired();
    let first = refresh(&dot, &old.refresh_token).await;
    let again = refresh(&dot, &old.refresh_token).await;
    for field in ["access_token", "refresh_token"] {
        assert_eq!(first.text(field), again.text(field));
    }
    assert_eq!(refresh(&dot, first.text("refresh_token")).await.status, 200);
    assert_eq!(dot.stats().reuse_detected, 0);
}

#[tokio::test]
async fn beyond_the_grace_a_replay_kills_the_family() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Grace(1)) else { return };
    let old = dot.mint();
    let granted = refresh(&dot, &old.refresh_token).await;
    common::until("the grace is over", async || refresh(&dot, &old.refresh_token).await.status == 400).await;
    assert_eq!(refresh(&dot, granted.text("refresh_token")).await.status, 400);
}

// Not a fact about the toolkit but about this set-up: a busy database would answer 500.
#[tokio::test]
async fn parallel_refreshes_get_a_verdict() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::Grace(60)) else { return };
    let old = dot.mint_expired();
    let answers = common::at_once(6, || refresh(&dot, &old.refresh_token)).await;
    assert!(answers.iter().all(|a| a.status == 200), "{answers:?}");
    assert!(answers.iter().all(|a| a.text("access_token") == answers[0].text("access_token")));
}
