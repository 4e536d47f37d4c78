//! The head of a response, in front of the body, as `curl -D -` writes it.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header::LOCATION};

/// No head is longer: what is, is no head.
const MOST: usize = 512 * 1024;

/// A response's status and headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// As it came.
    pub(super) text: Vec<u8>,
}

/// What a piece of output turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// The head of the last response; what follows it is the body.
    Head(Head, Vec<u8>),
    /// More must be read.
    Unfinished,
    /// It is no HTTP.
    Nothing,
}

/// The head of the last response: not of an interim one, nor, where curl follows it, of a redirect.
pub(super) fn find(output: &[u8], follows: bool) -> Found {
    let mut rest = output;
    loop {
        if !b"HTTP/".starts_with(&rest[..rest.len().min(5)]) {
            return Found::Nothing;
        }
        let Some(end) = end(rest) else {
            return if rest.len() > MOST { Found::Nothing } else { Found::Unfinished };
        };
        let (text, after) = rest.split_at(end);
        let Some(head) = parse(text) else { return Found::Nothing };
        let redirects = head.status.is_redirection() && head.headers.contains_key(LOCATION);
        if head.status.is_informational() || (follows && redirects) {
            rest = after;
            continue;
        }
        return Found::Head(head, after.to_vec());
    }
}

fn end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|some| some == b"\r\n\r\n").map(|at| at + 4)
}

fn parse(text: &[u8]) -> Option<Head> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = std::str::from_utf8(lines.next()?).ok()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..at].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[at + 1..].trim_ascii())) {
            headers.append(name, value);
        }
    }
    Some(Head { status, headers, text: text.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(output: &str, follows: bool) -> (u16, String) {
        match find(output.as_bytes(), follows) {
            Found::Head(head, body) => (head.status.as_u16(), String::from_utf8(body).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_head_of_the_last_response_is_found() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nA: b\r\n\r\nHTTP/1.1 no";
        assert_eq!(found(interim, false), (401, "HTTP/1.1 no".into()));
        let redirect = "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nHTTP/2 200 \r\n\r\nbody";
        assert_eq!(found(redirect, true), (200, "body".into()));
        assert_eq!(found(redirect, false).0, 302);
    }

    #[test]
    fn half_a_head_is_unfinished_and_other_output_nothing() {
        for half in ["", "HT", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
            assert!(matches!(find(half.as_bytes(), false), Found::Unfinished), "{half}");
        }
        for other in ["<html>", "HTTP/1.1 what\r\n\r\n"] {
            assert!(matches!(find(other.as_bytes(), false), Found::Nothing), "{other}");
        }
    }
}
