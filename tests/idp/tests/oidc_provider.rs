//! What oidc-provider does, as far as rekindle relies on it. No rekindle in here.

// A test fails where its server does not answer; helpers of tests count as code to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Answer, client, refresh};
use rekindle_idp::{CONFIDENTIAL_CLIENT, CONFIDENTIAL_SECRET, OidcOptions, OidcProvider, Server};
use reqwest::StatusCode;

async fn data(idp: &Server, access_token: &str) -> reqwest::Response {
    client().get(idp.url("/api/data")).bearer_auth(access_token).send().await.unwrap()
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_that_works() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let old = idp.mint_expired();
    let granted = refresh(&idp, &old.refresh_token).await;
    assert_eq!(granted.status, 200);
    assert_ne!(granted.text("refresh_token"), old.refresh_token);
    assert_eq!(granted.body["expires_in"], 300);
    assert_eq!(data(&idp, granted.text("access_token")).await.status(), 200);
    assert_eq!((idp.stats().refreshes, idp.stats().reuse_detected), (1, 0));
}

#[tokio::test]
async fn a_replay_kills_the_family() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let old = idp.mint();
    let granted = refresh(&idp, &old.refresh_token).await;

    let replay = refresh(&idp, &old.refresh_token).await;
    assert_eq!((replay.status, replay.text("error")), (400, "invalid_grant"));
    assert_eq!(idp.stats().reuse_detected, 1);

    let child = refresh(&idp, granted.text("refresh_token")).await;
    assert_eq!((child.status, child.text("error")), (400, "invalid_grant"));
    assert_eq!(data(&idp, granted.text("access_token")).await.status(), 401);
}

#[tokio::test]
async fn of_eight_at_once_one_wins_and_its_child_is_dead() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let old = idp.mint();
    let answers = common::at_once(8, || refresh(&idp, &old.refresh_token)).await;
    let won: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(refresh(&idp, won[0].text("refresh_token")).await.status, 400);
}

#[tokio::test]
async fn without_rotation_the_same_refresh_token_comes_back() {
    let Some(idp) = OidcProvider::start(OidcOptions { rotate: false, ..Default::default() }) else { return };
    let old = idp.mint();
    for _ in 0..2 {
        let granted = refresh(&idp, &old.refresh_token).await;
        assert_eq!((granted.status, granted.text("refresh_token")), (200, old.refresh_token.as_str()));
    }
    assert_eq!(idp.stats().reuse_detected, 0);
}

#[tokio::test]
async fn a_token_that_is_over_gets_the_challenge_of_rfc_6750() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let response = data(&idp, &idp.mint_expired().access_token).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_told_no_error_code() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let response = client().get(idp.url("/api/data")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(!response.headers()["www-authenticate"].to_str().unwrap().contains("error"));
}

#[tokio::test]
async fn an_access_token_ends_by_the_clock() {
    let options = OidcOptions { access_ttl: Duration::from_secs(5), ..Default::default() };
    let Some(idp) = OidcProvider::start(options) else { return };
    let pair = idp.mint();
    assert_eq!(data(&idp, &pair.access_token).await.status(), 200);
    common::until("the token is over", async || data(&idp, &pair.access_token).await.status() == 401).await;
}

#[tokio::test]
async fn a_refused_request_has_no_side_effect() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let post = |token: String| client().post(idp.url("/api/side-effect")).bearer_auth(token).send();
    assert_eq!(post(idp.mint_expired().access_token).await.unwrap().status(), 401);
    assert_eq!(idp.stats().side_effects, 0);
    assert_eq!(post(idp.mint().access_token).await.unwrap().status(), 200);
    assert_eq!(idp.stats().side_effects, 1);
}

#[tokio::test]
async fn a_confidential_client_refreshes_with_basic() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let pair = idp.mint_for(CONFIDENTIAL_CLIENT, Duration::ZERO);
    let ask = async |secret: &str| {
        let request = client().post(idp.token_url()).basic_auth(CONFIDENTIAL_CLIENT, Some(secret));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &pair.refresh_token)];
        Answer::of(request.form(&fields).send().await.unwrap()).await
    };
    // A wrong secret is the client's fault, and costs the refresh token nothing.
    let refused = ask("wrong").await;
    assert_eq!((refused.status, refused.text("error")), (401, "invalid_client"));
    assert_eq!(ask(CONFIDENTIAL_SECRET).await.status, 200);
}
