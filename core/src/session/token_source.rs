//! The source of new tokens: a token endpoint that uses a dialect.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::Method;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use rekindle_proto::dialect::{Answer, AskAgain, ClientIdentity, Dialect, TokenRequest};
use rekindle_proto::sign_in::{SUBJECT, is_somebody_elses};
use rekindle_proto::{ErrorKind, Failure, GrantRequest, Lost, Outcome, Secret, ServerError, Wall, redact};
use url::Url;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::Error;
use crate::proof::{DPOP, Proofs};
use crate::transport::{Connection, Outgoing, Sent, Transport, TransportRequest, TransportResponse, coding};

/// The maximum size of a response (spec 5.6).
const MOST_ANSWER: usize = 1024 * 1024;

/// The result of revoking the token at a sign-out (RFC 7009).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// The server revoked the token.
    Done,
    /// The server did not answer, or refused: the token stays valid until it expires.
    Failed,
    /// The dialect has no revocation endpoint, or there was no token.
    NotOffered,
}

/// The interface of the engine to the token endpoint.
#[async_trait]
pub(crate) trait Source: Send + Sync + 'static {
    /// `serving`: the current access token, which the response may repeat.
    async fn ask(&self, request: GrantRequest, serving: Option<Secret>) -> (Outcome, ServerError);
    /// Whether the server revoked the token (RFC 7009). `None`: there is no endpoint for it.
    async fn revoke(&self, token: &Secret) -> Option<bool>;
    /// The client's credentials.
    fn client_secret(&self) -> Option<&Secret> {
        None
    }
}

/// A token endpoint with a dialect.
pub(crate) struct Endpoint {
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) identity: ClientIdentity,
    pub(crate) proofs: Option<Arc<Proofs>>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long one request may take; the engine enforces it.
    pub(crate) send_timeout: Duration,
    /// The server rejected the dialect's first document, and accepted the second one.
    pub(crate) falls_back: AtomicBool,
}

/// The extra value, stored with the tokens, that means that the server accepts only the dialect's second document.
pub(super) const FALLBACK: &str = "rekindle.fallback_document";

/// The pause before repeating a request whose response may be due to a transient problem.
const BEFORE_CONFIRMING: Duration = Duration::from_secs(1);

#[async_trait]
impl Source for Endpoint {
    async fn ask(&self, grant: GrantRequest, serving: Option<Secret>) -> (Outcome, ServerError) {
        let (spent, extra) = match &grant {
            GrantRequest::RefreshToken { refresh_token, extra, .. } => (Some(refresh_token), Some(extra)),
            GrantRequest::ClientCredentials { extra, .. } | GrantRequest::Cookie { extra } => {
                (None, Some(extra))
            }
            _ => (None, None),
        };
        let own = self.identity.client_secret.iter();
        let known: Vec<&Secret> = serving.iter().chain(spent).chain(own).collect();
        let stored = extra.is_some_and(|extra| extra.contains_key(FALLBACK));
        let remembered = stored || self.falls_back.load(Ordering::Relaxed);
        let first = self.ask_for(&grant, remembered, &known).await;
        let (mut outcome, said) = match first.again {
            Some(AskAgain::WithFallback) if !remembered => self.ask_for(&grant, true, &known).await.told(),
            Some(AskAgain::ToConfirm) => {
                self.clock.sleep_until(self.clock.mono() + BEFORE_CONFIRMING).await;
                self.ask_for(&grant, remembered, &known).await.told()
            }
            _ => {
                let (outcome, said) = first.told();
                return (same_user(outcome, extra), said);
            }
        };
        if let (Outcome::Granted(grant), Some(AskAgain::WithFallback)) = (&mut outcome, first.again) {
            // In this process and, since it is stored with the tokens, in every other.
            self.falls_back.store(true, Ordering::Relaxed);
            grant.extra.insert(FALLBACK.to_owned(), "true".to_owned());
        }
        (same_user(outcome, extra), said)
    }

    async fn revoke(&self, token: &Secret) -> Option<bool> {
        let request = self.identity().and_then(|identity| self.dialect.revoke_request(&identity, token));
        match request {
            Ok(Some(request)) => {
                let said = self.exchange(request, &[token]).await.said;
                Some(said.status.is_some_and(|status| (200..300).contains(&status)))
            }
            Ok(None) => None,
            Err(_) => Some(false),
        }
    }

    fn client_secret(&self) -> Option<&Secret> {
        self.identity.client_secret.as_ref()
    }
}

impl Endpoint {
    /// The same server with the dialect for signing in with a password.
    pub(crate) fn for_password(&self) -> Result<Self, Failure> {
        let (dialect, has_url) = self.dialect.for_password()?;
        let mut identity = self.identity.clone();
        if has_url {
            identity.token_url = None;
            let url = dialect.token_url(&identity)?;
            if !super::origins::secure(&url) {
                let what = " in [password] is neither https nor loopback: the password would travel where others can read it";
                return Err(Failure::config("url", what));
            }
        }
        Ok(Self {
            dialect: Arc::new(dialect),
            identity,
            proofs: self.proofs.clone(),
            transport: self.transport.clone(),
            clock: self.clock.clone(),
            send_timeout: self.send_timeout,
            falls_back: AtomicBool::new(false),
        })
    }

    /// Sends a form with client authentication to another endpoint than the token endpoint, with the usual time
    /// limit.
    pub(crate) async fn post(
        &self,
        url: Url,
        fields: &[(String, String)],
    ) -> Result<(http::StatusCode, Zeroizing<Vec<u8>>), Error> {
        let request = self.dialect.client_form(&*self.identity()?, url, fields)?;
        let mut headers = request.headers;
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let body = Zeroizing::new(request.body.expose().as_bytes().to_vec());
        let hop = TransportRequest {
            headers,
            body: Outgoing::Bytes(Bytes::from_owner(body)),
            ..self.hop(request.method, request.url)
        };
        let exchange = async {
            let response = self.transport.send(hop).await?;
            let status = response.status;
            let body = read(response).await.ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidResponse,
                    "the server's answer broke off or is too long: try again later",
                )
            })?;
            Ok((status, body))
        };
        tokio::select! {
            done = exchange => done,
            () = self.clock.sleep_until(self.clock.mono() + self.send_timeout) => {
                Err(Error::new(ErrorKind::Timeout, "the server did not answer in time: try again later"))
            }
        }
    }

    fn hop(&self, method: Method, url: Url) -> TransportRequest {
        let hop = TransportRequest::new(method, url);
        TransportRequest { connection: Connection::Fresh, timeout: Some(self.send_timeout), ..hop }
    }

    /// The client's identity, with a new assertion for each request.
    fn identity(&self) -> Result<Cow<'_, ClientIdentity>, Failure> {
        let Some(proofs) = &self.proofs else { return Ok(Cow::Borrowed(&self.identity)) };
        let endpoint = self.dialect.token_url(&self.identity)?;
        let id = self.identity.client_id.as_deref();
        let client_assertion = proofs.assertion(id, &endpoint, self.clock.now().wall)?;
        Ok(Cow::Owned(ClientIdentity { client_assertion, ..self.identity.clone() }))
    }

    /// Adds a DPoP proof, if there is a key (RFC 9449 section 5).
    fn proven(&self, mut request: TokenRequest) -> Result<TokenRequest, Failure> {
        if let Some(proofs) = &self.proofs
            && let Some(proof) =
                proofs.possession(&request.method, &request.url, None, self.clock.now().wall)?
        {
            request.headers.insert(DPOP, proof);
        }
        Ok(request)
    }

    /// A cookie was required, but the transport cannot have sent one.
    fn without_cookies(&self, mut said: ServerError) -> ServerError {
        if !self.transport.keeps_cookies() {
            let hint = "the built-in HTTP client keeps no cookies: give a transport that does, or let the session keep the \
                        cookie (in the dialect `[answer] cookies` and `token_cookie` instead of `credential`)";
            said.hint = Some(said.hint.map_or_else(|| hint.to_owned(), |before| format!("{before}; {hint}")));
        }
        said
    }

    fn heard(&self, url: &Url, headers: &HeaderMap, outcome: &Outcome, now: Wall) {
        let Some(proofs) = &self.proofs else { return };
        proofs.hear(url, headers);
        if *outcome == Outcome::ClockSkew {
            proofs.follow_clock(headers, now);
        }
    }

    /// Uses one of the dialect's documents, if it has two.
    async fn ask_for(&self, grant: &GrantRequest, fallback: bool, known: &[&Secret]) -> Told {
        let request = self.identity().and_then(|identity| {
            let other = if fallback { self.dialect.fallback_request(&identity, grant)? } else { None };
            other.map_or_else(|| self.dialect.token_request(&identity, grant), Ok)
        });
        match request.and_then(|request| self.proven(request)) {
            Ok(request) => self.exchange(request, known).await,
            Err(failure) => {
                Told::of(Outcome::ClientConfig { error: failure.message }, ServerError::default())
            }
        }
    }

    async fn exchange(&self, request: TokenRequest, known: &[&Secret]) -> Told {
        let sent_at = self.clock.now().wall;
        let body = match request.body.expose() {
            "" => Outgoing::Empty,
            text => Outgoing::Bytes(Bytes::from_owner(Zeroizing::new(text.as_bytes().to_vec()))),
        };
        let mut headers = request.headers;
        // If a proxy removes the label of a compressed response, a grant would be unreadable although its refresh
        // token is used.
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let with_cookies = request.with_cookies;
        let hop =
            TransportRequest { headers, body, with_cookies, ..self.hop(request.method, request.url.clone()) };
        let response = match self.transport.send(hop).await {
            Ok(response) => response,
            Err(error) => {
                let message = Some(redact::text(&error.message, known));
                return Told::of(not_answered(error.sent), ServerError { message, ..ServerError::default() });
            }
        };
        let received_at = self.clock.now().wall;
        let (status, headers) = (response.status, response.headers.clone());
        match read(response).await {
            Some(body) => {
                let answer = Answer { status, headers: &headers, body: &body, sent_at, received_at };
                let said = ServerError {
                    oauth_error: self.dialect.error_code(&body),
                    status: Some(status.as_u16()),
                    message: self.dialect.server_message(&body, known),
                    hint: self.dialect.complaint(&answer),
                    cause: None,
                };
                let outcome = self.dialect.outcome(&answer);
                let said = if request.with_cookies && matches!(outcome, Outcome::Dead(_)) {
                    self.without_cookies(said)
                } else {
                    said
                };
                self.heard(&request.url, &headers, &outcome, received_at);
                Told { outcome, said, again: self.dialect.asks_again(&answer) }
            }
            None => {
                let said = ServerError { status: Some(status.as_u16()), ..ServerError::default() };
                Told::of(Outcome::Lost(Lost::Broken), said)
            }
        }
    }
}

/// A refresh must return the tokens of the same user (spec 12.15).
fn same_user(outcome: Outcome, extra: Option<&BTreeMap<String, String>>) -> Outcome {
    let subject = extra.and_then(|extra| extra.get(SUBJECT));
    match (&outcome, subject) {
        (Outcome::Granted(granted), Some(subject))
            if granted.id_token.as_ref().is_some_and(|token| is_somebody_elses(token, subject)) =>
        {
            Outcome::OtherUser
        }
        _ => outcome,
    }
}

/// The result of one request.
struct Told {
    outcome: Outcome,
    said: ServerError,
    again: Option<AskAgain>,
}

impl Told {
    fn of(outcome: Outcome, said: ServerError) -> Self {
        Self { outcome, said, again: None }
    }

    fn told(self) -> (Outcome, ServerError) {
        (self.outcome, self.said)
    }
}

fn not_answered(sent: Sent) -> Outcome {
    match sent {
        Sent::No => Outcome::NotSent,
        Sent::Maybe => Outcome::Lost(Lost::Broken),
    }
}

/// The whole body; `None` if it is truncated or too long.
pub(crate) async fn read(response: TransportResponse) -> Option<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(Vec::with_capacity(4 * 1024));
    let mut stream = response.body;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.ok()?;
        if body.len() + chunk.len() > MOST_ANSWER {
            return None;
        }
        append(&mut body, &chunk);
    }
    coding::unlabelled(std::mem::take(&mut *body), MOST_ANSWER).map(Zeroizing::new)
}

/// The old buffer is wiped when it grows: it contains tokens.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed * 2));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

pub(crate) fn reentrant() -> Failure {
    Failure::new(
        ErrorKind::Misuse,
        "a store or refresh function called the session it belongs to, which would wait for itself; \
         use a plain HTTP client there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_comes_in_pieces_is_read_whole() {
        let mut body = Zeroizing::new(Vec::with_capacity(4));
        for _ in 0..1000 {
            append(&mut body, b"piece ");
        }
        assert_eq!(body.as_slice(), b"piece ".repeat(1000));
    }
}
