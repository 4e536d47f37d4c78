//! Timeouts of connecting and of reading over real connections (spec 11.8).

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rekindle::{Client, ErrorKind, Session};

const PATIENT: Duration = Duration::from_secs(60);

/// A server that says only this, and keeps its connections open.
fn server(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut open: Vec<TcpStream> = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            if !says.is_empty() {
                let _ = connection.read(&mut [0; 4096]);
                connection.write_all(says).unwrap();
            }
            open.push(connection);
        }
    });
    address
}

fn client(base: &str) -> Client {
    let session = Session::builder("json").token_url("https://auth.example.com/t").tokens("at-1", "rt-1");
    Client::builder(session.build().unwrap()).base_url(base).timeout(PATIENT).build().unwrap()
}

// spec 11.8
#[tokio::test]
async fn a_server_that_takes_the_request_and_says_nothing_is_a_timeout() {
    let client = client(&format!("http://{}", server(b"")));
    for body in [0, 1_000_000] {
        let request = client.post("/").body(vec![b'x'; body]).read_timeout(Duration::from_millis(300));
        let error = request.send().await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("before its response"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_body_is_a_timeout() {
    let client = client(&format!("http://{}", server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")));
    let request = client.get("/").read_timeout(Duration::from_millis(300)).send().await.unwrap();
    let error = request.bytes().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("in the middle"), "{error}");
}

/// A TCP connection is there at once; what it is waited for is TLS.
#[tokio::test]
async fn connecting_has_its_own_time_and_is_not_the_servers_silence() {
    let client = client(&format!("https://{}", server(b"")));
    for body in [0, 1_000_000] {
        let request = client.post("/").body(vec![b'x'; body]).read_timeout(Duration::from_millis(100));
        let request = request.connect_timeout(Duration::from_millis(400));
        let error = request.retry(rekindle::RetryPolicy { max_sends: 1, ..Default::default() }).send().await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.to_string().contains("no connection within 0.4 s"), "{error}");
    }
}
