//! Reading a response, and what is judged in it (spec 2.6).

use rekindle_proto::ErrorKind;

use super::*;
use crate::session::ReplayRefused;

/// A dialect that tells errors with status 200.
fn telling(script: impl IntoIterator<Item = Play>) -> Stage {
    stage_in(TELLING, script, |session| Client::builder(session).base_url(BASE))
}

const EXPIRED: &str = "{\"expired\":true}";

#[tokio::test]
async fn an_error_in_a_json_answer_with_status_200_is_found_and_replayed() {
    for head in [
        reply(200).json(EXPIRED),
        reply(200).body(EXPIRED),
        reply(200).header("content-type", "a/b+json").body(EXPIRED),
    ] {
        let stage = telling([head.into(), reply(200).json("[1]").into()]);
        let numbers: Vec<u8> = stage.send(stage.client.get("/")).await.unwrap().json().await.unwrap();
        assert_eq!((numbers, stage.wire.tokens().as_str()), (vec![1], "1 2"));
    }
}

#[tokio::test]
async fn a_stream_is_judged_as_it_passes_for_the_next_request_and_not_replayed() {
    let stage = telling([reply(200).json("").chunks(&["{\"exp", "ired\":true}"]).into()]);
    let mut response = stage.send(stage.client.get("/").streamed()).await.unwrap();
    assert_eq!(response.replay_refused(), None);
    while response.chunk().await.unwrap().is_some() {}
    assert_eq!(response.replay_refused(), Some(ReplayRefused::Streamed));
    assert_eq!(response.verdict().unwrap().name(), "expired");
    assert_eq!(stage.wire.sends(), 1);
    stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!(stage.wire.tokens(), "1 2");
}

#[tokio::test]
async fn a_watched_stream_that_was_redirected_keeps_its_token_on_the_way() {
    let stage =
        telling([reply(302).to("/v1/b").into(), reply(200).header("content-type", "image/png").into()]);
    let response = stage.send(stage.client.get("/a").streamed()).await.unwrap();
    assert_eq!((stage.wire.tokens().as_str(), response.verdict().unwrap().name()), ("1 1", "accepted"));
}

#[tokio::test]
async fn event_streams_are_never_waited_for() {
    let events = || reply(200).header("content-type", "text/event-stream").body("data: 1\n\n");
    let stage = telling([events().into()]);
    let mut response = stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap().as_ref(), b"data: 1\n\n");
}

#[tokio::test]
async fn a_broken_body_is_an_error_for_whoever_reads_it() {
    let stage = stage([reply(200).body("half").breaks().into(), reply(404).body("half").breaks().into()]);
    for _ in 0..2 {
        let error = stage.send(stage.client.get("/")).await.unwrap().bytes().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
    }
}

#[tokio::test]
async fn json_that_does_not_parse_says_where_and_shows_nothing_of_it() {
    let stage =
        stage([reply(200).json("{\"a\": \"sentinel-token-9\"}").into(), reply(200).json("{\"a\"").into()]);
    let error = stage
        .send(stage.client.get("/?q=sentinel-token-8"))
        .await
        .unwrap()
        .json::<Vec<u8>>()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.to_string().contains("line 1 column"), "{error}");
    assert!(!format!("{error} {error:?}").contains("sentinel"), "{error:?}");
    assert!(error.into_response().unwrap().text().contains("sentinel"));
    let error =
        stage.send(stage.client.get("/")).await.unwrap().json::<serde_json::Value>().await.unwrap_err();
    assert!(error.to_string().contains("too early"), "{error}");
}

/// What a proxy or a sign-in page puts in the place of JSON is named.
#[tokio::test]
async fn what_came_in_the_place_of_json_is_named() {
    for (body, what) in
        [("<html>Sign in</html>", "an HTML page"), ("", "is empty"), ("oops", "is not JSON, at")]
    {
        let stage = stage([reply(200).body(body).into(), reply(200).body(body).into()]);
        let response = stage.send(stage.client.get("/")).await.unwrap();
        let error = response.json::<serde_json::Value>().await.unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidResponse && error.to_string().contains(what), "{error}");
        let asked =
            stage.drive(stage.client.graphql("{ me }", ())).await.map(|_: serde_json::Value| ()).unwrap_err();
        assert!(asked.kind() == ErrorKind::InvalidResponse && asked.to_string().contains(what), "{asked}");
    }
}

#[tokio::test]
async fn an_error_status_is_an_error_only_when_asked() {
    let stage = stage([reply(404).body("gone").into(), reply(204).into()]);
    let error = stage.send(stage.client.get("/x?secret=1")).await.unwrap().error_for_status().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::HttpStatus, Some(404)));
    assert!(error.to_string().contains("/v1/x") && !error.to_string().contains("secret"), "{error}");
    assert_eq!(error.into_response().unwrap().text(), "gone");
    assert!(stage.send(stage.client.get("/")).await.unwrap().error_for_status().is_ok());
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_no_panic_and_streams_can_be_taken() {
    let stage = stage([reply(200).chunks(&["a", "b", "c"]).into()]);
    let stream = stage.send(stage.client.get("/")).await.unwrap().into_stream();
    assert_eq!(stream.map(Result::unwrap).collect::<Vec<_>>().await.concat(), b"abc");
}
