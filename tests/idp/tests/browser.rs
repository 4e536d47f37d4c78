//! Signing in as a person does: in a real Chromium, at a real server, and back to the receiver on loopback.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use common::kept::{client, fine, get, get_at_once};
use rekindle::sign_in::{SignIn, discover};
use rekindle::store::FileStore;
use rekindle::{ErrorKind, Revocation, Session};
use rekindle_idp::{DjangoOauthToolkit, DotMode, Keycloak, OidcOptions, OidcProvider, PUBLIC_CLIENT, Server};
use serde_json::Value;

/// What the browser showed at the end.
struct Visit {
    shown: Value,
    screenshot: Vec<u8>,
}

/// Opens the address in Chromium, signs in, and looks at the page that it comes back to. The picture of it stays, for people.
fn browse(server: &str, address: &str) -> Visit {
    let screenshot = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callback-{server}.png"));
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node/browse.mjs");
    let done = std::process::Command::new("node")
        .arg(script)
        .args([address.as_ref(), screenshot.as_os_str()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(done.status.success(), "the browser came to no end");
    Visit {
        shown: serde_json::from_slice(&done.stdout).unwrap(),
        screenshot: std::fs::read(screenshot).unwrap(),
    }
}

/// Signs in with the browser; the receiver on loopback sees it come back.
async fn sign_in(server: &'static str, session: &Session, asked: SignIn) -> Visit {
    let (open, opened) = tokio::sync::oneshot::channel();
    let visiting = tokio::task::spawn_blocking(move || {
        let address: String = opened.blocking_recv().unwrap();
        browse(server, &address)
    });
    let shown = |url: &url::Url| {
        open.send(url.to_string()).unwrap();
        Ok(())
    };
    session.sign_in_with_browser(asked, shown).await.unwrap();
    visiting.await.unwrap()
}

/// The page that the person sees at the end: from loopback, without a script, and a picture that is not empty.
fn saw_the_end(visit: &Visit) {
    assert!(visit.shown["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{}", visit.shown);
    assert_eq!(
        (&visit.shown["title"], &visit.shown["scripts"]),
        (&"You can close this window".into(), &0.into())
    );
    assert!(visit.shown["text"].as_str().unwrap().contains("The application continues by itself."));
    assert!(visit.screenshot.starts_with(b"\x89PNG") && visit.screenshot.len() > 2_000);
}

/// Signed out; a token that somebody may have kept is refused.
async fn signs_out(session: &Session, server: &Server, refused: u16) {
    let token = session.token().await.unwrap().value().to_owned();
    assert_eq!(session.sign_out_and_revoke().await.unwrap(), Revocation::Done);
    assert_eq!(get(&client(session, server)).await, Err(ErrorKind::SignedOut));
    let kept = common::client().get(server.url("/api/data")).bearer_auth(token).send().await.unwrap();
    assert_eq!(kept.status(), refused);
}

async fn session_at(idp: &Server, store: FileStore) -> Session {
    let server = discover(&idp.base_url).await.unwrap();
    let session = Session::builder("oauth2").server(server).client_id(PUBLIC_CLIENT).origin(&idp.base_url);
    session.store(store).build().unwrap()
}

// spec 12.1, 12.5, 12.8, 12.14
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_in_chromium_and_the_session_lives_until_it_is_revoked() {
    let Some(idp) = OidcProvider::start(OidcOptions { access_ttl: Duration::from_secs(300), rotate: true })
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = || FileStore::new(folder.path().join("session.json"));
    let session = session_at(&idp, store()).await;
    let asked = SignIn::new().scope("openid offline_access").prompt("consent");
    let visit = sign_in("oidc-provider", &session, asked).await;

    saw_the_end(&visit);

    // The tokens are stored: another session finds them, and calls the API.
    assert_eq!(session.subject().as_deref(), Some("ann"));
    drop(session);
    let session = session_at(&idp, store()).await;
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
    // The token ends, and is refreshed.
    session.invalidate();
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
    assert_eq!(idp.stats().refreshes, 1);
    signs_out(&session, &idp, 401).await;
}

// spec 12.1, 12.5, 12.8: django-oauth-toolkit, which has neither discovery nor ID tokens
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_django_consents_and_the_session_lives_until_it_is_revoked() {
    let Some(dot) = DjangoOauthToolkit::start(DotMode::ReuseProtection) else { return };
    let folder = tempfile::tempdir().unwrap();
    let session = || {
        // Its endpoints are where the preset says.
        let session = Session::builder("django-oauth-toolkit").variable("base_url", &dot.base_url);
        let session =
            session.rotation(rekindle::Rotation::StrictFamily).client_id("pub").origin(&dot.base_url);
        session.store(FileStore::new(folder.path().join("session.json"))).alone().build().unwrap()
    };
    let visit = sign_in("django", &session(), SignIn::new().scope("read write")).await;
    saw_the_end(&visit);

    // Another process finds the tokens, and calls the API; the token ends, and is refreshed once.
    let session = session();
    assert_eq!(get(&client(&session, &dot)).await, Ok(200));
    session.invalidate();
    assert_eq!(get(&client(&session, &dot)).await, Ok(200));
    let stats = dot.stats();
    assert_eq!((stats.refreshes, stats.reuse_detected, stats.token_requests), (1, 0, 2));
    signs_out(&session, &dot, 403).await;
}

// spec 12.1, 12.5, 12.8, 12.14: Keycloak with rotation and reuse detection
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_keycloak_and_the_session_lives_until_it_is_revoked() {
    let Some(keycloak) = Keycloak::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = || FileStore::new(folder.path().join("session.json"));
    let server = discover(&keycloak.url(Keycloak::REALM)).await.unwrap();
    let session = || {
        let session = Session::builder("keycloak")
            .variable("base_url", &keycloak.base_url)
            .variable("realm", "rekindle");
        let session = session.server(server.clone()).rotation(rekindle::Rotation::StrictFamily);
        session.client_id(PUBLIC_CLIENT).origin(&keycloak.base_url).store(store()).alone().build().unwrap()
    };
    let signed_in = session();
    let visit = sign_in("keycloak", &signed_in, SignIn::new().scope("openid profile")).await;
    saw_the_end(&visit);
    assert!(signed_in.subject().is_some());
    drop(signed_in);

    // Another process finds the tokens; twenty callers whose token was rejected make one refresh, and nothing is used twice.
    let session = session();
    assert_eq!(get(&client(&session, &keycloak)).await, Ok(200));
    session.invalidate();
    assert_eq!(get_at_once(&client(&session, &keycloak), 20).await, fine(20));
    let stats = keycloak.stats();
    assert_eq!((stats.refreshes, stats.reuse_detected, stats.token_requests), (1, 0, 2));

    signs_out(&session, &keycloak, 401).await;
}
