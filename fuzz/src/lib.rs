//! What each target does with its bytes. The tests of `core/proto` replay the corpora through these functions too.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle_proto::dialect::{Answer, ClientIdentity};
use rekindle_proto::{
    Applied, Dialect, Exchange, GrantRequest, Operation, Outcome, Secret, Verdict, Wall, challenge, graphql,
};

/// A `WWW-Authenticate` line.
pub fn challenge(data: &[u8]) {
    let found = challenge::parse(data);
    let length: usize = found.iter().map(|one| one.scheme.len()).sum();
    // Lossy decoding may write three bytes for one.
    assert!(length <= 3 * data.len());
}

/// A dialect file: whatever can be read can be used.
pub fn dialect_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(dialect) = Dialect::from_toml(text, "fuzz.toml") else { return };
    let token = Secret::from("SENTINEL");
    let refresh = GrantRequest::RefreshToken {
        refresh_token: token.clone(),
        scope: None,
        extra: Default::default(),
        access_token: None,
    };
    let own = GrantRequest::ClientCredentials { request: Default::default(), extra: Default::default() };
    let identity =
        ClientIdentity { token_url: "https://idp.example/token".parse().ok(), ..Default::default() };
    for request in [&refresh, &own].into_iter().flat_map(|grant| dialect.token_request(&identity, grant)) {
        let in_query = text.contains("query");
        assert!(in_query || !request.url.as_str().contains("SENTINEL"), "a token in a URL");
        assert!(!format!("{request:?}").contains("SENTINEL"), "a token in Debug");
    }
    let _ = (
        dialect.place(&token, None),
        dialect.credential_headers(),
        dialect.revoke_request(&identity, &token),
    );
}

/// A token endpoint's answer: `status preset`, header lines, an empty line, the body.
pub fn token_answer(data: &[u8]) {
    let Some(message) = Message::read(data) else { return };
    let at = Wall(1_795_219_200_000);
    let answer = Answer {
        status: message.status,
        headers: &message.headers,
        body: message.body,
        sent_at: at,
        received_at: at,
    };
    if let Outcome::Granted(grant) = message.dialect.outcome(&answer) {
        assert!(!grant.access_token.expose().is_empty(), "an empty token");
        assert!(
            grant.lifetime.is_none_or(|lifetime| lifetime.as_secs() <= 11 * 366 * 86_400),
            "an absurd lifetime"
        );
        assert!(message.status.is_success());
    }
    let _ = message.dialect.server_message(message.body, &[]);
}

/// An API response in the same form; it is judged as every operation.
pub fn verdict(data: &[u8]) {
    let Some(message) = Message::read(data) else { return };
    let url = match "https://api.example/graphql".parse() {
        Ok(url) => url,
        Err(_) => return,
    };
    for operation in [Operation::Http, Operation::GraphqlQuery, Operation::GraphqlMutation] {
        let verdict = message.dialect.judge(&Exchange {
            method: &Method::POST,
            url: &url,
            operation,
            replayable: true,
            status: message.status,
            headers: &message.headers,
            body: message.body,
        });
        if let Verdict::Expired { applied, .. } = verdict {
            assert!(
                operation != Operation::GraphqlQuery || applied == Applied::No,
                "a query is always replayed"
            );
        }
    }
    let _ = (
        graphql::operation(message.body),
        graphql::errors(message.body),
        message.dialect.redact(message.body, &[]),
    );
}

struct Message<'a> {
    dialect: Dialect,
    status: StatusCode,
    headers: HeaderMap,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&data[..end], &data[end + 2..]),
            None => (data, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let (status, preset) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
        Some(Self {
            dialect: Dialect::preset(preset).ok()?,
            status: StatusCode::from_bytes(status.as_bytes()).ok()?,
            headers: lines.filter_map(header).collect(),
            body,
        })
    }
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    Some((HeaderName::from_bytes(&line[..colon]).ok()?, value))
}
