//! The middleware for reqwest-middleware.

use std::future::Future;

use bytes::Bytes;
use http_body_util::Full;
use rekindle::adapters::Judged;
use rekindle::adapters::reqwest_middleware::RekindleMiddleware;
use rekindle::{Error, ReplayRefused, Session};
use rekindle_test_server::{Script, SeedDialect, Step};
use reqwest::{Body, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::json;

use crate::asked::{Answered, Asks, Through};
use crate::scripted::{counted, expired, refreshed, session};

pub(crate) struct Middleware(pub(crate) ClientWithMiddleware);

impl Through for Middleware {
    const READS_BODIES: bool = true;

    fn around(session: &Session) -> Self {
        // reqwest with TLS but without a provider does not start, even for plain http.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
        Self(ClientBuilder::new(reqwest).with(RekindleMiddleware::new(session.clone())).build())
    }

    fn ask(&self, asks: Asks) -> impl Future<Output = Result<Answered, Error>> + Send + 'static {
        let request = self.0.request(asks.method, &asks.url).header("content-type", "application/json");
        let request =
            asks.authorization.into_iter().fold(request, |request, own| request.header("authorization", own));
        let mut request = request.body(asks.body);
        if let Some(operation) = asks.operation {
            request = request.with_extension(operation);
        }
        async move {
            match request.send().await {
                Ok(response) => Ok(answered(response).await),
                Err(reqwest_middleware::Error::Middleware(error)) => Err(error.downcast::<Error>().unwrap()),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub(crate) async fn answered(response: Response) -> Answered {
    let judged = response.extensions().get::<Judged>().cloned();
    let status = response.status().as_u16();
    Answered { status, judged, body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap() }
}

// spec 3.4: never sent empty; the token is refreshed for the next request.
#[tokio::test]
async fn a_streamed_body_is_sent_once_and_the_next_request_has_a_new_token() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let Middleware(client) = Middleware::around(&session);
    let url = Asks::data(&server).url;
    let stream = || Body::wrap(Full::new(Bytes::from("twelve bytes")));
    let refused = answered(client.post(&url).body(stream()).send().await.unwrap()).await;
    assert_eq!(refused.judged(), ("expired", Some(ReplayRefused::BodyNotReplayable)));
    assert_eq!(refused.body, json!({"error": "token_expired"}));
    assert_eq!(server.counters().side_effects, 0);

    refreshed(&session).await;
    let accepted = answered(client.post(&url).body(stream()).send().await.unwrap()).await;
    assert_eq!(accepted.body["body_bytes"], 12);
    assert_eq!((server.counters().side_effects, counted(&server)), (1, (1, 0, 1)));
    let posts = server.log().into_iter().filter(|request| request.path == "/data");
    assert!(posts.map(|post| post.body).eq(["twelve bytes"; 2]));
}

// spec 2.2: reqwest follows the redirect without our token; the 401 over there says nothing about it.
#[tokio::test]
async fn the_401_of_an_origin_that_a_redirect_led_to_is_not_judged() {
    let (server, tokens) = expired(SeedDialect::Json);
    let (foreign, _) = expired(SeedDialect::Json);
    let there = Asks::data(&foreign).url;
    server.play(Script::new().step(Step::on("GET", "/data").text(302, "").header("location", &there)));
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = Middleware::around(&session).0.get(Asks::data(&server).url).send().await.unwrap();
    assert_eq!(response.url().as_str(), there);
    let answered = answered(response).await;
    assert_eq!((answered.status, answered.judged), (401, None));
    assert_eq!(foreign.log()[0].authorization, None);
    server.assert_consumed();
    assert_eq!((counted(&server), counted(&foreign)), ((0, 0, 0), (0, 0, 0)));
}
