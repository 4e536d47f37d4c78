//! The tower layer, around hyper's own client.

use std::future::Future;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rekindle::adapters::Judged;
use rekindle::adapters::tower::{RekindleLayer, RekindleService};
use rekindle::{Error, Session};
use rekindle_test_server::{Script, SeedDialect, Step};
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::asked::{Answered, Asks, Through};
use crate::scripted::{counted, expired, session};

pub(crate) type Hyper = Client<HttpConnector, Full<Bytes>>;

pub(crate) struct Tower(RekindleService<Hyper>);

impl Through for Tower {
    const READS_BODIES: bool = false;

    fn around(session: &Session) -> Self {
        Self(RekindleLayer::new(session.clone()).layer(hyper()))
    }

    fn ask(&self, asks: Asks) -> impl Future<Output = Result<Answered, Error>> + Send + 'static {
        let call = self.0.clone().call(request(asks));
        async move {
            let response = call.await.map_err(|error| *error.downcast::<Error>().unwrap())?;
            let judged = response.extensions().get::<Judged>().cloned();
            let (status, body) = (response.status().as_u16(), response.into_body().collect().await.unwrap());
            Ok(Answered { status, judged, body: serde_json::from_slice(&body.to_bytes()).unwrap() })
        }
    }
}

pub(crate) fn hyper() -> Hyper {
    Client::builder(TokioExecutor::new()).build_http()
}

pub(crate) fn request(asks: Asks) -> Request<Full<Bytes>> {
    let request =
        Request::builder().method(asks.method).uri(asks.url).header("content-type", "application/json");
    let request =
        asks.authorization.into_iter().fold(request, |request, own| request.header("authorization", own));
    let request = asks.operation.into_iter().fold(request, http::request::Builder::extension);
    request.body(Full::from(asks.body)).unwrap()
}

// spec 2.6: a body is handed on as it came, trailers and all, whether it was read to be judged or not.
#[tokio::test]
async fn a_long_error_body_is_handed_on_whole() {
    let (server, tokens) = expired(SeedDialect::Json);
    let long = "x".repeat(9 * 1024 * 1024);
    server.play(Script::new().step(Step::on("GET", "/data").text(500, &long)));
    let session = session(&server, SeedDialect::Json, &tokens);
    let response = Tower::around(&session).0.call(request(Asks::data(&server))).await.unwrap();
    let size = http_body::Body::size_hint(response.body());
    assert_eq!(size.exact(), Some(long.len() as u64));
    assert!(response.into_body().collect().await.unwrap().to_bytes() == long);
    assert_eq!(counted(&server), (0, 0, 0));
}
