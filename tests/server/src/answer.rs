//! An answer, and the ways to break it on the wire.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// What goes wrong with an answer. The request has been read, and acted on, in every case.
///
/// ```
/// use rekindle_test_server::Fault;
///
/// let fault: Fault = serde_json::from_str(r#"{"truncate": {"bytes": 5}}"#).unwrap();
/// assert_eq!(fault, Fault::Truncate { bytes: 5 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection is closed in order, without a byte of the answer.
    CloseBeforeResponse,
    /// The answer is whole; then the connection is closed, though the answer did not say so: what a pooled
    /// connection looks like that the server has given up.
    CloseAfterResponse,
    /// The connection is reset, without a byte of the answer.
    ResetBeforeResponse,
    /// The answer is whole; then the connection is reset.
    ResetAfterResponse,
    /// The head promises the whole body, then only this many bytes of it come.
    Truncate {
        /// How many bytes of the body are sent.
        bytes: usize,
    },
    /// The body comes in pieces.
    Slow {
        /// The size of a piece.
        chunk_bytes: usize,
        /// The pause before each.
        delay_ms: u64,
    },
    /// Bytes that are no HTTP.
    Garbage,
}

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) fault: Option<Fault>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), fault: None }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    fn head(&self, keep_alive: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let has_body = !matches!(self.status, 100..=199 | 204 | 304);
        if has_body && !self.has("content-length") && !self.has("transfer-encoding") {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        if !keep_alive {
            head += "connection: close\r\n";
        }
        (head + "\r\n").into_bytes()
    }
}

/// Sends it, breaking what is to be broken. Says whether the connection may go on.
pub(crate) async fn send(
    socket: &mut TcpStream,
    answer: &Answer,
    method: &str,
    keep_alive: bool,
) -> io::Result<bool> {
    let mut head = answer.head(keep_alive);
    let body: &[u8] = if method == "HEAD" { &[] } else { &answer.body };
    match answer.fault {
        None => {
            // One write: a second one would wait for the client's delayed acknowledgement.
            head.extend_from_slice(body);
            socket.write_all(&head).await?;
            return Ok(keep_alive);
        }
        Some(Fault::CloseBeforeResponse) => {}
        Some(Fault::ResetBeforeResponse) => socket.set_zero_linger()?,
        Some(Fault::CloseAfterResponse) => whole(socket, &head, body).await?,
        Some(Fault::ResetAfterResponse) => {
            whole(socket, &head, body).await?;
            socket.set_zero_linger()?;
        }
        Some(Fault::Truncate { bytes }) => whole(socket, &head, &body[..bytes.min(body.len())]).await?,
        Some(Fault::Slow { chunk_bytes, delay_ms }) => {
            slowly(socket, &head, body, chunk_bytes, Duration::from_millis(delay_ms)).await?;
            return Ok(keep_alive);
        }
        Some(Fault::Garbage) => socket.write_all(b"this is no HTTP\r\n\r\n").await?,
    }
    Ok(false)
}

async fn whole(socket: &mut TcpStream, head: &[u8], body: &[u8]) -> io::Result<()> {
    socket.write_all(&[head, body].concat()).await
}

async fn slowly(
    socket: &mut TcpStream,
    head: &[u8],
    body: &[u8],
    size: usize,
    pause: Duration,
) -> io::Result<()> {
    socket.write_all(head).await?;
    for piece in body.chunks(size.max(1)) {
        tokio::time::sleep(pause).await;
        socket.write_all(piece).await?;
    }
    Ok(())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        599 => "Not Scripted",
        _ => "Scripted",
    }
}
