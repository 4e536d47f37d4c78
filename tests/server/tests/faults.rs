//! Broken answers, as a client sees them.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::io::ErrorKind;

use common::{Client, request, try_call};
use rekindle_test_server::{Fault, Script, Step, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server that breaks the first answer to /a and no other.
fn broken(fault: Fault) -> TestServer {
    let first = Step::on("GET", "/a").text(200, "0123456789").fault(fault);
    TestServer::start(Script::new().step(first).step(Step::on("GET", "/a").text(200, "well"))).unwrap()
}

/// The bytes that arrive on a bare socket, and how it ended.
async fn raw(server: &TestServer) -> (String, Option<ErrorKind>) {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(b"GET /a HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let ended = socket.read_to_end(&mut bytes).await.err().map(|error| error.kind());
    (String::from_utf8(bytes).unwrap(), ended)
}

#[tokio::test]
async fn a_lost_answer_is_a_request_that_arrived_and_a_connection_that_ended() {
    let server = broken(Fault::CloseBeforeResponse);
    assert_eq!(raw(&server).await, (String::new(), None));
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn a_client_calls_a_lost_answer_incomplete() {
    let error = try_call(&broken(Fault::CloseBeforeResponse), "GET", "/a", "", "").await.unwrap_err();
    assert!(error.is_incomplete_message(), "{error:?}");
}

#[tokio::test]
async fn a_reset_before_the_answer_is_a_reset() {
    assert_eq!(
        raw(&broken(Fault::ResetBeforeResponse)).await,
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_its_head_says() {
    let (text, ended) = raw(&broken(Fault::Truncate { bytes: 4 })).await;
    assert!(text.contains("content-length: 10") && text.ends_with("\r\n\r\n0123"), "{text}");
    assert_eq!(ended, None);
    assert!(try_call(&broken(Fault::Truncate { bytes: 4 }), "GET", "/a", "", "").await.is_err());
}

#[tokio::test]
async fn a_slow_body_comes_whole_and_the_connection_lives() {
    let server = broken(Fault::Slow { chunk_bytes: 3, delay_ms: 1 });
    let mut client = Client::connect(&server).await;
    assert_eq!(&client.send(request("GET", "/a", "", "")).await.unwrap().body[..], b"0123456789");
    assert_eq!(&client.send(request("GET", "/a", "", "")).await.unwrap().body[..], b"well");
}

#[tokio::test]
async fn a_connection_given_up_after_the_answer_fails_the_next_request_on_it() {
    for fault in [Fault::CloseAfterResponse, Fault::ResetAfterResponse] {
        let server = broken(fault);
        let mut client = Client::connect(&server).await;
        let reply = client.send(request("GET", "/a", "", "")).await.unwrap();
        assert_eq!(&reply.body[..], b"0123456789");
        assert!(!reply.headers.contains_key("connection"));
        assert!(client.send(request("GET", "/a", "", "")).await.is_err());
    }
}

#[tokio::test]
async fn garbage_is_no_http() {
    let error = try_call(&broken(Fault::Garbage), "GET", "/a", "", "").await.unwrap_err();
    assert!(error.is_parse(), "{error:?}");
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections_and_its_port() {
    let server = broken(Fault::Garbage);
    let (address, mut client) = (server.address(), Client::connect(&server).await);
    drop(server);
    assert!(client.send(request("GET", "/a", "", "")).await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}
