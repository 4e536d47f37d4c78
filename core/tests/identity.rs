//! Who signed in (spec 12.14 to 12.18): ID tokens, accounts, servers that are found by the API's address.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use rekindle::sign_in::{
    ApiRequest, BegunSignIn, ClientRegistration, PendingSignIn, ServerMetadata, SignIn, discover_resource,
    find_api, register,
};
use rekindle::store::{Expected, FileStore, Loaded, MemoryStore, Saved, Store, Unavailable};
use rekindle::{App, ErrorKind, Session};
use rekindle_test_server::{Script, Step, TestServer};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

const CALLBACK: &str = "https://app.example/callback";

/// A server with a key of its own.
struct Idp {
    server: TestServer,
    key: Ed25519KeyPair,
}

impl Idp {
    fn new() -> Self {
        Self { server: TestServer::start(Script::new()).unwrap(), key: key() }
    }

    fn metadata(&self, more: &Value) -> ServerMetadata {
        let url = self.server.base_url();
        let mut known = json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
            "revocation_endpoint": format!("{url}/revoke"), "jwks_uri": format!("{url}/jwks"),
        });
        for (name, value) in more.as_object().unwrap() {
            known[name] = value.clone();
        }
        ServerMetadata::read(&url, known.to_string().as_bytes()).unwrap()
    }

    fn session(&self) -> Session {
        Session::builder("oauth2").server(self.metadata(&json!({}))).client_id("app").build().unwrap()
    }

    fn jwks(&self) -> Step {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] });
        Step::on("GET", "/jwks").json(200, keys)
    }

    fn claims(&self, subject: &str, pending: Option<&PendingSignIn>) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({ "iss": self.server.base_url(), "sub": subject, "aud": "app", "iat": now, "exp": now + 300 });
        if let Some(nonce) = pending.and_then(PendingSignIn::nonce) {
            claims["nonce"] = nonce.expose().into();
        }
        claims
    }

    fn id_token(&self, subject: &str, pending: &PendingSignIn) -> String {
        signed(&self.key, &json!({ "alg": "EdDSA" }), &self.claims(subject, Some(pending)))
    }
}

fn key() -> Ed25519KeyPair {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()
}

fn signed(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

fn tokens(number: u32, id_token: Option<String>) -> Step {
    let mut answer = json!({
        "access_token": format!("at-{number}"), "refresh_token": format!("rt-{number}"), "expires_in": 900,
    });
    if let Some(id_token) = id_token {
        answer["id_token"] = id_token.into();
    }
    Step::on("POST", "/token").json(200, answer)
}

fn asked(scope: &str) -> SignIn {
    SignIn::new().redirect_uri(CALLBACK).scope(scope)
}

async fn begun(session: &Session) -> BegunSignIn {
    session.begin_sign_in(asked("openid")).await.unwrap()
}

fn callback(pending: &PendingSignIn) -> String {
    format!("{CALLBACK}?code=c-1&state={}", pending.state())
}

// spec 12.14
#[tokio::test]
async fn who_signed_in_is_told_by_an_id_token_that_the_server_signed() {
    let idp = Idp::new();
    let session = idp.session();
    let begun = begun(&session).await;
    let id_token = idp.id_token("ada", &begun.pending);
    idp.server.play(Script::new().step(idp.jwks()).step(tokens(1, Some(id_token))));
    session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap();
    assert_eq!(session.subject().as_deref(), Some("ada"));
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    let own: Vec<_> =
        session.extra().await.unwrap().into_keys().filter(|name| name.starts_with("rekindle.")).collect();
    assert!(own.is_empty(), "{own:?}: names that are the session's own");
    idp.server.assert_consumed();
}

// spec 12.14
#[tokio::test]
async fn an_id_token_that_is_not_believed_signs_nobody_in_and_its_tokens_are_revoked() {
    let idp = Idp::new();
    let session = idp.session();
    let header = json!({ "alg": "EdDSA" });
    type Forge<'a> = Box<dyn Fn(&PendingSignIn) -> Option<String> + 'a>;
    let forged: [(&str, Forge<'_>); 6] = [
        ("key", Box::new(|pending| Some(signed(&key(), &header, &idp.claims("eve", Some(pending)))))),
        (
            "none",
            Box::new(|pending| {
                let token = signed(&idp.key, &json!({ "alg": "none" }), &idp.claims("eve", Some(pending)));
                Some(format!("{}.", token.rsplit_once('.').unwrap().0))
            }),
        ),
        ("nonce", Box::new(|_| Some(signed(&idp.key, &header, &idp.claims("eve", None))))),
        (
            "aud",
            Box::new(|pending| {
                let mut claims = idp.claims("eve", Some(pending));
                claims["aud"] = "another".into();
                Some(signed(&idp.key, &header, &claims))
            }),
        ),
        (
            "iss",
            Box::new(|pending| {
                let mut claims = idp.claims("eve", Some(pending));
                claims["iss"] = "https://evil.example".into();
                Some(signed(&idp.key, &header, &claims))
            }),
        ),
        ("no ID token", Box::new(|_| None)),
    ];
    for (what, forge) in forged {
        let begun = begun(&session).await;
        let revoked = Step::on("POST", "/revoke").body_contains("rt-1").text(200, "");
        let script = Script::new().step(idp.jwks()).step(tokens(1, forge(&begun.pending))).step(revoked);
        idp.server.play(script);
        let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{what}: {error}");
        assert!(error.message().contains("ID token") && !session.status().valid, "{what}: {error}");
        idp.server.assert_consumed();
    }
}

// spec 12.14: a server that was not discovered, whose dialect knows who it is
#[tokio::test]
async fn an_id_token_of_another_issuer_than_the_dialects_is_refused() {
    let idp = Idp::new();
    let url = idp.server.base_url();
    let dialect = json!({ "sign_in": { "issuer": url, "authorization_url": format!("{url}/authorize") } });
    let session = Session::builder(rekindle::Dialect::from_json(&dialect).unwrap());
    let session = session.token_url(format!("{url}/token")).client_id("app").build().unwrap();
    for (issuer, is_believed) in [("https://evil.example", false), (url.as_str(), true)] {
        let begun = begun(&session).await;
        let mut claims = idp.claims("ada", Some(&begun.pending));
        claims["iss"] = issuer.into();
        let id_token = signed(&idp.key, &json!({ "alg": "EdDSA" }), &claims);
        idp.server.play(Script::new().step(tokens(1, Some(id_token))));
        let finished = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await;
        match finished {
            Ok(()) => assert!(is_believed && session.subject().as_deref() == Some("ada")),
            Err(error) => assert!(!is_believed && error.message().contains("(iss)"), "{error}"),
        }
    }
}

// spec 12.14: nothing is spent before the keys are there
#[tokio::test]
async fn keys_that_cannot_be_had_now_cost_no_code() {
    let idp = Idp::new();
    let session = idp.session();
    let begun = begun(&session).await;
    let id_token = idp.id_token("ada", &begun.pending);
    let down = Step::on("GET", "/jwks").text(503, "");
    idp.server.play(Script::new().step(down).step(idp.jwks()).step(tokens(1, Some(id_token))));
    let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap();
    idp.server.assert_consumed();
}

// spec 12.15
#[tokio::test]
async fn a_refresh_that_brings_another_users_tokens_changes_nothing() {
    let idp = Idp::new();
    let session = idp.session();
    let begun = begun(&session).await;
    let theirs = signed(&idp.key, &json!({ "alg": "EdDSA" }), &idp.claims("eve", None));
    let own = signed(&idp.key, &json!({ "alg": "EdDSA" }), &idp.claims("ada", None));
    let script = Script::new()
        .step(idp.jwks())
        .step(tokens(1, Some(idp.id_token("ada", &begun.pending))))
        .step(tokens(2, Some(theirs)))
        .step(tokens(3, Some(own)));
    idp.server.play(script);
    session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap();
    let error = session.refresh().await.unwrap_err();
    assert!(error.kind() == ErrorKind::RefreshFailed && error.message().contains("another user"), "{error}");
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    session.force_refresh().await.unwrap();
    assert_eq!(session.token().await.unwrap().value(), "at-3");
    assert_eq!(session.subject().as_deref(), Some("ada"));
    idp.server.assert_consumed();
}

// spec 12.17
#[tokio::test]
async fn each_who_signs_in_gets_a_session_under_their_own_name() {
    let (idp, folder) = (Idp::new(), tempfile::tempdir().unwrap());
    let app = || {
        let app = App::builder("oauth2").server(idp.metadata(&json!({}))).client_id("app");
        app.store(FileStore::folder(folder.path())).build().unwrap()
    };
    let first = app();
    for (number, user, key) in [(1, "ada", None), (2, "bob", None), (3, "auth0|x/y", Some("carol"))] {
        let begun = first.begin_sign_in(asked("openid")).await.unwrap();
        let id_token = idp.id_token(user, &begun.pending);
        idp.server.play(Script::new().step(idp.jwks()).step(tokens(number, Some(id_token))));
        let session = first.finish_sign_in(&begun.pending, &callback(&begun.pending), key).await.unwrap();
        assert_eq!((session.key(), session.subject().as_deref()), (key.unwrap_or(user), Some(user)));
        idp.server.assert_consumed();
    }
    // Another process lists them and goes on as either.
    let other = app();
    assert_eq!(other.accounts().await.unwrap(), ["ada", "bob", "carol"]);
    assert_eq!(other.session("bob").unwrap().token().await.unwrap().value(), "at-2");
    idp.server.play(Script::new().step(Step::on("POST", "/revoke").body_contains("rt-2").text(200, "")));
    assert_eq!(other.remove("bob").await.unwrap(), rekindle::Revocation::Done);
    assert_eq!(other.accounts().await.unwrap(), ["ada", "carol"]);
    idp.server.assert_consumed();
}

// spec 12.17: before anything is sent
#[tokio::test]
async fn nobody_is_signed_in_without_a_name() {
    let idp = Idp::new();
    let app = App::builder("oauth2").server(idp.metadata(&json!({}))).client_id("app").build().unwrap();
    let begun = app.begin_sign_in(asked("read")).await.unwrap();
    for (key, argument) in [(None, "key"), (Some(""), "key")] {
        let error = app.finish_sign_in(&begun.pending, &callback(&begun.pending), key).await.unwrap_err();
        assert_eq!((error.kind(), error.argument()), (ErrorKind::InvalidConfig, Some(argument)), "{error}");
    }
    assert!(idp.server.log().is_empty());
    idp.server.play(Script::new().step(tokens(1, None)));
    let session = app.finish_sign_in(&begun.pending, &callback(&begun.pending), Some("ada")).await.unwrap();
    assert_eq!(session.token().await.unwrap().value(), "at-1");
}

// spec 12.9
#[tokio::test]
async fn a_request_is_pushed_unless_that_is_switched_off() {
    let idp = Idp::new();
    let place = format!("{}/par", idp.server.base_url());
    let session = |required: bool, pushed: bool| {
        let more = json!({
            "pushed_authorization_request_endpoint": place, "require_pushed_authorization_requests": required,
        });
        let builder = Session::builder("oauth2").server(idp.metadata(&more)).client_id("app");
        builder.pushed_requests(pushed).build()
    };
    let kept = json!({ "request_uri": "urn:ietf:params:oauth:request_uri:1", "expires_in": 60 });
    idp.server.play(Script::new().step(Step::on("POST", "/par").json(201, kept)));
    let pushed = begun(&session(true, true).unwrap()).await;
    assert!(!pushed.url.as_str().contains("code_challenge"), "{}", pushed.url);
    idp.server.assert_consumed();
    let plain = begun(&session(false, false).unwrap()).await;
    assert!(plain.url.as_str().contains("code_challenge"), "{}", plain.url);
    let error = session(true, false).unwrap_err();
    assert_eq!(error.argument(), Some("pushed_requests"), "{error}");
}

// spec 5.5
#[tokio::test]
async fn a_secret_that_signs_is_not_sent() {
    let idp = Idp::new();
    let builder = || {
        let app = Session::builder("oauth2").server(idp.metadata(&json!({}))).client_id("app");
        app.client_auth(rekindle::ClientAuth::ClientSecretJwt)
    };
    assert_eq!(builder().build().unwrap_err().argument(), Some("client_secret"));
    idp.server.play(Script::new().step(tokens(2, None)));
    let session = builder().client_secret("sentinel-secret").tokens("at-1", "rt-1").build().unwrap();
    session.refresh().await.unwrap();
    let sent = &idp.server.log()[0].body;
    assert!(sent.contains("client_assertion=ey") && !sent.contains("sentinel"), "{sent}");
}

// spec 12.16
#[tokio::test]
async fn an_api_says_which_server_signs_users_in_for_it() {
    let server = TestServer::start(Script::new()).unwrap();
    let url = server.base_url();
    let found =
        json!({ "resource": format!("{url}/mcp"), "authorization_servers": ["https://auth.example"] });
    let challenge = format!("Bearer resource_metadata=\"{url}/about\"");
    let turned_away = Step::on("GET", "/mcp").text(401, "").header("www-authenticate", &challenge);
    server.play(Script::new().step(turned_away).step(Step::on("GET", "/about").json(200, found.clone())));
    let named = discover_resource(&format!("{url}/mcp")).await.unwrap();
    assert_eq!(named.issuer().unwrap(), "https://auth.example");
    // Where it names no place, there are two.
    let script = Script::new()
        .step(Step::on("GET", "/mcp").text(405, ""))
        .step(Step::on("GET", "/.well-known/oauth-protected-resource/mcp").text(404, ""))
        .step(Step::on("GET", "/.well-known/oauth-protected-resource").json(200, found));
    server.play(script);
    assert_eq!(discover_resource(&format!("{url}/mcp")).await.unwrap(), named);
    server.assert_consumed();
}

// spec 12.16
#[tokio::test]
async fn an_api_that_leads_elsewhere_is_not_followed() {
    let server = TestServer::start(Script::new()).unwrap();
    let url = server.base_url();
    let answers = [
        json!({ "resource": "https://other.example", "authorization_servers": ["https://auth.example"] }),
        json!({ "resource": url, "authorization_servers": ["http://auth.example"] }),
        json!({ "resource": url, "authorization_servers": ["x".repeat(2 * 1024 * 1024)] }),
    ];
    for answer in answers {
        let challenge = format!("Bearer resource_metadata=\"{url}/about\"");
        let turned_away = Step::on("GET", "/mcp").text(401, "").header("www-authenticate", &challenge);
        server.play(Script::new().step(turned_away).step(Step::on("GET", "/about").json(200, answer)));
        let error = discover_resource(&format!("{url}/mcp")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error}");
        server.assert_consumed();
    }
    let challenge = "Bearer resource_metadata=\"http://about.example/\"";
    let turned_away = Step::on("GET", "/mcp").text(401, "").header("www-authenticate", challenge);
    server.play(Script::new().step(turned_away));
    let error = discover_resource(&format!("{url}/mcp")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error}");
    assert_eq!(discover_resource("http://api.example/mcp").await.unwrap_err().argument(), Some("resource"));
    server.assert_consumed();
}

// spec 12.16
#[tokio::test]
async fn a_client_registers_where_the_server_lets_it() {
    let idp = Idp::new();
    let wanted = ClientRegistration::new("My tool", "http://127.0.0.1/callback");
    let error = register(&idp.metadata(&json!({})), &wanted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    let place = format!("{}/register", idp.server.base_url());
    let known = idp.metadata(&json!({ "registration_endpoint": place }));
    let script = Script::new()
        .step(
            Step::on("POST", "/register").json(201, json!({ "client_id": "c-1", "client_name": "My tool" })),
        )
        .step(Step::on("POST", "/register").json(400, json!({ "error": "invalid_redirect_uri" })));
    idp.server.play(script);
    assert_eq!(register(&known, &wanted).await.unwrap().client_id, "c-1");
    let error = register(&known, &wanted).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.oauth_error()),
        (ErrorKind::ClientRejected, Some("invalid_redirect_uri"))
    );
    let sent: Value = serde_json::from_str(&idp.server.log()[0].body).unwrap();
    assert_eq!(
        (&sent["token_endpoint_auth_method"], &sent["application_type"]),
        (&"none".into(), &"native".into())
    );
    idp.server.assert_consumed();
}

fn found_and_registered(server: &TestServer, client: &str) -> Script {
    let url = server.base_url();
    let api = json!({ "resource": format!("{url}/mcp"), "authorization_servers": [url] });
    let known = json!({ "issuer": url, "token_endpoint": format!("{url}/token"), "registration_endpoint": format!("{url}/register") });
    Script::new()
        .step(Step::on("GET", "/mcp").text(401, ""))
        .step(Step::on("GET", "/.well-known/oauth-protected-resource/mcp").json(200, api))
        .step(Step::on("GET", "/.well-known/oauth-authorization-server").json(200, known))
        .step(Step::on("POST", "/register").json(201, json!({ "client_id": client })))
}

// spec 12.18
#[tokio::test]
async fn a_second_start_sends_nothing_and_the_registration_is_no_account() {
    let server = TestServer::start(Script::new()).unwrap();
    let asked = ApiRequest::new(format!("{}/mcp", server.base_url())).name("My tool");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("mcp.json");
    server.play(found_and_registered(&server, "c-1"));
    for _ in 0..2 {
        let found = find_api(&asked, Some(&FileStore::new(&file))).await.unwrap();
        assert_eq!((found.client_id.as_str(), found.origin), ("c-1", server.base_url()));
    }
    server.assert_consumed();
    assert!(home.path().join("mcp.json.client").exists() && !file.exists());
    let folder = home.path().join("accounts");
    server.play(found_and_registered(&server, "c-2"));
    for _ in 0..2 {
        let found = find_api(&asked, Some(&FileStore::folder(&folder))).await.unwrap();
        assert_eq!(found.client_id, "c-2");
        let app = App::builder("oauth2").api(&found).store(FileStore::folder(&folder)).build().unwrap();
        assert_eq!(app.accounts().await.unwrap(), [""; 0]);
    }
    server.assert_consumed();
}

// spec 12.18
#[tokio::test]
async fn of_two_programs_that_register_at_once_both_use_the_client_that_was_kept_first() {
    /// The other program saves before this one does.
    struct Late {
        inner: MemoryStore,
        first: Mutex<Option<Bytes>>,
    }

    #[async_trait::async_trait]
    impl Store for Late {
        fn identity(&self) -> Option<String> {
            None
        }

        async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
            self.inner.load(key).await
        }

        async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
            let first = self.first.lock().unwrap().take();
            if let Some(first) = first {
                self.inner.save(key, first, &Expected::Anything).await?;
            }
            self.inner.save(key, record, expected).await
        }
    }

    let server = TestServer::start(Script::new()).unwrap();
    let asked = ApiRequest::new(format!("{}/mcp", server.base_url())).name("My tool");
    let other = MemoryStore::new();
    server.play(found_and_registered(&server, "first"));
    find_api(&asked, Some(&other)).await.unwrap();
    let Loaded::Present(first, _) = other.load(&asked.key().unwrap()).await.unwrap() else { panic!() };
    server.play(found_and_registered(&server, "second"));
    let late = Late { inner: MemoryStore::new(), first: Mutex::new(Some(first)) };
    assert_eq!(find_api(&asked, Some(&late)).await.unwrap().client_id, "first");
    server.assert_consumed();
}
