//! Token answers that a proxy compressed (spec 11.5).
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rekindle::Session;
use rekindle_test_server::{Script, Step, TestServer};
use serde_json::json;

// spec 11.5
#[tokio::test]
async fn token_requests_ask_for_no_compression_and_api_requests_do() {
    let grant = json!({"access_token": "at-2", "refresh_token": "rt-2"});
    let script =
        Script::new().step(Step::on("POST", "/token").json(200, grant)).step(Step::on("GET", "/data"));
    let server = TestServer::start(script).unwrap();
    let session =
        Session::builder("oauth2").token_url(format!("{}/token", server.base_url())).client_id("app");
    let session = session.tokens("at-1", "rt-1").build().unwrap();
    let client = rekindle::Client::new(session.clone(), server.base_url()).unwrap();
    session.invalidate();
    client.get("/data").send().await.unwrap();
    let asked = |at: usize| {
        let log = server.log();
        let found = log[at].headers.iter().find(|(name, _)| name == "accept-encoding").cloned();
        found.map(|(_, value)| value)
    };
    assert_eq!((asked(0).as_deref(), asked(1).as_deref()), (Some("identity"), Some("zstd, br, gzip")));
}

/// A proxy that unpacked an answer may have left its label.
#[tokio::test]
async fn a_token_answer_that_is_labelled_as_gzip_and_is_none_is_read_all_the_same() {
    let grant = json!({"access_token": "at-2", "refresh_token": "rt-2"});
    let labelled = Step::on("POST", "/token").json(200, grant).header("content-encoding", "gzip");
    let server = TestServer::start(Script::new().step(labelled)).unwrap();
    let session =
        Session::builder("oauth2").token_url(format!("{}/token", server.base_url())).client_id("app");
    let session = session.tokens("at-1", "rt-1").origin(server.base_url()).build().unwrap();
    session.invalidate();
    assert_eq!(session.token().await.unwrap().value(), "at-2");
    assert_eq!(server.log().len(), 1);
}

// spec 11.5
#[tokio::test]
async fn a_client_reads_brotli() {
    // `a body of some length ` 500 times, as zlib's users compress it.
    const CODED: &str = "G/cq+I2Ubt5EGfY2lyBlbdkIK49lCUj4w43daU4RAAA=";
    let coded = STANDARD.decode(CODED).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        let length = coded.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: {length}\r\n\r\n");
        socket.write_all(&[head.as_bytes(), &coded].concat()).unwrap();
    });
    let session = Session::builder("oauth2").token_url(format!("{server}/token")).tokens("at-1", "rt-1");
    let client = rekindle::Client::new(session.client_id("app").build().unwrap(), &server).unwrap();
    let response = client.get("/data").send().await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
    assert_eq!(response.text().await.unwrap(), "a body of some length ".repeat(500));
    answering.join().unwrap();
}
