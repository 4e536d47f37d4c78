//! Sessions that prove who they are to oidc-provider: with signed assertions, and with tokens that are bound to a
//! key. The server looks at every proof, and refuses one that it saw before.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::kept::{client, get, oauth, strict_family};
use rekindle::store::FileStore;
use rekindle::transport::{
    ReqwestTransport, Transport, TransportError, TransportOptions, TransportRequest, TransportResponse,
};
use rekindle::{Client, ErrorKind, Session, SessionBuilder, SigningKey};
use rekindle_idp::{OidcOptions, OidcProvider, PUBLIC_CLIENT, SIGNED_CLIENT, Server, Tokens};

fn key() -> (SigningKey, String) {
    let (key, pem) = SigningKey::generate().unwrap();
    (key, pem.expose().to_owned())
}

/// A key as Node's crypto writes it.
fn made_by_node(kind: &str) -> String {
    let program = format!(
        "const {{ privateKey }} = crypto.generateKeyPairSync('{kind}', {{ modulusLength: 2048 }}); \
         console.log(privateKey.export({{ type: 'pkcs8', format: 'pem' }}))"
    );
    let output = std::process::Command::new("node").args(["-e", &program]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn read(pem: &str) -> SigningKey {
    SigningKey::from_pem(pem).unwrap()
}

fn signed(idp: &Server, tokens: &Tokens) -> SessionBuilder {
    strict_family(idp, tokens).client_id(SIGNED_CLIENT)
}

/// A session whose tokens are bound to that key; its access token is over.
fn bound(idp: &Server, pem: &str) -> Session {
    let tokens = idp.mint_bound(PUBLIC_CLIENT, Duration::ZERO, &read(pem).thumbprint());
    strict_family(idp, &tokens).dpop_key(read(pem)).build().unwrap()
}

async fn me(client: &Client) -> u16 {
    client.get("/me").send().await.unwrap().status().as_u16()
}

// spec 5.5
#[tokio::test]
async fn a_client_that_signs_refreshes_with_each_kind_of_key() {
    let Some(_) = OidcProvider::start(OidcOptions::default()) else { return };
    for pem in [&key().1, &made_by_node("rsa"), &made_by_node("ed25519")] {
        let idp = OidcProvider::start_with_key(OidcOptions::default(), &read(pem).jwk()).unwrap();
        let tokens = idp.mint_for(SIGNED_CLIENT, Duration::ZERO);
        let session = signed(&idp, &tokens).client_key(read(pem)).build().unwrap();
        assert_eq!(get(&client(&session, &idp)).await, Ok(200));
        // The next one is signed anew: the server remembers what it saw.
        session.force_refresh().await.unwrap();
        assert_eq!((idp.stats().refreshes, idp.stats().token_requests), (2, 2));
    }
}

// spec 5.1, 5.5: somebody else's key is a mistake of the configuration, and signs nobody out.
#[tokio::test]
async fn another_key_than_the_registered_one_is_turned_away() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let tokens = idp.mint_for(SIGNED_CLIENT, Duration::ZERO);
    let session = signed(&idp, &tokens).client_key(key().0).build().unwrap();
    assert_eq!(session.force_refresh().await.unwrap_err().kind(), ErrorKind::ClientRejected);
    assert_eq!((idp.stats().refreshes, idp.stats().token_requests), (0, 1));
}

// spec 9.4: the token endpoint asks for its nonce and the resource too; both are heard, and one proof serves one send.
#[tokio::test]
async fn every_send_has_a_proof_of_its_own_and_the_nonce_that_was_heard() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let (_, pem) = key();
    let session = bound(&idp, &pem);
    let client = client(&session, &idp);
    let first = client.get("/me").send().await.unwrap();
    assert_eq!(first.json::<serde_json::Value>().await.unwrap()["sub"], "ann");
    assert_eq!(
        session.token().await.unwrap().authorization().to_str().unwrap().split(' ').next(),
        Some("DPoP")
    );
    // The resource had told the nonce, and both are one origin.
    assert_eq!((idp.stats().refreshes, idp.stats().token_requests), (1, 1));
    for _ in 0..3 {
        assert_eq!(me(&client).await, 200);
    }
    // A nonce is no replay, and the ended token was one.
    assert_eq!(session.stats().replays, 1);
}

// spec 5.1, 9.4: asked once without a nonce, which spends nothing, and once with it.
#[tokio::test]
async fn the_token_endpoint_asks_for_its_nonce_and_spends_nothing() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let session = bound(&idp, &key().1);
    session.force_refresh().await.unwrap();
    assert_eq!((idp.stats().refreshes, idp.stats().token_requests), (1, 2));
    session.force_refresh().await.unwrap();
    assert_eq!((idp.stats().refreshes, idp.stats().token_requests), (2, 3));
    assert_eq!(idp.stats().reuse_detected, 0);
}

// spec 3.3, 9.4: the first request of a process knows no nonce; it is sent again, once, whatever its method.
#[tokio::test]
async fn a_nonce_is_answered_by_one_resend_of_the_same_token() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let (key, pem) = key();
    let tokens = idp.mint_bound(PUBLIC_CLIENT, Duration::from_secs(300), &key.thumbprint());
    let session = strict_family(&idp, &tokens).dpop_key(read(&pem)).build().unwrap();
    let response = client(&session, &idp).post("/me").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!((session.stats().replays, idp.stats().token_requests), (0, 0));
}

// spec 3.4, 9.4
#[tokio::test]
async fn a_body_that_can_be_sent_once_is_not_sent_again_for_a_nonce() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let (key, pem) = key();
    let tokens = idp.mint_bound(PUBLIC_CLIENT, Duration::from_secs(300), &key.thumbprint());
    let session = strict_family(&idp, &tokens).dpop_key(read(&pem)).build().unwrap();
    let once = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"a=b"))]);
    let request =
        client(&session, &idp).post("/me").header("content-type", "application/x-www-form-urlencoded");
    let response = request.body_stream(once).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.replay_refused().map(|refused| refused.name()), Some("body_not_replayable"));
    assert_eq!(response.verdict().map(|verdict| verdict.name()), Some("nonce_required"));
    // What was heard serves the next.
    assert_eq!(me(&client(&session, &idp)).await, 200);
}

// spec 7.5: a record belongs to its key; a session with another sends neither token anywhere.
#[tokio::test]
async fn a_session_with_another_key_is_told_so_and_sends_nothing() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.json");
    let (first, pem) = key();
    let tokens = idp.mint_bound(PUBLIC_CLIENT, Duration::from_secs(300), &first.thumbprint());
    let right =
        strict_family(&idp, &tokens).dpop_key(read(&pem)).store(FileStore::new(&path)).build().unwrap();
    assert_eq!(me(&client(&right, &idp)).await, 200);

    let (other, _) = key();
    let thumbprint = other.thumbprint();
    let wrong = oauth(&idp, "oauth2", &tokens).dpop_key(other).store(FileStore::new(&path)).build().unwrap();
    let error = wrong.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().contains(&thumbprint), "{error}");
    assert!(error.message().contains(&first.thumbprint()), "{error}");
    assert_eq!(idp.stats().token_requests, 0);
}

// spec 9.3
#[test]
fn a_key_shows_its_public_half_only() {
    let (key, pem) = key();
    let shown = format!("{key:?} {}", key.jwk());
    let secret: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(secret.iter().all(|line| !shown.contains(line)));
    assert!(shown.contains(&key.thumbprint()) && !shown.contains("\"d\""));
}

/// Remembers what was sent to the API.
struct Overheard {
    wire: std::sync::Arc<dyn Transport>,
    seen: std::sync::Arc<std::sync::Mutex<Vec<reqwest::header::HeaderMap>>>,
}

#[async_trait::async_trait]
impl Transport for Overheard {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        self.seen.lock().unwrap().push(request.headers.clone());
        self.wire.send(request).await
    }
}

// spec 9.4: who overhears a request has its token and its proof, and both are of no use a second time
#[tokio::test]
async fn a_proof_that_somebody_overheard_is_refused_when_it_comes_again() {
    let Some(idp) = OidcProvider::start_with_key(OidcOptions::default(), &key().0.jwk()) else { return };
    let session = bound(&idp, &key().1);
    let seen = std::sync::Arc::default();
    let wire = std::sync::Arc::new(ReqwestTransport::new(TransportOptions::default()).unwrap());
    let overheard = Overheard { wire, seen: std::sync::Arc::clone(&seen) };
    let client =
        Client::builder(session.clone()).base_url(&idp.base_url).transport(overheard).build().unwrap();
    assert_eq!(me(&client).await, 200);
    let sent = seen.lock().unwrap().last().unwrap().clone();
    assert!(sent.contains_key("dpop"));
    let stolen = common::client().get(idp.url("/me")).headers(sent).send().await.unwrap();
    assert_eq!(stolen.status(), 401);
    // The session itself goes on: each of its sends has a proof of its own.
    assert_eq!(me(&client).await, 200);
}
