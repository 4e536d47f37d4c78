//! Bad input is an error that names the argument: never a panic, and nothing is sent.

use rekindle_proto::ErrorKind;

use super::*;

async fn refused(request: impl FnOnce(&Client) -> RequestBuilder, names: &str) {
    let stage = stage([]);
    let error = stage.send(request(&stage.client)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().starts_with(names), "{error} should name {names}");
    assert!(!format!("{error} {error:?}").contains("sentinel"), "{error:?}");
    assert_eq!(stage.wire.sends(), 0);
}

#[tokio::test]
async fn urls() {
    for url in [
        "https://",
        "ftp://a.test/",
        "http://[::1",
        "https://u:sentinel@a.test/",
        "/a\nb",
        "https://a.test/\r\n",
        "http://a.test:99999/",
    ] {
        refused(|client| client.get(url), "path_or_url").await;
    }
    let stage = stage_with([], Client::builder);
    let error = stage.send(stage.client.get("/relative")).await.unwrap_err();
    assert!(error.message().contains("no base_url"), "{error}");
    for url in ["nonsense", "file:///etc/passwd", "", "https://a b/", "https://u:p@a.test"] {
        let error = Client::new(stage.session.clone(), url).unwrap_err();
        assert!(error.message().starts_with("base_url"), "{error}");
    }
}

// spec 9.9
#[tokio::test]
async fn a_client_whose_requests_would_never_carry_the_token_is_refused() {
    let session =
        Session::builder("oauth2").token_url("https://auth.test/token").tokens("sentinel-token-1", "r");
    let session = session.build().unwrap();
    let error = Client::builder(session.clone()).build().unwrap_err();
    assert_eq!((error.kind(), error.argument()), (ErrorKind::InvalidConfig, Some("base_url")));
    assert!(Client::new(session, "https://api.test").is_ok());
}

// spec 9.9
#[tokio::test]
async fn a_request_may_ask_for_no_token_and_is_not_judged() {
    let stage = stage([reply(401).into()]);
    let response = stage.send(stage.client.get("/health").without_token()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.verdict()), (401, None));
    assert_eq!((stage.wire.tokens().as_str(), stage.refreshes()), ("-", 0));
}

#[tokio::test]
async fn headers() {
    refused(|client| client.get("/").header("a b", "x"), "header").await;
    refused(|client| client.get("/").header("x-a", "sentinel\r\nevil: 1"), "header `x-a`").await;
    refused(|client| client.get("/").idempotency_key("a\nb"), "idempotency_key").await;
    // A map of headers panics when it is full.
    let many = |client: &Client| {
        (0..40_000).fold(client.get("/"), |request, number| request.header(format!("x-{number}"), "a"))
    };
    refused(many, "header").await;
    let stage = stage([]);
    let broken = Client::builder(stage.session.clone()).default_header("x-a", "b\n").build().unwrap_err();
    assert!(broken.message().starts_with("default_header `x-a`"), "{broken}");
}

#[tokio::test]
async fn bodies_and_queries() {
    let nested = serde_json::json!({ "a": { "b": "sentinel" } });
    let keys = std::collections::BTreeMap::from([(vec![1_u8], "sentinel")]);
    refused(|client| client.get("/").query(&nested), "query").await;
    refused(|client| client.post("/").form(&nested), "form").await;
    refused(|client| client.post("/").json(&keys), "json").await;
}

#[tokio::test]
async fn paths_are_below_the_base_and_stay_in_its_origin() {
    let table = [
        ("", "https://api.test/v1"),
        ("/", "https://api.test/v1"),
        ("a", "https://api.test/v1/a"),
        ("/a/b?c=d", "https://api.test/v1/a/b?c=d"),
        ("?q=1", "https://api.test/v1?q=1"),
        ("//evil.test/x", "https://api.test/v1/evil.test/x"),
        ("a/../x", "https://api.test/v1/x"),
        ("documents:run", "https://api.test/v1/documents:run"),
        ("@evil.test", "https://api.test/v1/@evil.test"),
        ("x?to=http://b.test/", "https://api.test/v1/x?to=http://b.test/"),
        ("http://other.test/y", "http://other.test/y"),
    ];
    let stage = stage([]);
    for (path, url) in table {
        assert_eq!(stage.send(stage.client.get(path)).await.unwrap().url().as_str(), url, "{path}");
    }
}

#[tokio::test]
async fn queries_add_up_and_forms_are_encoded() {
    let stage = stage([]);
    let request = stage.client.post("/x?a=1").query(&[("b", "ü &")]).query(&[("c", 3)]).form(&[("k", "v w")]);
    stage.send(request).await.unwrap();
    let seen = stage.wire.seen.lock();
    assert_eq!(seen[0].url.query(), Some("a=1&b=%C3%BC+%26&c=3"));
    assert_eq!(seen[0].body, b"k=v+w");
    assert_eq!(seen[0].header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn absurd_timeouts_are_no_panic() {
    let stage = stage([Play::Hang]);
    stage.session.token().await.unwrap();
    let error = stage.send(stage.client.get("/").timeout(Duration::ZERO)).await.unwrap_err();
    assert!(error.is_timeout());
    assert!(stage.send(stage.client.get("/").timeout(Duration::MAX)).await.is_ok());
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_a_secret() {
    let stage = stage([]);
    let request = stage.client.post("/?q=sentinel").header("authorization", "sentinel").body("sentinel");
    let form = Form::new().text("password", "sentinel");
    let printed =
        format!("{:?} {:?} {request:?} {form:?}", stage.client, stage.client.session().token_if_valid());
    let response = stage.send(request).await.unwrap();
    let printed = format!("{printed} {response:?} {:?}", response.history());
    assert!(!printed.contains("sentinel"), "{printed}");
}

// spec 9.1
#[tokio::test]
async fn a_path_below_the_base_url_never_names_another_host() {
    let relative =
        ["x", "/x", "a/../b", "a//evil.test/b", "a\\b", "x@evil.test/", "evil.test:80/b", "0x7f000001"];
    let odd = ["//evil.test/b", "/\\evil.test", "?q=//evil.test", "%2f%2fevil.test", "https:evil.test/b"];
    let bases = [BASE, "https://api.test"];
    for (base, path) in
        bases.iter().flat_map(|base| relative.iter().chain(&odd).map(move |path| (base, path)))
    {
        let stage = stage_with([], |session| Client::builder(session).base_url(base));
        stage.send(stage.client.get(path)).await.unwrap();
        assert_eq!(stage.wire.seen.lock()[0].url.host_str(), Some("api.test"), "{path} below {base}");
    }
}
