//! How long a server may be silent (spec 11.8).

use super::*;

const SECOND: Duration = Duration::from_secs(1);

// spec 11.8
#[tokio::test]
async fn a_silent_server_is_given_up_after_the_read_timeout_and_asked_again_where_that_is_safe() {
    for (method, sends) in [("GET", 3), ("POST", 1)] {
        let stage = stage_with([Play::Hang, Play::Hang, Play::Hang], |session| {
            Client::builder(session).base_url(BASE).read_timeout(5 * SECOND)
        });
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let error = stage.send(stage.client.request(method.clone(), "/")).await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("sent nothing for 5 s"), "{error}");
        assert_eq!(stage.wire.sends(), sends, "{method}");
        // Each send for itself; the pauses between them beside it.
        assert!(stage.waited() >= 5 * SECOND * u32::try_from(sends).unwrap());
    }
}

#[tokio::test]
async fn a_request_has_a_read_timeout_of_its_own_and_the_deadline_holds_beside_it() {
    let build = |session| Client::builder(session).base_url(BASE).read_timeout(5 * SECOND);
    let stage = stage_with([Play::Hang], build);
    let request = stage.client.post("/").read_timeout(2 * SECOND);
    stage.send(request).await.unwrap_err();
    assert_eq!(stage.waited(), 2 * SECOND);

    let stage = stage_with([Play::Hang], build);
    let request = stage.client.post("/").read_timeout(Duration::MAX);
    stage.send(request).await.unwrap_err();
    assert_eq!(stage.waited(), 60 * SECOND);

    let stage = stage_with([Play::Hang], build);
    let error = stage.send(stage.client.post("/").timeout(SECOND)).await.unwrap_err();
    assert!(error.to_string().contains("waiting for the response"), "{error}");
    assert_eq!(stage.waited(), SECOND);
}

#[tokio::test]
async fn a_slow_body_of_ours_is_not_the_servers_silence() {
    let stage = stage([]);
    let (clock, slow) = (stage.clock.clone(), stage.clock.clone());
    let pieces = stream::iter(0..3).then(move |_| {
        let due = slow.mono() + 4 * SECOND;
        let wait = slow.sleep_until(due);
        async move {
            wait.await;
            Ok::<_, std::io::Error>(Bytes::from("piece"))
        }
    });
    let began = clock.mono();
    let request = stage.client.post("/").body_stream(pieces).read_timeout(3 * SECOND);
    assert_eq!(stage.send(request).await.unwrap().status(), 200);
    assert_eq!(clock.mono() - began, 12 * SECOND);
    assert_eq!(stage.wire.seen.lock()[0].body.len(), 15);
}
