//! Redirects (spec 9.2).

use rekindle_proto::ErrorKind;

use super::*;
use crate::session::ReplayRefused;

fn headers_of(stage: &Stage, name: &str) -> Vec<Option<String>> {
    stage.wire.seen.lock().iter().map(|seen| seen.header(name).map(ToOwned::to_owned)).collect()
}

const LOGIN_PAGE: &str = r#"
name = "login-page"
token_endpoint.url = "https://auth.test/token"

[[api.rules]]
status = 302
location = true
equals = "/login"
verdict = "expired"
"#;

// spec 2.11
#[tokio::test]
async fn a_redirect_that_shows_an_expired_session_is_not_followed() {
    let script = [reply(302).to("/login?next=/a").into(), reply(302).to("/v1/b").into(), reply(200).into()];
    let stage = stage_in(LOGIN_PAGE, script, |session| Client::builder(session).base_url(BASE));
    let response = stage.send(stage.client.post("/a")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.history().len()), (302, 0));
    assert_eq!(response.replay_refused(), Some(ReplayRefused::MaybeApplied));
    assert_eq!(stage.wire.tokens(), "1");
    let response = stage.send(stage.client.get("/a")).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.history().len()),
        (200, 1),
        "another redirect is followed"
    );
}

#[tokio::test]
async fn within_the_origin_the_token_goes_along_and_history_is_kept() {
    let stage = stage([reply(302).to("/v2/a").into(), reply(301).to("b?q=1").into(), reply(200).into()]);
    let response = stage.send(stage.client.get("/a")).await.unwrap();
    assert_eq!(response.url().as_str(), "https://api.test/v2/b?q=1");
    let history: Vec<_> =
        response.history().iter().map(|hop| (hop.status.as_u16(), hop.url.path())).collect();
    assert_eq!(history, [(302, "/v1/a"), (301, "/v2/a")]);
    assert_eq!(stage.wire.tokens(), "1 1 1");
}

#[tokio::test]
async fn leaving_the_origin_drops_every_credential_and_coming_back_restores_none() {
    let away =
        ["https://elsewhere.test/", "https://files.test/", "https://api.test:8443/", "http://api.test/"];
    for location in away {
        let stage = stage([reply(302).to(location).into(), reply(302).to("https://api.test/v1/back").into()]);
        let request = stage.client.get("/").header("x-otp", "k").header("cookie", "c").header("accept", "p");
        let response = stage.send(request).await.unwrap();
        assert_eq!(response.history().len(), 2, "{location}");
        assert_eq!(stage.wire.tokens(), "1 - -", "{location}");
        for name in ["x-otp", "cookie"] {
            assert_eq!(headers_of(&stage, name)[1..], [None, None], "{location} {name}");
        }
        assert!(headers_of(&stage, "accept").iter().all(Option::is_some));
        assert_eq!(response.verdict(), None, "what came without our token is not judged");
    }
}

#[tokio::test]
async fn a_credential_of_the_callers_does_not_leave_the_origin_either() {
    let stage = stage([reply(307).to("https://elsewhere.test/").into()]);
    stage
        .send(stage.client.get("/").header("authorization", "mine").header("x-school", "mine"))
        .await
        .unwrap();
    assert_eq!(headers_of(&stage, "authorization"), [Some("mine".into()), None]);
    assert_eq!(headers_of(&stage, "x-school"), [Some("mine".into()), None]);
}

#[tokio::test]
async fn an_unlisted_origin_cannot_lead_the_token_to_ours() {
    let stage = stage([reply(302).to("https://api.test/v1/transfer").into()]);
    stage.send(stage.client.get("https://elsewhere.test/")).await.unwrap();
    assert_eq!(stage.wire.tokens(), "- -");
}

#[tokio::test]
async fn a_303_turns_a_post_into_a_get_without_its_body() {
    let stage = stage([reply(303).to("/done").into()]);
    stage.send(stage.client.post("/").json(&1)).await.unwrap();
    let seen = stage.wire.seen.lock();
    assert_eq!((seen[1].method.as_str(), seen[1].body.len()), ("GET", 0));
    assert_eq!(seen[1].header("content-type"), None);
}

#[tokio::test]
async fn a_307_keeps_method_and_body_unless_they_would_be_lost_or_leak() {
    let stage = stage([reply(307).to("/again").into()]);
    stage.send(stage.client.post("/").body("x")).await.unwrap();
    assert!(stage.wire.seen.lock().iter().all(|seen| seen.method == "POST" && seen.body == b"x"));

    let stage = super::stage([reply(307).to("/again").into()]);
    let once = stream::iter([Ok::<_, std::io::Error>(Bytes::from("x"))]);
    let response = stage.send(stage.client.post("/").body_stream(once)).await.unwrap();
    assert_eq!((response.status().as_u16(), stage.wire.sends()), (307, 1));

    let stage = super::stage([reply(308).to("http://api.test/plain").into()]);
    let response = stage.send(stage.client.post("/").body("x")).await.unwrap();
    assert_eq!((response.status().as_u16(), stage.wire.sends()), (308, 1), "no body from https to http");
}

#[tokio::test]
async fn only_the_last_hop_is_replayed() {
    let stage = stage([reply(307).to("/b").into(), reply(401).into(), reply(200).into()]);
    stage.send(stage.client.post("/a").body("x")).await.unwrap();
    let paths: Vec<_> = stage.wire.seen.lock().iter().map(|seen| seen.url.path().to_owned()).collect();
    assert_eq!(paths, ["/v1/a", "/b", "/b"]);
    assert_eq!(stage.wire.tokens(), "1 1 2");
}

#[tokio::test]
async fn ten_redirects_are_followed_and_not_eleven() {
    let hops = |count| (0..count).map(|_| Play::from(reply(302).to("/v1/next")));
    let stage = stage(hops(10));
    assert_eq!(stage.send(stage.client.get("/")).await.unwrap().history().len(), 10);
    let stage = super::stage(hops(11));
    let error = stage.send(stage.client.get("/")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status(), stage.wire.sends()),
        (ErrorKind::TooManyRedirects, Some(302), 11)
    );
}

#[tokio::test]
async fn a_redirect_is_given_back_where_it_is_not_wanted_or_leads_nowhere() {
    let stage = stage([reply(302).to("/b").into(), reply(302).to("mailto:a@b.test").into()]);
    let response = stage.send(stage.client.get("/").follow_redirects(false)).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(stage.send(stage.client.get("/")).await.unwrap().status(), 302);
    assert_eq!(stage.wire.sends(), 2);
}
