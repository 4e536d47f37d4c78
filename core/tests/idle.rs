//! A connection that the server closed while nobody was looking (spec 11.2).
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rekindle::RetryPolicy;
use rekindle::{Client, Session};

/// Answers one request on each connection, then closes it without a word when it is told to. Says so when it has.
fn server() -> (String, Sender<()>, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ((closed, heard), (close, told)) = (channel(), channel::<()>());
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
            told.recv().unwrap();
            drop(socket);
            closed.send(()).unwrap();
        }
    });
    (url, close, heard)
}

// spec 11.2: the runtime stands still between two calls, and hears of nothing.
#[test]
fn a_post_after_a_pause_goes_over_a_new_connection_where_the_server_closed_the_old_one() {
    let (url, close, closed) = server();
    let session = Session::builder("json").token_url(format!("{url}/refresh")).tokens("at", "rt").build();
    let never = RetryPolicy::never();
    let client = Client::builder(session.unwrap()).base_url(&url).retry(never).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..5 {
        let response = runtime.block_on(async { client.post("/").body("body").send().await?.text().await });
        assert_eq!(response.unwrap(), "ok");
        // The connection goes back to its pool.
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        close.send(()).unwrap();
        closed.recv().unwrap();
    }
}
