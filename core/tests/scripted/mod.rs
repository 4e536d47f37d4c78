//! A session on the scripted server.
#![allow(dead_code)] // each test file uses its part

use rekindle::Session;
use rekindle_test_server::{AuthServer, Rotation, SeedDialect, Tokens};

/// A server that revokes everything when a refresh token comes twice; its access tokens are over.
pub(crate) fn expired(dialect: SeedDialect) -> (AuthServer, Tokens) {
    let server = AuthServer::builder().dialect(dialect).rotation(Rotation::StrictFamily).start().unwrap();
    let tokens = server.sign_in();
    server.expire_all_access_tokens();
    (server, tokens)
}

/// A session for it, whose token is for that server alone.
pub(crate) fn session(server: &AuthServer, dialect: SeedDialect, tokens: &Tokens) -> Session {
    let (preset, path) = match dialect {
        SeedDialect::Json => ("json", "/refresh"),
        SeedDialect::ApiToken => ("json", "/api/token/refresh"),
        SeedDialect::OAuth | SeedDialect::OAuth400 => ("oauth2", "/oauth/token"),
        SeedDialect::GraphQl => ("graphql", "/"),
    };
    Session::builder(preset)
        .token_url(format!("{}{path}", server.base_url()))
        .client_id("app")
        .client_secret("app-secret")
        .tokens(tokens.access_token.as_str(), tokens.refresh_token.as_str())
        .origin(server.base_url())
        .rotation(rekindle::Rotation::StrictFamily)
        .build()
        .unwrap()
}

/// What the server counted: refreshes, replays of a used refresh token, requests for a refresh.
pub(crate) fn counted(server: &AuthServer) -> (u64, u64, u64) {
    let counters = server.counters();
    (counters.refreshes, counters.reuses_detected, counters.refresh_requests)
}

/// Waits until the refresh that nobody waits for is over.
pub(crate) async fn refreshed(session: &Session) {
    assert!(session.shutdown(std::time::Duration::from_secs(10)).await);
}
