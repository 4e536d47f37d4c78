//! A cookie that the host keeps is the credential of a refresh (spec 5.21).
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use rekindle_proto::dialect::{ClientIdentity, Dialect};
use rekindle_proto::{ErrorKind, GrantRequest};
use serde_json::{Value, json};

fn identity() -> ClientIdentity {
    ClientIdentity {
        token_url: "https://app.example/auth/refresh".parse().ok(),
        client_id: Some("app".into()),
        ..ClientIdentity::default()
    }
}

fn asked(dialect: Value) -> rekindle_proto::dialect::TokenRequest {
    let dialect = Dialect::from_json(&dialect).unwrap();
    assert!(dialect.refreshes_by_cookie());
    dialect.token_request(&identity(), &GrantRequest::Cookie { extra: BTreeMap::new() }).unwrap()
}

fn refused(dialect: Value) -> String {
    let failure = Dialect::from_json(&dialect).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::InvalidConfig);
    failure.message
}

// spec 5.21
#[test]
fn a_refresh_with_a_cookie_sends_no_token_and_says_that_cookies_go_along() {
    let form = asked(json!({ "refresh_token": { "credential": "cookie" } }));
    assert_eq!(form.body.expose(), "grant_type=refresh_token&client_id=app");
    assert!(form.with_cookies && !form.headers.contains_key("cookie"));
    let own = asked(json!({
        "token_endpoint": { "encoding": "json", "names": { "client_id": "" } },
        "refresh_token": { "credential": "cookie", "headers": { "X-Requested-With": "app" } },
    }));
    assert_eq!(own.body.expose(), "{}");
    assert_eq!(own.headers["x-requested-with"], "app");
    let document = "mutation { refresh { accessToken } }";
    let graphql = asked(json!({
        "token_endpoint": { "encoding": "graphql", "names": { "client_id": "" } },
        "refresh_token": { "credential": "cookie", "document": document },
    }));
    assert!(graphql.body.expose().contains(document) && !graphql.body.expose().contains("oken\":"));
}

// spec 4.6, 5.21
#[test]
fn a_sign_out_names_no_token_where_the_cookie_says_what_it_is() {
    let dialect = json!({
        "refresh_token": { "credential": "cookie" }, "revoke": { "url": "https://app.example/auth/logout" },
    });
    let dialect = Dialect::from_json(&dialect).unwrap();
    let identity = ClientIdentity { token_url: None, ..identity() };
    let request = dialect.revoke_request(&identity, &"".into()).unwrap().unwrap();
    assert!(request.with_cookies);
    assert_eq!(request.body.expose(), "client_id=app");
}

// spec 5.21, 10.3
#[test]
fn a_credential_has_one_place_and_belongs_to_the_refresh() {
    let both = refused(json!({ "refresh_token": { "credential": "cookie", "token_cookie": "rt" } }));
    assert!(both.contains("refresh_token.credential") && both.contains("token_cookie"), "{both}");
    let elsewhere = refused(json!({ "client_credentials": { "credential": "cookie" } }));
    assert!(elsewhere.contains("[refresh_token]"), "{elsewhere}");
    let unknown = refused(json!({ "refresh_token": { "credential": "jar" } }));
    assert!(unknown.contains("`token`") && unknown.contains("`cookie`"), "{unknown}");
}
