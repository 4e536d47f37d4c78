//! Where a token goes (spec 9.1), on the scripted server.
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use http::{HeaderMap, Method};
use rekindle::call::Content;
use rekindle::{Client, ErrorKind, Session, SessionBuilder};
use rekindle_test_server::{AuthServer, SeedDialect, Tokens};
use scripted::{counted, expired};
use url::Url;

/// Lists no origin at all.
fn unlisted(server: &AuthServer, tokens: &Tokens) -> SessionBuilder {
    Session::builder("json")
        .token_url(format!("{}/refresh", server.base_url()))
        .tokens(tokens.access_token.as_str(), tokens.refresh_token.as_str())
}

// spec 9.1: the base URL's, and those listed.
#[tokio::test]
async fn the_base_urls_origin_needs_no_listing() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = unlisted(&server, &tokens).build().unwrap();
    let client = Client::new(session, format!("{}/v1", server.base_url())).unwrap();
    assert_eq!(client.get("/data").send().await.unwrap().status(), 200);
    assert_eq!(counted(&server), (1, 0, 1));
}

// spec 9.1, 2.2: of two clients of one session each has its own base URL, and neither that of the other.
#[tokio::test]
async fn the_base_url_of_one_client_is_not_that_of_another() {
    let (server, tokens) = expired(SeedDialect::Json);
    let (foreign, _) = expired(SeedDialect::Json);
    let session = unlisted(&server, &tokens).build().unwrap();
    let client = Client::new(session.clone(), server.base_url()).unwrap();
    let other = Client::new(session, foreign.base_url()).unwrap();
    assert_eq!(client.get(foreign.base_url()).send().await.unwrap().verdict(), None);
    assert_eq!(other.get(server.base_url()).send().await.unwrap().verdict(), None);
    assert!(foreign.log().iter().chain(&server.log()).all(|request| request.authorization.is_none()));
    assert_eq!((counted(&server), counted(&foreign)), ((0, 0, 0), (0, 0, 0)));
}

// spec 9.1
#[test]
fn a_base_url_without_tls_is_a_mistake_unless_it_is_listed() {
    let (server, tokens) = expired(SeedDialect::Json);
    let base = "http://keycloak:8080/api";
    let error = Client::new(unlisted(&server, &tokens).build().unwrap(), base).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().starts_with("base_url: http://keycloak:8080 "), "{error}");
    let listed = unlisted(&server, &tokens).insecure_origin("http://keycloak:8080").build().unwrap();
    assert!(Client::new(listed, base).unwrap().session().owns(&base.parse().unwrap()));
}

// spec 9.1: such a session can keep no client of one's own signed in, and would do nothing without a word.
#[tokio::test]
async fn a_session_that_lists_no_origin_says_so_where_its_client_is_ones_own() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = unlisted(&server, &tokens).build().unwrap();
    let url: Url = format!("{}/data", server.base_url()).parse().unwrap();
    let mut call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    let called = call.headers().await.unwrap_err();
    for error in [session.require_origins().unwrap_err(), called] {
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().starts_with("origins: the session lists none"), "{error}");
    }
    let client = Client::new(session, server.base_url()).unwrap();
    assert!(client.session().require_origins().is_ok());
    assert_eq!(counted(&server), (0, 0, 0));
}
