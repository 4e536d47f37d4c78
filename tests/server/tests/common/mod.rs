//! A plain client: it mends nothing, so that what the server broke can be seen.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by tests, none of which uses all of it"
)]

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use rekindle_test_server::TestServer;
use serde_json::Value;
use tokio::net::TcpStream;

/// What came back, whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One connection, kept alive.
pub struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub async fn connect(server: &TestServer) -> Self {
        let socket = TcpStream::connect(server.address()).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (client, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, hyper::Error> {
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Reply { status, headers, body })
    }
}

pub fn request(method: &str, path: &str, token: &str, body: &str) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(path).header("host", "test");
    if !token.is_empty() {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    if body.contains("grant_type=") || body.starts_with("token=") {
        builder = builder.header("content-type", "application/x-www-form-urlencoded");
    }
    builder.body(Full::from(body.to_owned())).unwrap()
}

/// A request on a connection of its own.
pub async fn call(server: &TestServer, method: &str, path: &str, token: &str, body: &str) -> Reply {
    try_call(server, method, path, token, body).await.unwrap()
}

pub async fn try_call(
    server: &TestServer,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> Result<Reply, hyper::Error> {
    Client::connect(server).await.send(request(method, path, token, body)).await
}

pub async fn get(server: &TestServer, path: &str, token: &str) -> Reply {
    call(server, "GET", path, token, "").await
}
