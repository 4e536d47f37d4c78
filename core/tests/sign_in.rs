//! Signing in with an authorization code, against a scripted token endpoint (spec 12).
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rekindle::sign_in::{BegunSignIn, LoopbackOptions, LoopbackReceiver, PendingSignIn, SignIn};
use rekindle::store::FileStore;
use rekindle::{ErrorKind, Session, SessionBuilder};
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::{Value, json};

const CALLBACK: &str = "https://app.example/callback";

fn answering(status: u16, answer: &Value) -> TestServer {
    TestServer::start(Script::new().step(Step::on("POST", "/token").json(status, answer.clone()))).unwrap()
}

fn granting() -> TestServer {
    let answer =
        json!({ "access_token": "at-1", "refresh_token": "rt-1", "expires_in": 900, "token_type": "Bearer" });
    answering(200, &answer)
}

fn app(server: &TestServer) -> SessionBuilder {
    let url = |path: &str| format!("{}{path}", server.base_url());
    Session::builder("oauth2").token_url(url("/token")).authorization_url(url("/authorize")).client_id("app")
}

async fn begun(session: &Session) -> BegunSignIn {
    session.begin_sign_in(SignIn::new().redirect_uri(CALLBACK).scope("read")).await.unwrap()
}

fn callback(pending: &PendingSignIn) -> String {
    format!("{CALLBACK}?code=c-1&state={}", pending.state())
}

fn form(server: &TestServer, request: usize) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(server.log()[request].body.as_bytes()).into_owned().collect()
}

// spec 12.1, 12.5
#[tokio::test]
async fn a_code_becomes_the_sessions_credential_with_its_verifier_and_the_same_redirect_uri() {
    let server = granting();
    let session = app(&server).build().unwrap();
    let begun = begun(&session).await;
    session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap();
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    assert_eq!(session.status().scope.as_deref(), Some("read"));
    let verifier = begun.pending.code_verifier().expose();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", "c-1"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier),
        ("client_id", "app"),
    ];
    assert_eq!(form(&server, 0), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    server.assert_consumed();
}

// spec 12.5
#[tokio::test]
async fn a_code_is_spent_once_however_often_and_wherever_it_is_finished() {
    let server = granting();
    let session = app(&server).build().unwrap();
    let begun = begun(&session).await;
    let kept = begun.pending.to_json();
    let calls = (0..20).map(|_| {
        // As a web framework resumes it, in an app of its own.
        let pending = PendingSignIn::from_json(kept.expose()).unwrap();
        let session = app(&server).build().unwrap();
        tokio::spawn(async move {
            session.finish_sign_in(&pending, &callback(&pending)).await.map_err(|error| error.kind())
        })
    });
    let mut results = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        results.push(call.await.unwrap());
    }
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Err(ErrorKind::Misuse)).count(), 19);
    server.assert_consumed();
}

// spec 12.6
#[tokio::test]
async fn a_pending_sign_in_survives_the_process_that_began_it() {
    let (server, folder) = (granting(), tempfile::tempdir().unwrap());
    let process =
        || app(&server).store(FileStore::new(folder.path().join("user.json"))).alone().build().unwrap();
    let kept = begun(&process()).await.pending.to_json();
    let pending = PendingSignIn::from_json(kept.expose()).unwrap();
    process().finish_sign_in(&pending, &callback(&pending)).await.unwrap();
    assert_eq!(process().token().await.unwrap().value(), "at-1");
}

// spec 12.3
#[tokio::test]
async fn concurrent_sign_ins_do_not_mix() {
    let server = granting();
    let session = app(&server).build().unwrap();
    let (one, other) = (begun(&session).await, begun(&session).await);
    assert_ne!(one.pending.state(), other.pending.state());
    let error = session.finish_sign_in(&one.pending, &callback(&other.pending)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(server.log().is_empty());
    // What was refused is not spent.
    session.finish_sign_in(&one.pending, &callback(&one.pending)).await.unwrap();
    server.assert_consumed();
}

// spec 12.3: a sign-in of another server or client is not finished here
#[tokio::test]
async fn a_code_goes_to_the_server_and_client_that_it_is_for() {
    let (server, other) = (granting(), granting());
    let begun = begun(&app(&server).build().unwrap()).await;
    for session in [app(&other).build().unwrap(), app(&server).client_id("another").build().unwrap()] {
        let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
    }
    assert!(server.log().is_empty() && other.log().is_empty());
}

// spec 12.5
#[tokio::test]
async fn a_server_that_was_not_reached_leaves_the_code_unspent() {
    // Nobody listens there.
    let builder = Session::builder("oauth2").token_url("http://127.0.0.1:1/token").client_id("app");
    let session = builder.authorization_url("http://127.0.0.1:1/authorize").build().unwrap();
    let begun = begun(&session).await;
    for _ in 0..2 {
        let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    }
}

// spec 12.4
#[tokio::test]
async fn a_refusal_names_the_mistake_and_signs_nobody_in() {
    let words = json!({ "error": "invalid_grant", "error_description": "redirect_uri did not match" });
    let server = answering(400, &words);
    let session = app(&server).build().unwrap();
    let begun = begun(&session).await;
    let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidConfig && error.message().contains(CALLBACK), "{error}");
    assert_eq!((error.oauth_error(), error.status()), (Some("invalid_grant"), Some(400)));
    assert!(!session.status().valid);
}

// spec 5.6, 12.7
#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let endless = json!({ "access_token": "a".repeat(2 * 1024 * 1024) });
    let server = answering(200, &endless);
    let session = app(&server).build().unwrap();
    let begun = begun(&session).await;
    let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Connection && !format!("{error:?}").contains("aaaa"), "{error}");
}

// spec 5.6, 12.7
#[tokio::test]
async fn neither_endpoint_may_be_plain_http() {
    let builder = || Session::builder("oauth2").client_id("app");
    let error = builder().token_url("http://auth.example/token").build().unwrap_err();
    assert_eq!(error.argument(), Some("token_url"));
    let builder = builder().token_url("https://auth.example/token");
    let error = builder.authorization_url("http://auth.example/authorize").build().unwrap_err();
    assert_eq!(error.argument(), Some("authorization_url"));
}

/// What a local program or a browser sends, and gets.
fn get(address: &str, target: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

struct Loopback {
    address: String,
    pending: PendingSignIn,
    received: tokio::task::JoinHandle<Result<String, rekindle::Error>>,
}

impl Loopback {
    async fn start(session: &Session) -> Self {
        // Where there is one, an address that no other program of this machine takes ports of.
        let host = if cfg!(target_os = "linux") { "127.83.12.5" } else { "127.0.0.1" };
        let options = LoopbackOptions::for_redirect_uri(Some(&format!("http://{host}/callback"))).unwrap();
        let receiver = LoopbackReceiver::bind(&options).unwrap();
        let begun = session.begin_sign_in(SignIn::new().redirect_uri(receiver.redirect_uri())).await.unwrap();
        let address =
            receiver.redirect_uri().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let (pending, clock) = (begun.pending.clone(), session.clock().clone());
        let received =
            tokio::spawn(
                async move { receiver.receive(&pending, clock.as_ref(), Duration::from_secs(60)).await },
            );
        Self { address, pending: begun.pending, received }
    }

    async fn get(&self, target: &str, headers: &str) -> String {
        let (address, target) = (self.address.clone(), target.replace("STATE", self.pending.state()));
        let headers = format!(
            "{headers}{}",
            if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") }
        );
        tokio::task::spawn_blocking(move || get(&address, &target, &headers)).await.unwrap()
    }
}

// spec 12.8
#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_takes_the_browser_of_its_own_sign_in_and_nobody_else() {
    let server = granting();
    let session = app(&server).build().unwrap();
    let loopback = Loopback::start(&session).await;
    let others = [
        ("/callback?code=theirs&state=guess", ""),
        ("/callback?code=theirs", ""),
        ("/callback?code=theirs&state=STATE", "Host: evil.example\r\n"),
        ("/callback?code=theirs&state=STATE", "Sec-Fetch-Dest: image\r\n"),
        ("/callback?code=early&state=STATE", "Sec-Purpose: prefetch\r\n"),
        ("/favicon.ico", ""),
    ];
    for (target, headers) in others {
        let answer = loopback.get(target, headers).await;
        assert!(
            answer.starts_with("HTTP/1.1 4") && !answer.contains("close this window"),
            "{target}: {answer}"
        );
    }
    // One that says nothing does not keep the browser out.
    let silent = TcpStream::connect(&loopback.address).unwrap();
    let answer = loopback.get("/callback?code=c-1&state=STATE", "Sec-Fetch-Dest: document\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("You can close this window"),
        "{answer}"
    );
    assert!(answer.contains("Content-Security-Policy: default-src 'none'"), "{answer}");
    drop(silent);
    let callback = loopback.received.await.unwrap().unwrap();
    session.finish_sign_in(&loopback.pending, &callback).await.unwrap();
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    // One request, and the port is closed.
    assert!(TcpStream::connect(&loopback.address).is_err());
}

// spec 12.8
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sign_in_leaves_no_port_open() {
    let server = granting();
    let session = app(&server).build().unwrap();
    let loopback = Loopback::start(&session).await;
    assert!(loopback.get("/", "").await.starts_with("HTTP/1.1 404"));
    loopback.received.abort();
    assert!(loopback.received.await.unwrap_err().is_cancelled());
    assert!(TcpStream::connect(&loopback.address).is_err());
}

// spec 12.8
#[tokio::test]
async fn a_port_that_is_another_programs_is_not_shared() {
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let options = |port: u16| {
            let uri =
                if port == 0 { format!("http://{host}/cb") } else { format!("http://{host}:{port}/cb") };
            LoopbackOptions::for_redirect_uri(Some(&uri)).unwrap()
        };
        // Not every machine has the other family.
        let Ok(first) = LoopbackReceiver::bind(&options(0)) else { continue };
        let port =
            first.redirect_uri().rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        let error = LoopbackReceiver::bind(&options(port)).unwrap_err();
        assert!(
            error.argument() == Some("redirect_uri") && error.message().contains(&port.to_string()),
            "{error}"
        );
    }
}

// spec 12.8: in virtual time
#[tokio::test]
async fn the_receiver_gives_up_after_its_time() {
    use rekindle::clock::ManualClock;
    let server = granting();
    let session = app(&server).build().unwrap();
    let receiver = LoopbackReceiver::bind(&LoopbackOptions::default()).unwrap();
    let begun = session.begin_sign_in(SignIn::new().redirect_uri(receiver.redirect_uri())).await.unwrap();
    let clock = std::sync::Arc::new(ManualClock::new());
    let turned = clock.clone();
    let waiting = tokio::spawn(async move {
        receiver.receive(&begun.pending, turned.as_ref(), Duration::from_secs(300)).await
    });
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(300));
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
}

fn pending_answer() -> Value {
    json!({ "error": "authorization_pending" })
}

/// Lets a session that waits on a clock turned by hand come to its next wait.
async fn waits_until(clock: &rekindle::clock::ManualClock, due: Duration) {
    while clock.next_due() != Some(due) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

// spec 12.10: in virtual time
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_waited_for_as_often_as_the_server_allows() {
    use rekindle::clock::{Clock, ManualClock};
    let device = json!({ "device_code": "sentinel-d", "user_code": "WDJB-MJHT", "verification_uri": "https://a.example/device",
        "expires_in": 900, "interval": 5 });
    let granted = json!({ "access_token": "at-1", "refresh_token": "rt-1", "expires_in": 900 });
    let script = Script::new()
        .step(Step::on("POST", "/device").json(200, device))
        .step(Step::on("POST", "/token").json(400, pending_answer()))
        .step(Step::on("POST", "/token").json(400, json!({ "error": "slow_down" })))
        .step(Step::on("POST", "/token").json(200, granted));
    let server = TestServer::start(script).unwrap();
    let clock = ManualClock::new();
    let session = app(&server).server(metadata(&server)).clock(clock.clone()).build().unwrap();
    let begun = clock.mono();
    let (shown, code) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move {
            session
                .sign_in_with_device(SignIn::new().scope("read"), |device| {
                    shown.send(device.user_code.clone()).unwrap();
                    Ok(())
                })
                .await
        }
    });
    assert_eq!(code.await.unwrap(), "WDJB-MJHT");
    for due in [5, 10, 20] {
        waits_until(&clock, begun + Duration::from_secs(due)).await;
        clock.advance(Duration::from_secs(due) - (clock.mono() - begun));
    }
    waiting.await.unwrap().unwrap();
    assert_eq!(session.token().await.unwrap().value(), "at-1");
    assert_eq!(form(&server, 0)["scope"], "read");
    let asked = form(&server, 3);
    assert_eq!(asked["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(asked["device_code"], "sentinel-d");
    server.assert_consumed();
}

fn metadata(server: &TestServer) -> rekindle::sign_in::ServerMetadata {
    let url = server.base_url();
    let body = json!({
        "issuer": url, "token_endpoint": format!("{url}/token"), "authorization_endpoint": format!("{url}/authorize"),
        "device_authorization_endpoint": format!("{url}/device"), "revocation_endpoint": format!("{url}/revoke"),
        "authorization_response_iss_parameter_supported": true,
    });
    rekindle::sign_in::ServerMetadata::read(&url, body.to_string().as_bytes()).unwrap()
}

// spec 12.9
#[tokio::test]
async fn a_server_is_found_by_its_issuer_and_names_itself_from_then_on() {
    let server = TestServer::start(Script::new()).unwrap();
    let url = server.base_url();
    let kept = serde_json::to_value(metadata(&server)).unwrap();
    server.play(
        Script::new()
            .step(Step::on("GET", "/.well-known/oauth-authorization-server").text(404, ""))
            .step(Step::on("GET", "/.well-known/openid-configuration").json(200, kept)),
    );
    let found = rekindle::sign_in::discover(&url).await.unwrap();
    assert_eq!(found, metadata(&server));
    let session = Session::builder("oauth2").server(found).client_id("app").build().unwrap();
    let begun = begun(&session).await;
    assert!(begun.url.as_str().starts_with(&format!("{url}/authorize?")));
    // It names itself in each callback (RFC 9207).
    let error = session.finish_sign_in(&begun.pending, &callback(&begun.pending)).await.unwrap_err();
    assert!(error.message().contains("RFC 9207"), "{error}");
    server.assert_consumed();
}

// spec 12.9
#[tokio::test]
async fn a_document_of_another_issuer_an_endless_one_and_plain_http_are_not_used() {
    let other = json!({ "issuer": "https://evil.example", "token_endpoint": "https://evil.example/token" });
    let endless = json!({ "issuer": "x".repeat(2 * 1024 * 1024) });
    let script = Script::new()
        .step(Step::on("GET", "/.well-known/oauth-authorization-server").json(200, other))
        .step(Step::on("GET", "/.well-known/openid-configuration").json(200, endless));
    let server = TestServer::start(script).unwrap();
    let error = rekindle::sign_in::discover(&server.base_url()).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::InvalidResponse && error.message().contains("evil.example"),
        "{error}"
    );
    server.assert_consumed();
    let error = rekindle::sign_in::discover("http://auth.example").await.unwrap_err();
    assert_eq!(error.argument(), Some("issuer"));
    let insecure = br#"{"issuer": "https://a.example", "token_endpoint": "http://a.example/token"}"#;
    let insecure = rekindle::sign_in::ServerMetadata::read("https://a.example", insecure).unwrap();
    assert!(Session::builder("oauth2").server(insecure).client_id("app").build().is_err());
}

// spec 12.11
#[tokio::test]
async fn a_name_and_a_password_sign_in_over_json_and_graphql_as_the_dialect_says() {
    let json_dialect = r#"
        [token_endpoint]
        encoding = "json"
        client_auth = "none"
        names = { refresh_token = "refreshToken", client_id = "", scope = "" }
        [password]
        url = "{base_url}/login"
        names = { username = "email", password = "password" }
        [password.answer]
        access_token = "data.accessToken"
        refresh_token = "data.refreshToken"
        expires_in = "data.expiresIn"
        [answer]
        access_token = "accessToken"
    "#;
    let graphql_dialect = r#"
        [token_endpoint]
        encoding = "graphql"
        client_auth = "none"
        names = { refresh_token = "refreshToken", client_id = "", scope = "" }
        [refresh_token]
        document = "mutation($refreshToken: String!) { refreshToken(refreshToken: $refreshToken) { accessToken } }"
        [password]
        url = "{base_url}/login"
        names = { username = "login" }
        document = "mutation SignIn($login: String!, $password: String!) { signIn(login: $login, password: $password) { accessToken refreshToken } }"
        [password.answer]
        access_token = "data.signIn.accessToken"
        refresh_token = "data.signIn.refreshToken"
        [answer]
        access_token = "data.refreshToken.accessToken"
    "#;
    let tokens = json!({ "accessToken": "at-1", "refreshToken": "rt-1", "expiresIn": 900 });
    for (dialect, data, name) in
        [(json_dialect, tokens.clone(), "email"), (graphql_dialect, json!({ "signIn": tokens }), "login")]
    {
        let answer = Step::on("POST", "/login").json(200, json!({ "data": data }));
        let server = TestServer::start(Script::new().step(answer)).unwrap();
        let dialect = rekindle::Dialect::from_toml(dialect, "school.toml").unwrap();
        let session = Session::builder(dialect)
            .token_url(format!("{}/refresh", server.base_url()))
            .variable("base_url", server.base_url())
            .build()
            .unwrap();
        let grant = rekindle::sign_in::SignInGrant::Password {
            username: "ada".into(),
            password: "sentinel".into(),
            scope: None,
        };
        session.sign_in_by_grant(grant).await.unwrap();
        assert_eq!(session.token().await.unwrap().value(), "at-1");
        let sent: Value = serde_json::from_str(&server.log()[0].body).unwrap();
        let fields = if name == "login" { &sent["variables"] } else { &sent };
        assert_eq!((&fields[name], &fields["password"]), (&json!("ada"), &json!("sentinel")), "{sent}");
        server.assert_consumed();
    }
}

// spec 12.11
#[tokio::test]
async fn no_password_is_sent_to_a_server_whose_dialect_does_not_ask_for_one() {
    let server = granting();
    let session = app(&server).build().unwrap();
    let grant = rekindle::sign_in::SignInGrant::Password {
        username: "ada".into(),
        password: "sentinel".into(),
        scope: None,
    };
    let error = session.sign_in_by_grant(grant.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(server.log().is_empty());
    let dialect =
        rekindle::Dialect::from_toml("[password]\nurl = \"http://api.example/login\"", "a.toml").unwrap();
    let session = Session::builder(dialect).token_url("https://api.example/token").build().unwrap();
    let error = session.sign_in_by_grant(grant).await.unwrap_err();
    assert!(error.message().contains("https") && !format!("{error:?}").contains("sentinel"), "{error}");
}

// spec 12.11
#[tokio::test]
async fn another_token_and_an_assertion_sign_in_too() {
    use rekindle::sign_in::SignInGrant;
    let exchange = SignInGrant::TokenExchange {
        subject_token: "theirs".into(),
        subject_token_type: "urn:ietf:params:oauth:token-type:access_token".into(),
        audience: Some("api".into()),
        resource: vec!["https://api.example/".into()],
        scope: Some("read".into()),
    };
    let bearer = SignInGrant::JwtBearer { assertion: "a.b.c".into(), scope: None };
    let cases = [
        (exchange, "urn:ietf:params:oauth:grant-type:token-exchange", ("subject_token", "theirs")),
        (bearer, "urn:ietf:params:oauth:grant-type:jwt-bearer", ("assertion", "a.b.c")),
    ];
    for (grant, grant_type, (name, value)) in cases {
        let server = granting();
        let session = app(&server).build().unwrap();
        session.sign_in_by_grant(grant).await.unwrap();
        let sent = form(&server, 0);
        assert_eq!((sent["grant_type"].as_str(), sent[name].as_str()), (grant_type, value));
        assert_eq!(session.token().await.unwrap().value(), "at-1");
    }
}
