//! A client's settings with somebody's own HTTP client (`Client::call`).

use rekindle_proto::ErrorKind;

use super::*;
use crate::call::{Content, Next};

const ACCEPTED: StatusCode = StatusCode::OK;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

// spec 8.1, 8.2
#[tokio::test]
async fn a_call_is_sent_again_as_the_clients_own_requests_are() {
    for (method, statuses, again) in [("GET", [503, 503, 503], 2), ("POST", [503, 503, 503], 0)] {
        let stage = stage([]);
        let mut headers = HeaderMap::new();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut call = stage.client.call(method, "/pupils", &mut headers, Content::Replayable).unwrap();
        assert_eq!(call.url().as_str(), "https://api.test/v1/pupils");
        call.headers().await.unwrap();
        let mut sent_again = 0;
        for status in statuses {
            let status = StatusCode::from_u16(status).unwrap();
            let headers = HeaderMap::new();
            match stage.drive(call.answered(status, &headers, b"")).await.unwrap() {
                Next::SendAgain(headers) => {
                    assert!(!headers.is_empty());
                    sent_again += 1;
                }
                Next::Keep(judged) => {
                    assert_eq!(judged.unwrap().verdict.name(), "unavailable");
                    break;
                }
            }
        }
        assert_eq!((sent_again, stage.events().len()), (again, again));
    }
}

// spec 8.1
#[tokio::test]
async fn a_call_that_broke_is_sent_again_where_nothing_is_lost() {
    for (method, sent, again) in
        [("GET", Sent::Maybe, true), ("POST", Sent::No, true), ("POST", Sent::Maybe, false)]
    {
        let stage = stage([]);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut call = stage.client.call(method, "/", &mut HeaderMap::new(), Content::none()).unwrap();
        call.headers().await.unwrap();
        let broke = TransportError::new(sent, "broke");
        let headers = stage.drive(call.failed(broke)).await;
        assert_eq!(
            headers.map(|headers| headers.is_empty()).map_err(|error| error.kind()),
            match again {
                true => Ok(false),
                false => Err(ErrorKind::Connection),
            }
        );
    }
}

// spec 8.3
#[tokio::test]
async fn a_call_of_a_session_alone_is_never_sent_again_for_what_passes() {
    let stage = stage([]);
    let url = Url::parse("https://api.test/v1/").unwrap();
    let mut call = stage.session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    call.headers().await.unwrap();
    let next = call.answered(UNAVAILABLE, &HeaderMap::new(), b"").await.unwrap();
    assert!(matches!(next, Next::Keep(Some(_))));
}

// spec 2.6
#[tokio::test]
async fn an_expired_token_in_a_body_that_was_handed_out_counts_for_the_next_request() {
    let build = |session| Client::builder(session).base_url(BASE);
    let stage = stage_in(TELLING, [], build);
    let json = HeaderMap::from_iter([(http::header::CONTENT_TYPE, "application/json".parse().unwrap())]);
    let call = stage.client.call(Method::GET, "/", &mut HeaderMap::new(), Content::none());
    let mut call = call.unwrap().streamed();
    call.headers().await.unwrap();
    assert!(matches!(call.answered(ACCEPTED, &json, b"").await.unwrap(), Next::Keep(Some(_))));
    let found = call.passed(ACCEPTED, &json, br#"{"expired":true}"#);
    assert_eq!(found.map(|verdict| verdict.name()), Some("expired"));
    stage.send(stage.client.get("/")).await.unwrap();
    assert_eq!(stage.refreshes(), 1);
}

// spec 9.2
#[tokio::test]
async fn a_calls_redirects_are_counted_by_the_clients_limit() {
    let stage = stage_with([], |session| Client::builder(session).base_url(BASE).max_redirects(1));
    let mut call = stage.client.call(Method::GET, "/", &mut HeaderMap::new(), Content::none()).unwrap();
    call.headers().await.unwrap();
    let next = Url::parse("https://api.test/v2").unwrap();
    call.redirected(Method::GET, next.clone()).unwrap();
    let error = call.redirected(Method::GET, next).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
}
