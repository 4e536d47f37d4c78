//! Every example, on a server that revokes everything when it sees a refresh token twice.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Output};

use common::{DATA, expired, kept, said};
use rekindle_test_server::{AuthServer, SeedDialect, Tokens};

fn run(program: &str, server: &AuthServer, tokens: &Tokens, more: &[(&str, &str)]) -> Output {
    Command::new(program)
        .env("API_URL", server.base_url())
        .env("ACCESS_TOKEN", &tokens.access_token)
        .env("REFRESH_TOKEN", &tokens.refresh_token)
        .envs(more.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn rest_json() {
    let (server, tokens) = expired(SeedDialect::Json);
    let output = run(env!("CARGO_BIN_EXE_rest_json"), &server, &tokens, &[]);
    assert_eq!(said(&output), format!("{DATA}\n"));
    kept(&server);
}

#[test]
fn authenticated_fetch_is_still_signed_in_when_it_is_run_again() {
    let (server, tokens) = expired(SeedDialect::ApiToken);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.json");
    let more = [("SESSION_FILE", file.to_str().unwrap())];
    let fetch = || run(env!("CARGO_BIN_EXE_authenticated_fetch"), &server, &tokens, &more);
    assert_eq!(said(&fetch()), format!("200 OK {DATA}\n"));
    kept(&server);

    // The same old tokens are given once more; the file knows better.
    assert_eq!(said(&fetch()), format!("200 OK {DATA}\n"));
    assert_eq!((server.counters().refreshes, server.counters().accepted), (1, 2));
}

#[test]
fn authenticated_fetch_says_where_to_sign_in_and_asks_no_more_than_once() {
    let (server, tokens) = expired(SeedDialect::ApiToken);
    server.revoke_all();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.json");
    let more = [("SESSION_FILE", file.to_str().unwrap())];
    let fetch = || run(env!("CARGO_BIN_EXE_authenticated_fetch"), &server, &tokens, &more);
    for _ in 0..2 {
        assert_eq!(said(&fetch()), format!("Please sign in: {}/login\n", server.base_url()));
    }
    assert_eq!(server.counters().refresh_requests, 1);
}

fn oauth_on(server: &AuthServer, tokens: &Tokens) -> String {
    let token_url = format!("{}/oauth/token", server.base_url());
    let more = [("TOKEN_URL", token_url.as_str()), ("CLIENT_ID", "app"), ("CLIENT_SECRET", "app-secret")];
    said(&run(env!("CARGO_BIN_EXE_oauth"), server, tokens, &more))
}

#[test]
fn oauth() {
    for dialect in [SeedDialect::OAuth, SeedDialect::OAuth400] {
        let (server, tokens) = expired(dialect);
        let output = oauth_on(&server, &tokens);
        assert_eq!(output, format!("{DATA}\n1 refreshes, 0 sign-ins lost\n"));
        kept(&server);
    }
}

#[test]
fn oauth_asks_for_a_login_after_invalid_grant() {
    let (server, tokens) = expired(SeedDialect::OAuth);
    server.revoke_all();
    let output = oauth_on(&server, &tokens);
    assert!(output.starts_with("Please sign in again: LoginRequired: "), "{output}");
    assert!(output.ends_with("\n0 refreshes, 1 sign-ins lost\n"), "{output}");
    assert_eq!(server.counters().refresh_requests, 1);
}

#[test]
fn graphql() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let output = said(&run(env!("CARGO_BIN_EXE_graphql"), &server, &tokens, &[]));
    assert!(output.contains(r#""fullName": "Student One""#), "{output}");
    kept(&server);
}

// spec 9.3
#[test]
fn no_example_shows_a_token() {
    let secret = "sentinel-";
    let server = AuthServer::builder()
        .dialect(SeedDialect::OAuth)
        .configure(|config| config.token_prefix = secret.to_owned())
        .start()
        .unwrap();
    let tokens = server.sign_in();
    server.expire_all_access_tokens();
    server.revoke_all();
    assert!(tokens.refresh_token.starts_with(secret));
    assert!(!oauth_on(&server, &tokens).contains(secret));
}
