//! As much of HTTP/1.1 as a test server needs, on a bare socket: a library would mend what has to be broken.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// No client of ours sends longer lines.
const LINE_MAX: u64 = 64 * 1024;

/// A request, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What follows the scheme in `Authorization`.
    pub(crate) fn token(&self) -> Option<&str> {
        self.header("authorization")
            .map(|value| value.split_once(' ').map_or(value, |(_, token)| token.trim()))
    }

    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Reads the next request but for its body; None when the client is done.
pub(crate) async fn head(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let Some(first) = line(socket).await? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Err(malformed());
    };
    let headers = headers(socket).await?;
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
        keep_alive: version == "HTTP/1.1",
    };
    request.keep_alive &=
        request.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
    Ok(Some(request))
}

async fn headers(socket: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(socket).await?.ok_or_else(malformed)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Its body, to its end.
pub(crate) async fn body(socket: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Vec<u8>> {
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        socket.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let chunked = request.header("transfer-encoding").is_some_and(|value| value.contains("chunked"));
    if chunked {
        return chunks(socket).await;
    }
    let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| malformed())?;
    exactly(socket, length).await
}

async fn chunks(socket: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(socket).await?.ok_or_else(malformed)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed())?;
        if size == 0 {
            // Trailers look like headers.
            return headers(socket).await.map(|_| body);
        }
        body.extend(exactly(socket, size).await?);
        line(socket).await?;
    }
}

async fn exactly(socket: &mut BufReader<TcpStream>, length: usize) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let read = socket.take(length as u64).read_to_end(&mut body).await?;
    if read == length { Ok(body) } else { Err(malformed()) }
}

/// A line without its end; None at the end of the stream.
async fn line(socket: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if socket.take(LINE_MAX).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(malformed());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(|_| malformed())
}

fn malformed() -> io::Error {
    ErrorKind::InvalidData.into()
}
