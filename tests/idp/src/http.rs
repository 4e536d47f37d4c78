//! GET for the helper routes. Not a client: the tests bring their own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

// HTTP/1.0, so that the answer comes whole and ends with the connection.
pub(crate) fn get(base_url: &str, path: &str) -> Result<String, String> {
    let host = base_url.strip_prefix("http://").ok_or("not an http URL")?;
    let answer = exchange(host, path).map_err(|e| e.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of headers")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status == "200" { Ok(body.to_owned()) } else { Err(format!("status {status}: {body}")) }
}

fn exchange(host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
