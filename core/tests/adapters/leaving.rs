//! Redirects that leave the origin: what goes along, and what is not sent at all because nobody could tell.

use rekindle::Dialect;
use rekindle::adapters::Judged;
use rekindle::adapters::reqwest_middleware::RekindleMiddleware;
use rekindle::adapters::tower::RekindleLayer;
use rekindle::{ErrorKind, ReplayRefused, Session, SigningKey};
use rekindle_test_server::{Script, Step, TestServer};
use reqwest_middleware::{ClientWithMiddleware, Error};
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::asked::{Asks, Through as _};
use crate::reqwest_middleware::{Middleware, answered};
use crate::scripted::refreshed;
use crate::tower::{Tower, hyper, request};

/// Two servers; the first leads to the second, and answers on `/data`.
fn servers(status: u16) -> (TestServer, TestServer) {
    let there =
        TestServer::start(Script::new().step(Step::on("GET", "/there").text(200, "").always())).unwrap();
    let away = format!("{}/there", there.base_url());
    let script =
        Script::new().step(Step::on("GET", "/data").text(status, "").header("location", &away).always());
    (TestServer::start(script).unwrap(), there)
}

fn own_header(server: &TestServer) -> Session {
    let dialect = Dialect::from_toml(
        "[token]
header = \"x-school\"
scheme = \"\"
",
        "own",
    )
    .unwrap();
    session(Session::builder(dialect), server)
}

fn bound(server: &TestServer) -> Session {
    session(Session::builder("oauth2").dpop_key(SigningKey::generate().unwrap().0), server)
}

fn session(builder: rekindle::SessionBuilder, server: &TestServer) -> Session {
    let builder = builder.token_url(format!("{}/token", server.base_url())).tokens("sentinel-at", "rt-1");
    builder.origin(server.base_url()).build().unwrap()
}

fn following(session: Session) -> ClientWithMiddleware {
    let _ = rustls::crypto::ring::default_provider().install_default();
    RekindleMiddleware::client(session, reqwest::Client::builder().no_proxy()).unwrap()
}

fn url(server: &TestServer) -> String {
    format!("{}/data", server.base_url())
}

// spec 9.2
#[tokio::test]
async fn a_header_that_redirects_would_take_along_is_not_sent_by_a_client_that_follows_them_unseen() {
    for make in [own_header, bound] {
        let (server, there) = servers(302);
        let session = make(&server);
        let error = Middleware::around(&session).0.get(url(&server)).send().await.unwrap_err();
        let Error::Middleware(error) = error else { panic!("{error}") };
        let error = error.downcast::<rekindle::Error>().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("RekindleMiddleware::client"), "{error}");

        let asks = || Asks { url: url(&server), ..Asks::get() };
        let error = Tower::around(&session).ask(asks()).await.unwrap_err();
        assert!(error.message().contains("without_redirects"), "{error}");
        assert_eq!((server.log().len(), there.log().len()), (0, 0));

        let mut service = RekindleLayer::new(session).without_redirects().layer(hyper());
        assert_eq!(service.call(request(asks())).await.unwrap().status(), 302);
        assert_eq!((server.log().len(), there.log().len()), (1, 0));
    }
}

// spec 9.2: nothing of ours, and of the caller's own what is known to be harmless.
#[tokio::test]
async fn the_client_with_a_middleware_takes_no_credential_to_another_origin() {
    for make in [own_header, bound] {
        let (server, there) = servers(302);
        let client = following(make(&server));
        let headers = ["dpop", "api_key", "x-otp", "x-amzn-oidc-jwt-x"].map(|name| (name, "sentinel-own"));
        let request = client.get(url(&server)).header("accept", "text/html").header("user-agent", "ours");
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.url().path()), (200, "/there"));
        let sent = &there.log()[0].headers;
        assert!(
            !sent.iter().any(|(_, value)| value.contains("sentinel") || value.starts_with("eyJ")),
            "{sent:?}"
        );
        assert!(sent.iter().any(|(name, value)| name == "accept" && value == "text/html"));
        let first = &server.log()[0].headers;
        assert_eq!(first.iter().filter(|(_, value)| value.contains("sentinel-at")).count(), 1);
    }
}

// spec 9.2, 3.3: the hop within the origin has a token, and a replay begins at it.
#[tokio::test]
async fn the_client_with_a_middleware_replays_only_the_last_hop() {
    let script = Script::new()
        .step(Step::on("POST", "/a").text(303, "").header("location", "/b"))
        .step(Step::on("GET", "/b").text(401, ""))
        .step(
            Step::on("POST", "/token")
                .json(200, serde_json::json!({"access_token": "at-2", "expires_in": 900})),
        )
        .step(Step::on("GET", "/b").text(200, "done"));
    let server = TestServer::start(script).unwrap();
    let client = following(session(Session::builder("oauth2"), &server));
    let post = client.post(format!("{}/a", server.base_url())).body("twelve bytes");
    let response = post.send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "done");
    server.assert_consumed();
    let log = server.log();
    assert_eq!(log.iter().filter(|request| request.path == "/a").count(), 1);
    assert!(log.iter().filter(|request| request.path == "/b").all(|request| request.body.is_empty()));
}

// spec 2.4: reqwest followed it to where the answer came from; the POST has happened.
#[tokio::test]
async fn a_post_that_reqwest_took_elsewhere_is_not_sent_again() {
    let script = Script::new()
        .step(Step::on("POST", "/a").text(303, "").header("location", "/b"))
        .step(Step::on("GET", "/b").json(401, serde_json::json!({})))
        .step(Step::on("POST", "/token").json(200, serde_json::json!({"access_token": "at-2"})));
    let server = TestServer::start(script).unwrap();
    let session = session(Session::builder("oauth2"), &server);
    let client = Middleware::around(&session).0;
    let post = client.post(format!("{}/a", server.base_url())).body("twelve bytes");
    let answered = answered(post.send().await.unwrap()).await;
    assert_eq!(answered.judged(), ("expired", Some(ReplayRefused::MaybeApplied)));
    refreshed(&session).await;
    assert_eq!(server.log().iter().filter(|request| request.path == "/a").count(), 1);
}

// spec 2.11
#[tokio::test]
async fn a_redirect_to_the_login_page_is_handed_out_and_not_followed() {
    let rule =
        "[[api.rules]]\nstatus = \"3xx\"\nlocation = true\nequals = \"/login\"\nverdict = \"expired\"\n";
    let script = || {
        let tokens = serde_json::json!({"access_token": "at-2", "expires_in": 900});
        Script::new()
            .step(Step::on("GET", "/data").text(302, "").header("location", "/login?next=1"))
            .step(Step::on("POST", "/token").json(200, tokens))
            .step(Step::on("GET", "/data").text(302, "").header("location", "/login?next=1"))
    };
    let own =
        |server: &TestServer| session(Session::builder(Dialect::from_toml(rule, "own").unwrap()), server);
    let server = TestServer::start(script()).unwrap();
    let response = following(own(&server)).get(url(&server)).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["location"].as_bytes()),
        (302, &b"/login?next=1"[..])
    );
    server.assert_consumed();

    let server = TestServer::start(script()).unwrap();
    let mut service = RekindleLayer::new(own(&server)).layer(hyper());
    let response = service.call(request(Asks { url: url(&server), ..Asks::get() })).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("location")), (302, None));
    let judged = response.extensions().get::<Judged>().unwrap();
    assert_eq!(judged.replay_refused, Some(ReplayRefused::FreshTokenRejected));
    server.assert_consumed();
}
