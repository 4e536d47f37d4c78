//! Cookies (spec 9.11).

use super::*;
use crate::client::Cookies;

fn with_cookies(script: impl IntoIterator<Item = Play>) -> (Stage, Cookies) {
    let cookies = Cookies::new();
    let jar = cookies.clone();
    (stage_with(script, |session| Client::builder(session).base_url(BASE).cookies(jar)), cookies)
}

fn sets(cookies: &[&str]) -> Reply {
    cookies.iter().fold(reply(200), |reply, cookie| reply.header("set-cookie", cookie))
}

impl Stage {
    /// The `Cookie` of each request; `-` is none.
    fn cookies(&self) -> Vec<String> {
        let one = |seen: &Seen| seen.header("cookie").unwrap_or("-").to_owned();
        self.wire.seen.lock().iter().map(one).collect()
    }

    async fn get(&self, url: &str) {
        self.send(self.client.get(url)).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_server_sets_goes_back_by_path_until_it_is_deleted() {
    let (stage, _) = with_cookies([
        sets(&["a=1; Path=/", "b=2; Path=/v1/deep", "c=3; HttpOnly; Secure", "d=4; Max-Age=0"]).into(),
        reply(200).into(),
        sets(&["a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "c=x; SameSite=Strict"]).into(),
    ]);
    for path in ["/", "/deep/er", "/", "/"] {
        stage.get(path).await;
    }
    assert_eq!(stage.cookies(), ["-", "b=2; a=1; c=3", "a=1; c=3", "c=x"]);
}

// spec 9.11
#[tokio::test]
async fn no_other_origin_gets_a_cookie_whatever_its_domain_says() {
    let (stage, cookies) =
        with_cookies([sets(&["a=1; Domain=test; Path=/", "b=2; Domain=files.test", "c=3"]).into()]);
    stage.get("/").await;
    for url in ["https://files.test/", "https://api.test:8443/", "https://sub.api.test/", "http://api.test/"]
    {
        stage.get(url).await;
        assert!(cookies.of(&url.parse().unwrap()).is_empty(), "{url}");
    }
    assert_eq!(stage.cookies()[1..], ["-", "-", "-", "-"]);
    stage.get("/").await;
    assert_eq!(stage.cookies().last().unwrap(), "a=1; c=3");
}

// spec 9.11, 9.2
#[tokio::test]
async fn a_redirect_that_leaves_the_origin_takes_none_along_and_brings_none_back() {
    let (stage, cookies) = with_cookies([
        sets(&["a=1; Path=/"]).into(),
        reply(302).header("set-cookie", "b=2; Path=/").to("/v1/next").into(),
        reply(302).to("https://files.test/away").into(),
        reply(302).header("set-cookie", "evil=1; Path=/").to("https://api.test/v1/back").into(),
        reply(200).header("set-cookie", "a=fixed; Path=/").into(),
    ]);
    stage.get("/").await;
    stage.get("/start").await;
    assert_eq!(stage.cookies(), ["-", "a=1", "a=1; b=2", "-", "-"]);
    let kept = |url: &str| cookies.of(&url.parse().unwrap()).len();
    assert_eq!((kept("https://files.test/"), kept("https://api.test/")), (0, 2));
    stage.get("/").await;
    assert_eq!(stage.cookies().last().unwrap(), "a=1; b=2");
}

#[tokio::test]
async fn a_replay_carries_what_the_rejection_set() {
    let (stage, _) = with_cookies([reply(401).header("set-cookie", "a=1").into()]);
    stage.get("/").await;
    assert_eq!(
        (stage.wire.tokens().as_str(), stage.cookies()),
        ("1 2", vec!["-".to_owned(), "a=1".to_owned()])
    );
}

#[tokio::test]
async fn a_request_that_brings_cookies_has_its_own_first() {
    let (stage, cookies) = with_cookies([]);
    cookies.set(&BASE.parse().unwrap(), "a=jar; Path=/").unwrap();
    cookies.set(&BASE.parse().unwrap(), "b=jar; Path=/").unwrap();
    stage.send(stage.client.get("/").header("cookie", "a=own; c=own")).await.unwrap();
    assert_eq!(stage.cookies(), ["a=own; c=own; b=jar"]);
}

#[tokio::test]
async fn a_client_keeps_none_unless_it_is_asked_to() {
    let stage = stage([sets(&["a=1"]).into()]);
    stage.get("/").await;
    stage.get("/").await;
    assert_eq!(stage.cookies(), ["-", "-"]);
}

// spec 9.11
#[test]
fn a_server_can_fill_the_jar_only_so_far_and_it_is_not_shown() {
    let (cookies, url) = (Cookies::new(), BASE.parse::<Url>().unwrap());
    for number in 0..1000 {
        let _ = cookies.set(&url, &format!("n{number}=v"));
        let _ = cookies.set(&format!("https://h{number}.test/").parse().unwrap(), "a=b");
    }
    assert_eq!(cookies.of(&url).len(), 180);
    cookies.set(&url, "n7=renewed").unwrap();
    let with =
        (0..1000).filter(|one| !cookies.of(&format!("https://h{one}.test/").parse().unwrap()).is_empty());
    assert_eq!(with.count(), 99);
    let long = format!("n7={}", "x".repeat(5000));
    for wrong in [long.as_str(), "", "=x", "nothing", "a=\u{e4}", "a=1; Domain=other.test"] {
        assert!(cookies.set(&url, wrong).is_err(), "{wrong:.20}");
    }
    assert_eq!(format!("{cookies:?}"), "Cookies(..)");
    let mut headers = HeaderMap::new();
    cookies.add_to(&url, &mut headers);
    assert!(headers["cookie"].is_sensitive());
}
