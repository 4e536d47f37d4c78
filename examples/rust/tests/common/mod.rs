//! The server that the examples meet, and what is asserted of it.

use std::process::Output;

use rekindle_test_server::{AuthServer, Rotation, SeedDialect, Tokens};

/// What the API answers to a GET of `/data`.
pub(crate) const DATA: &str = r#"{"body_bytes":0,"method":"GET","ok":true,"path":"/data"}"#;

/// A server that revokes everything when a refresh token comes twice; its access tokens are over.
pub(crate) fn expired(dialect: SeedDialect) -> (AuthServer, Tokens) {
    let server = AuthServer::builder().dialect(dialect).rotation(Rotation::StrictFamily).start().unwrap();
    let tokens = server.sign_in();
    server.expire_all_access_tokens();
    (server, tokens)
}

/// Its standard output; it must have succeeded.
pub(crate) fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Exactly one refresh, nothing sent twice that must not be, one answer that counts.
pub(crate) fn kept(server: &AuthServer) {
    let counters = server.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuses_detected), (1, 1, 0));
    assert_eq!((counters.rejected, counters.accepted), (1, 1));
}
