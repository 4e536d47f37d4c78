//! After a rejection (spec 3).

use rekindle_proto::ErrorKind;

use super::*;
use crate::session::{RefreshError, ReplayRefused};

/// spec 11.9
#[tokio::test]
async fn a_replay_belongs_to_the_same_trace_and_the_next_request_to_another() {
    let build = |session| Client::builder(session).base_url(BASE).traceparent(true);
    let stage = stage_with([reply(401).into(), reply(302).to("https://files.test/x").into()], build);
    stage.send(stage.client.get("/")).await.unwrap();
    stage.send(stage.client.get("/")).await.unwrap();
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    stage.send(stage.client.get("/").header("traceparent", given)).await.unwrap();
    let seen = stage.wire.seen.lock();
    let traces: Vec<&str> = seen.iter().map(|seen| seen.header("traceparent").unwrap()).collect();
    assert_eq!(traces[0], traces[1]);
    assert_eq!(traces[1], traces[2]);
    assert_ne!(traces[2], traces[3]);
    assert_eq!(traces[4], given);
    let parts: Vec<usize> = traces[0].split('-').map(str::len).collect();
    assert_eq!(parts, [2, 32, 16, 2]);
}

#[tokio::test]
async fn a_valid_token_goes_out_once_and_the_answer_comes_back() {
    let stage = stage([reply(200).header("x-a", "b").body("hello").into()]);
    let response = stage.send(stage.client.get("/pupils?x=1")).await.unwrap();
    assert_eq!(response.verdict(), Some(&rekindle_proto::Verdict::Accepted));
    assert_eq!(response.headers()["x-a"], "b");
    assert_eq!(response.url().as_str(), "https://api.test/v1/pupils?x=1");
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!((stage.wire.sends(), stage.wire.tokens().as_str()), (1, "1"));
    assert!(stage.wire.seen.lock()[0].headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn an_expired_token_is_refreshed_before_anything_is_sent() {
    let stage = stage([]);
    stage.client.get("/").send().await.unwrap();
    stage.session.invalidate();
    stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!((stage.refreshes(), stage.wire.tokens().as_str()), (1, "1 2"));
}

#[tokio::test]
async fn a_rejected_request_is_sent_again_with_the_new_token_and_the_same_body() {
    let stage = stage([reply(401).into()]);
    let request = stage.client.post("/pupils").json(&[1, 2]).header("x-mine", "kept");
    let response = stage.send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!((stage.refreshes(), stage.wire.tokens().as_str()), (1, "1 2"));
    for seen in stage.wire.seen.lock().iter() {
        assert_eq!((seen.method.as_str(), seen.body.as_slice()), ("POST", b"[1,2]".as_slice()));
        assert_eq!(
            (seen.header("x-mine"), seen.header("content-type")),
            (Some("kept"), Some("application/json"))
        );
    }
    assert_eq!(stage.events(), ["Replayed"]);
}

#[tokio::test]
async fn a_fresh_token_that_is_rejected_too_is_given_back_with_the_reason() {
    let stage = stage([reply(401).into(), reply(401).body("no").into()]);
    let response = stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!(response.replay_refused(), Some(ReplayRefused::FreshTokenRejected));
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (401, "no"));
    assert_eq!((stage.refreshes(), stage.wire.sends()), (1, 2));
}

#[tokio::test]
async fn a_one_shot_body_is_never_sent_twice_and_never_sent_empty() {
    let stage = stage([reply(401).into()]);
    let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("once"))]);
    let response = stage.send(stage.client.put("/file").body_stream(chunks)).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.replay_refused(), Some(ReplayRefused::BodyNotReplayable));
    stage.rest().await;
    assert_eq!((stage.refreshes(), stage.wire.sends()), (1, 1));
    assert_eq!(stage.wire.seen.lock()[0].body, b"once");
    stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!(stage.wire.tokens(), "1 2");
}

#[tokio::test]
async fn a_factory_and_a_form_with_a_file_are_sent_again() {
    let stage = stage([reply(401).into()]);
    let make = || stream::iter(["a", "b"].map(|text| Ok::<_, std::io::Error>(Bytes::from(text))));
    stage.send(stage.client.post("/").body_factory(make)).await.unwrap();
    assert!(stage.wire.seen.lock().iter().all(|seen| seen.body == b"ab"));

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "content").unwrap();
    let stage = super::stage([reply(401).into()]);
    // The file is read on a thread of tokio's, which the hand-turned clock knows nothing of.
    let form = Form::new().file("f", file.path());
    stage.client.post("/").timeout(Duration::MAX).multipart(form).send().await.unwrap();
    let seen = stage.wire.seen.lock();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body);
    assert!(String::from_utf8_lossy(&seen[1].body).contains("content"));
}

#[tokio::test]
async fn what_may_have_been_applied_is_not_sent_again() {
    let stage = stage([reply(418).into()]);
    let response = stage.send(stage.client.post("/pay").body("x")).await.unwrap();
    assert_eq!(response.replay_refused(), Some(ReplayRefused::MaybeApplied));
    stage.rest().await;
    assert_eq!((stage.refreshes(), stage.wire.sends()), (1, 1));
}

#[tokio::test]
async fn a_refresh_that_fails_is_the_error_and_carries_the_response() {
    let stage = stage([reply(401).body("expired").into()]);
    *stage.mint.fails.lock() = Some(RefreshError::login_required());
    let error = stage.send(stage.client.get("/")).await.unwrap_err();
    assert!(error.is_login_required());
    assert_eq!(error.status(), Some(401));
    assert_eq!(error.into_response().unwrap().text(), "expired");
    assert_eq!(stage.wire.sends(), 1);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let stage = stage([]);
    stage.session.token().await.unwrap();
    stage.session.invalidate();
    *stage.mint.fails.lock() = Some(RefreshError::maybe_sent("the answer was lost"));
    let error = stage.send(stage.client.get("/")).await.unwrap_err();
    assert_eq!((error.kind(), stage.wire.sends()), (ErrorKind::RefreshFailed, 0));
}

#[tokio::test]
async fn a_denied_request_is_given_back_at_once() {
    let stage = stage([reply(403).into()]);
    let response = stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!(response.verdict().unwrap().name(), "denied");
    assert_eq!((stage.refreshes(), stage.wire.sends()), (0, 1));
}

// spec 2.2
#[tokio::test]
async fn a_credential_of_the_callers_is_neither_replaced_nor_judged() {
    let stage = stage([reply(401).into()]);
    let response = stage.send(stage.client.get("/").header("Authorization", "mine")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.verdict()), (401, None));
    assert_eq!((stage.refreshes(), stage.wire.sends()), (0, 1));
    assert_eq!(stage.wire.seen.lock()[0].header("authorization"), Some("mine"));
}

// spec 2.2
#[tokio::test]
async fn a_key_that_goes_along_with_the_token_does_not_replace_it() {
    let stage = stage([reply(200).into()]);
    stage.send(stage.client.get("/").header("X-School", "mine")).await.unwrap();
    let seen = stage.wire.seen.lock();
    assert_eq!(seen[0].header("x-school"), Some("mine"));
    assert!(seen[0].header("authorization").is_some());
}

#[tokio::test]
async fn a_request_to_an_origin_that_is_not_listed_goes_without_and_is_not_judged() {
    let stage = stage([reply(401).into()]);
    let response = stage.send(stage.client.get("https://elsewhere.test/")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.verdict()), (401, None));
    assert_eq!((stage.refreshes(), stage.wire.tokens().as_str()), (0, "-"));
    stage.send(stage.client.get("https://files.test/")).await.unwrap();
    assert_eq!(stage.wire.tokens(), "- 1");
}

#[tokio::test]
async fn a_deadline_ends_everything_and_says_so() {
    let stage = stage([reply(401).into(), Play::Hang]);
    let error = stage.send(stage.client.get("/").timeout(Duration::from_secs(5))).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // What was waited for, of whom, and how long.
    assert!(error.to_string().contains("waiting for the response from https://"), "{error}");
    assert!(error.to_string().contains("(5 s)"), "{error}");
    assert_eq!((stage.waited(), stage.wire.sends()), (Duration::from_secs(5), 2));
    // The engine takes its own back on its own thread.
    let none_is_left = async {
        while stage.clock.sleepers() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), none_is_left).await.expect("a timer is left");
}
