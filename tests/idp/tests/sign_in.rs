//! Signing in at oidc-provider: what a browser does is done by plain requests here.

#![allow(clippy::unwrap_used)]

mod common;

use common::kept::{client, get};
use rekindle::sign_in::{
    ClientRegistration, PendingSignIn, RegisteredClient, SignIn, discover, discover_resource, register,
};
use rekindle::{App, Client, ErrorKind, Session, SessionBuilder};
use rekindle_idp::{
    CONFIDENTIAL_CLIENT, CONFIDENTIAL_SECRET, OidcOptions, OidcProvider, PUBLIC_CLIENT, Server,
};

const CALLBACK: &str = "http://127.0.0.1:49152/callback";

fn app(idp: &Server) -> SessionBuilder {
    Session::builder("oauth2")
        .token_url(idp.token_url())
        .authorization_url(idp.url("/auth"))
        .client_id(PUBLIC_CLIENT)
        .origin(&idp.base_url)
}

fn asked() -> SignIn {
    SignIn::new().redirect_uri(CALLBACK).scope("openid offline_access").prompt("consent")
}

async fn signed_in(idp: &Server, session: &Session) -> (PendingSignIn, String) {
    let begun = session.begin_sign_in(asked()).await.unwrap();
    let callback = common::browser::sign_in(idp, &begun.url).await;
    session.finish_sign_in(&begun.pending, &callback).await.unwrap();
    (begun.pending, callback)
}

// spec 12.1, 12.5
#[tokio::test]
async fn a_user_signs_in_calls_the_api_is_refreshed_and_signed_out() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    for builder in [
        app(&idp),
        app(&idp)
            .client_id(CONFIDENTIAL_CLIENT)
            .client_secret(CONFIDENTIAL_SECRET)
            .client_auth(rekindle::ClientAuth::ClientSecretBasic),
    ] {
        let session = builder.build().unwrap();
        let before = idp.stats();
        signed_in(&idp, &session).await;
        let client = client(&session, &idp);
        assert_eq!(get(&client).await, Ok(200));
        session.invalidate();
        assert_eq!(get(&client).await, Ok(200));
        let stats = idp.stats();
        assert_eq!(stats.refreshes - before.refreshes, 1);
        assert_eq!(stats.token_requests - before.token_requests, 2);
        session.sign_out().await.unwrap();
        assert_eq!(get(&client).await, Err(ErrorKind::SignedOut));
    }
}

// spec 12.5: the server would revoke everything at the second one
#[tokio::test]
async fn a_callback_that_is_loaded_twice_costs_nothing() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let session = app(&idp).build().unwrap();
    let (pending, callback) = signed_in(&idp, &session).await;
    let error = session.finish_sign_in(&pending, &callback).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert_eq!(idp.stats().token_requests, 1);
    session.refresh().await.unwrap();
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
}

// spec 12.3, 12.4: a code that somebody else's sign-in brought, under our own state
#[tokio::test]
async fn an_injected_code_is_refused_for_its_verifier() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let session = app(&idp).build().unwrap();
    let theirs = session.begin_sign_in(asked()).await.unwrap();
    let stolen = common::browser::sign_in(&idp, &theirs.url).await;
    let ours = session.begin_sign_in(asked()).await.unwrap();
    let forged = stolen.replace(theirs.pending.state(), ours.pending.state());
    assert_ne!(forged, stolen);
    let error = session.finish_sign_in(&ours.pending, &forged).await.unwrap_err();
    assert_eq!((error.kind(), error.oauth_error()), (ErrorKind::LoginRequired, Some("invalid_grant")));
    assert!(!session.status().valid);
}

// spec 12.9, 12.12: found by its issuer, pushed, bound to a key, revoked
#[tokio::test]
async fn a_server_that_is_found_by_its_issuer_is_signed_in_at_with_a_pushed_request_and_a_key() {
    let (key, _) = rekindle::SigningKey::generate().unwrap();
    let Some(_) = OidcProvider::start(OidcOptions::default()) else { return };
    let idp = OidcProvider::start_with_key(OidcOptions::default(), &key.jwk()).unwrap();
    let server = rekindle::sign_in::discover(&idp.base_url).await.unwrap();
    let session = Session::builder("oauth2").server(server).client_id(PUBLIC_CLIENT).origin(&idp.base_url);
    let session = session.dpop_key(key).build().unwrap();
    let begun = session.begin_sign_in(asked()).await.unwrap();
    let names: Vec<_> = begun.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["client_id", "request_uri"]);
    let callback = common::browser::sign_in(&idp, &begun.url).await;
    session.finish_sign_in(&begun.pending, &callback).await.unwrap();
    let me = client(&session, &idp).get("/me").send().await.unwrap();
    assert_eq!(me.status(), 200);
    session.invalidate();
    assert_eq!(client(&session, &idp).get("/me").send().await.unwrap().status(), 200);
    assert_eq!(idp.stats().refreshes, 1);
    let revoked = session.sign_out_and_revoke().await.unwrap();
    assert_eq!(revoked, rekindle::session::Revocation::Done);
}

// spec 12.10
#[tokio::test(flavor = "multi_thread")]
async fn a_device_code_is_typed_in_elsewhere() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let server = rekindle::sign_in::discover(&idp.base_url).await.unwrap();
    let session = Session::builder("oauth2").server(server).client_id(PUBLIC_CLIENT).origin(&idp.base_url);
    let session = session.build().unwrap();
    let (shown, place) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move {
            let asked = SignIn::new().scope("openid offline_access");
            session
                .sign_in_with_device(asked, |device| {
                    shown.send(device.verification_uri_complete.clone().unwrap()).unwrap();
                    Ok(())
                })
                .await
        }
    });
    let place = place.await.unwrap().parse().unwrap();
    common::browser::until(&idp, &place, "device").await;
    waiting.await.unwrap().unwrap();
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
}

// spec 12.14, 12.17: the ID token is signed by the server's own key, and says who signed in
#[tokio::test]
async fn a_user_is_known_by_the_name_that_the_servers_id_token_gives_them() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let server = discover(&idp.base_url).await.unwrap();
    assert!(server.jwks_uri.is_some());
    let app = App::builder("oauth2").server(server).client_id(PUBLIC_CLIENT).origin(&idp.base_url);
    let app = app.build().unwrap();
    let begun = app.begin_sign_in(asked()).await.unwrap();
    let callback = common::browser::sign_in(&idp, &begun.url).await;
    let session = app.finish_sign_in(&begun.pending, &callback, None).await.unwrap();
    assert_eq!((session.key(), session.subject().as_deref()), ("ann", Some("ann")));
    assert_eq!(app.accounts().await.unwrap(), ["ann"]);
    // Its user stays through refreshes, each with an ID token of its own.
    session.refresh().await.unwrap();
    assert_eq!(app.session("ann").unwrap().subject().as_deref(), Some("ann"));
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
    assert_eq!(app.remove("ann").await.unwrap(), rekindle::Revocation::Done);
    assert!(app.accounts().await.unwrap().is_empty());
}

// spec 5.5: the secret signs, and is never sent
#[tokio::test]
async fn a_client_whose_secret_signs_signs_in_and_is_refreshed() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let builder = app(&idp).client_id(rekindle_idp::HASHED_CLIENT).client_secret(rekindle_idp::HASHED_SECRET);
    let session = builder.client_auth(rekindle::ClientAuth::ClientSecretJwt).build().unwrap();
    signed_in(&idp, &session).await;
    session.refresh().await.unwrap();
    assert_eq!(get(&client(&session, &idp)).await, Ok(200));
    assert_eq!(idp.stats().refreshes, 1);
}

// spec 12.16: all that a client of an MCP server does that knows nothing but its address
#[tokio::test]
async fn an_mcp_client_finds_its_server_registers_signs_in_and_is_refreshed() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let address = idp.url("/mcp");
    let api = discover_resource(&address).await.unwrap();
    assert_eq!((api.resource.as_str(), api.issuer().unwrap()), (address.as_str(), idp.base_url.as_str()));
    let server = discover(api.issuer().unwrap()).await.unwrap();
    let wanted = ClientRegistration::new("An MCP client", "http://127.0.0.1/callback");
    let registered = register(&server, &wanted).await.unwrap();
    // It is kept: another registration is another client.
    let kept = serde_json::to_string(&registered).unwrap();
    let registered: RegisteredClient = serde_json::from_str(&kept).unwrap();
    let session = Session::builder("oauth2").server(server).registered_client(&registered).unwrap();
    let session = session.origin(&idp.base_url).build().unwrap();
    let asked = asked().scope("openid offline_access tools").resource(&api.resource);
    let begun = session.begin_sign_in(asked).await.unwrap();
    let callback = common::browser::sign_in(&idp, &begun.url).await;
    session.finish_sign_in(&begun.pending, &callback).await.unwrap();
    let client = Client::new(session.clone(), idp.base_url.clone()).unwrap();
    let call = async || client.post("/mcp").body("{}").send().await.unwrap().status();
    assert_eq!(call().await, 200);
    session.invalidate();
    assert_eq!(call().await, 200);
    assert_eq!(idp.stats().refreshes, 1);
    // The token is for that API alone, and of no use once it is revoked.
    let token = session.token().await.unwrap().value().to_owned();
    assert_eq!(session.sign_out_and_revoke().await.unwrap(), rekindle::Revocation::Done);
    let plain = common::client().post(&address).bearer_auth(token).send().await.unwrap();
    assert_eq!(plain.status(), 401);
}
