//! Retries (spec 8).

use rekindle_proto::ErrorKind;
use rekindle_proto::retry::{RetryPolicy, RetryStatuses};

use super::*;

#[tokio::test]
async fn what_is_sent_again_and_what_is_not() {
    let table: [(&str, &[u16], usize); 12] = [
        ("GET", &[503], 2),
        ("GET", &[503, 503], 3),
        ("GET", &[503, 503, 503], 3),
        ("GET", &[408], 2),
        ("GET", &[429], 2),
        ("GET", &[502], 2),
        ("GET", &[504], 2),
        ("GET", &[500], 1),
        ("GET", &[404], 1),
        ("POST", &[503], 1),
        ("PATCH", &[429], 1),
        ("PUT", &[503], 2),
    ];
    for (method, statuses, sends) in table {
        let stage = stage(statuses.iter().map(|status| reply(*status).into()));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = stage.send(stage.client.request(method.clone(), "/").body("x")).await.unwrap();
        assert_eq!(stage.wire.sends(), sends, "{method} {statuses:?}");
        assert_eq!(stage.events().len(), sends - 1);
        assert_eq!(response.status() == 200, sends > statuses.len(), "{method} {statuses:?}");
        assert_eq!(stage.refreshes(), 0);
    }
}

#[tokio::test]
async fn broken_connections_are_retried_where_nothing_was_sent_or_nothing_is_lost() {
    for (method, sent, sends) in
        [("GET", Sent::Maybe, 2), ("GET", Sent::No, 2), ("POST", Sent::No, 2), ("POST", Sent::Maybe, 1)]
    {
        let stage = stage([Play::Fail(sent)]);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let result = stage.send(stage.client.request(method.clone(), "/")).await;
        assert_eq!((stage.wire.sends(), result.is_ok()), (sends, sends == 2), "{method} {sent:?}");
        if let Err(error) = result {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connection, true));
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_a_post_retryable_and_is_the_same_each_time() {
    let stage = stage([reply(502).into(), Play::Fail(Sent::Maybe)]);
    stage.send(stage.client.post("/").body("x").idempotency_key("k-1")).await.unwrap();
    assert!(stage.wire.seen.lock().iter().all(|seen| seen.header("idempotency-key") == Some("k-1")));
    assert_eq!(stage.wire.sends(), 3);
}

#[tokio::test]
async fn a_one_shot_body_is_not_retried() {
    let stage = stage([reply(503).into()]);
    let once = stream::iter([Ok::<_, std::io::Error>(Bytes::from("x"))]);
    stage.send(stage.client.put("/").body_stream(once)).await.unwrap();
    assert_eq!(stage.wire.sends(), 1);
}

#[tokio::test]
async fn retry_after_is_waited_for_within_the_deadline_and_else_given_back() {
    let stage = stage([reply(429).header("retry-after", "7").into()]);
    stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!((stage.wire.sends(), stage.waited()), (2, Duration::from_secs(7)));

    let stage = super::stage([reply(429).header("retry-after", "7").into()]);
    let request = stage.client.get("/").timeout(Duration::from_secs(6));
    let error = stage.send(request).await.unwrap().error_for_status().unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (Some(429), Some(Duration::from_secs(7))));
    assert_eq!((stage.wire.sends(), stage.waited()), (1, Duration::ZERO));
}

#[tokio::test]
async fn retry_after_is_kept_without_a_token_too_and_as_a_date() {
    let stage = stage([reply(503).header("retry-after", "Tue, 01 Jan 2030 00:00:09 GMT").into()]);
    stage.send(stage.client.get("https://elsewhere.test/")).await.unwrap();
    assert_eq!((stage.wire.sends(), stage.waited()), (2, Duration::from_secs(9)));
}

#[tokio::test]
async fn a_failed_replay_is_retried_and_a_retry_is_replayed_within_both_limits() {
    let stage = stage([reply(503).into(), reply(401).into(), reply(503).into(), reply(200).into()]);
    let response = stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!((response.status().as_u16(), stage.wire.tokens().as_str()), (200, "1 1 2 2"));
    assert_eq!(stage.events(), ["Retried", "Replayed", "Retried"]);
}

#[tokio::test]
async fn a_server_that_is_down_gets_no_storm() {
    let stage = stage((0..1000).map(|_| reply(503).into()));
    for _ in 0..100 {
        stage.send(stage.client.get("/").timeout(Duration::MAX)).await.unwrap();
    }
    let seconds = usize::try_from(stage.waited().as_secs()).unwrap();
    assert!(stage.wire.sends() <= 100 + 10 + 20 + seconds + 1, "{} in {seconds} s", stage.wire.sends());
}

#[tokio::test]
async fn retries_can_be_switched_off() {
    let build = |session| Client::builder(session).base_url(BASE).retry(RetryPolicy::never());
    let stage = stage_with([reply(503).into()], build);
    assert_eq!(stage.send(stage.client.get("/")).await.unwrap().status(), 503);
}

// spec 8.4
#[tokio::test]
async fn a_client_and_a_request_say_after_which_statuses_and_how_often() {
    let patient = RetryPolicy {
        max_sends: 4,
        statuses: RetryStatuses::of([404, 500]).unwrap(),
        ..RetryPolicy::default()
    };
    let script = || [500, 404, 500, 200].map(|status| reply(status).into());
    let by_client = stage_with(script(), |session| Client::builder(session).base_url(BASE).retry(patient));
    assert_eq!(by_client.send(by_client.client.get("/")).await.unwrap().status(), 200);
    assert_eq!(by_client.wire.sends(), 4);

    let by_request = stage(script());
    assert_eq!(by_request.send(by_request.client.get("/").retry(patient)).await.unwrap().status(), 200);
    assert_eq!(by_request.wire.sends(), 4);
    let once = stage([reply(503).into()]);
    once.send(once.client.get("/").retry(RetryPolicy::never())).await.unwrap();
    assert_eq!(once.wire.sends(), 1);
}

// spec 8.4
#[tokio::test]
async fn a_post_that_may_be_applied_twice_is_sent_again_and_a_get_that_may_not_is_not() {
    let search = stage([reply(503).into(), reply(418).into()]);
    search.send(search.client.post("/search").body("x").replay(true)).await.unwrap();
    assert_eq!((search.wire.sends(), search.refreshes()), (3, 1));

    let sent_once = stage([reply(503).into()]);
    sent_once.send(sent_once.client.get("/").replay(false)).await.unwrap();
    assert_eq!(sent_once.wire.sends(), 1);
    let rejected = stage([reply(401).into()]);
    let response = rejected.send(rejected.client.get("/").replay(false)).await.unwrap();
    assert_eq!(response.replay_refused(), Some(crate::session::ReplayRefused::BodyNotReplayable));
    rejected.rest().await;
    assert_eq!((rejected.wire.sends(), rejected.refreshes()), (1, 1));
}

// spec 8.4
#[tokio::test]
async fn a_policy_that_sends_nothing_is_refused() {
    let nothing = RetryPolicy { max_sends: 0, ..RetryPolicy::default() };
    let stage = stage([]);
    let error = stage.send(stage.client.get("/").retry(nothing)).await.unwrap_err();
    assert_eq!((error.kind(), error.argument()), (ErrorKind::InvalidConfig, Some("max_sends")));
    let error = Client::builder(stage.session.clone()).base_url(BASE).retry(nothing).build().unwrap_err();
    assert_eq!((error.kind(), error.argument()), (ErrorKind::InvalidConfig, Some("max_sends")));
    assert_eq!(stage.wire.sends(), 0);
}
