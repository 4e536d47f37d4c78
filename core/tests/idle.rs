//! A connection that the server closed while nobody was looking (spec 11.2).
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rekindle::proto::retry::RetryPolicy;
use rekindle::{Client, Session};

/// Answers one request on each connection, then closes it without a word. Says so when it has.
fn server() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (closed, heard) = channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut read = Vec::new();
            while !read.ends_with(b"body") {
                let mut piece = [0; 1024];
                let length = socket.read(&mut piece).unwrap();
                read.extend_from_slice(&piece[..length]);
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            drop(socket);
            closed.send(()).unwrap();
        }
    });
    (url, heard)
}

// spec 11.2: the runtime stands still between two calls, and hears of nothing.
#[test]
fn a_post_after_a_pause_goes_over_a_new_connection_where_the_server_closed_the_old_one() {
    let (url, closed) = server();
    let session = Session::builder("json").token_url(format!("{url}/refresh")).tokens("at", "rt").build();
    let never = RetryPolicy::never();
    let client = Client::builder(session.unwrap()).base_url(&url).retry(never).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..20 {
        let response = runtime.block_on(async { client.post("/").body("body").send().await?.text().await });
        assert_eq!(response.unwrap(), "ok");
        closed.recv().unwrap();
        thread::sleep(std::time::Duration::from_millis(5));
    }
}
