//! The way of a request: token, transport, verdict, and then: give back, replay, follow or retry.

use std::time::{Duration, SystemTime};

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use rekindle_proto::event::EventKind;
use rekindle_proto::retry::{Attempt, Budget, Decision, Failed};
use rekindle_proto::{ErrorKind, Exchange, Operation, Verdict, Wall};
use url::Url;

use super::body::Body;
use super::deadline::Deadline;
use super::incoming::{Incoming, Watch};
use super::request::{Reading, Request};
use super::response::{Redirected, Response};
use super::{Client, graphql, redirect};
use crate::error::Error;
use crate::proof::DPOP;
use crate::session::{Judgement, ReplayRefused, Token};
use crate::transport::{Connection, Sent, TransportError, TransportRequest, TransportResponse};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A body that must be judged is read up to this; a longer one is judged by its beginning.
const JUDGED: usize = 8 * 1024 * 1024;

/// The body of a redirect is read up to this, and given up beyond.
const DRAINED: u64 = 64 * 1024;

/// Two replays, and a nonce resend beside them (spec 3.3). The session decides; this is the last word.
const REPLAYS: u8 = 3;

pub(super) async fn send(client: Client, request: Request) -> Result<Response, Error> {
    let mut call = Call::new(client, request);
    call.take_token().await?;
    loop {
        let next = match call.hop().await? {
            Ok(response) => call.answered(response).await?,
            Err(cause) => call.broke(cause).await?,
        };
        if let Some(mut response) = next {
            response.deadline = call.deadline;
            return Ok(response);
        }
    }
}

/// One request on its way, over all its hops.
struct Call {
    client: Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
    follow_redirects: bool,
    reading: Reading,
    deadline: Deadline,
    started: Duration,
    /// Of ours; `None` where it goes without, or with the caller's own credential.
    token: Option<Token>,
    /// For transient failures: the first time, and each retry.
    sends: u32,
    replays: u8,
    history: Vec<Redirected>,
}

impl Call {
    fn new(client: Client, request: Request) -> Self {
        let (deadline, started) = Deadline::new(client.session().clock(), request.timeout);
        let mut headers = request.headers;
        for (name, value) in &client.settings().default_headers {
            if !headers.contains_key(name) {
                headers.append(name, value.clone());
            }
        }
        client.budget(Budget::deposit);
        Self {
            client,
            method: request.method,
            url: request.url,
            headers,
            body: request.body,
            follow_redirects: request.follow_redirects,
            reading: request.reading,
            deadline,
            started,
            token: None,
            sends: 1,
            replays: 0,
            history: Vec::new(),
        }
    }

    async fn take_token(&mut self) -> Result<(), Error> {
        if self.client.credential_headers().iter().any(|name| self.headers.contains_key(name)) {
            return Ok(());
        }
        let session = self.client.session();
        self.token = session.try_token_for(&self.url).map(Token::into_owned);
        if self.token.is_none() && session.owns(&self.url) {
            let token = self.deadline.bound(session.token_for(&self.url, self.deadline.at())).await;
            self.token = token.ok_or_else(|| Error::timeout("waiting for a token"))??;
        }
        Ok(())
    }

    /// Sends it once.
    async fn hop(&mut self) -> Result<Result<TransportResponse, TransportError>, Error> {
        let body = self.body.next();
        let body =
            body.ok_or_else(|| Error::new(ErrorKind::Misuse, "the body was sent and cannot be sent again"))?;
        let mut headers = self.headers.clone();
        if let Some(token) = &self.token {
            headers.insert(token.header_name().clone(), token.authorization().clone());
            if let Some(proof) = self.client.session().proof(token, &self.method, &self.url)? {
                headers.insert(DPOP, proof);
            }
        }
        let (method, url) = (self.method.clone(), self.url.clone());
        let request = TransportRequest { method, url, headers, body, connection: Connection::Pooled };
        let answer = self.deadline.bound(self.client.transport().send(request)).await;
        answer.ok_or_else(|| Error::timeout("waiting for the response"))
    }

    /// What becomes of a response: the caller gets it, or (`None`) the request is sent again.
    async fn answered(&mut self, answer: TransportResponse) -> Result<Option<Response>, Error> {
        let mut response = self.response(answer);
        let Some(whole) = self.read_to_judge(&mut response).await else {
            return Err(Error::timeout("reading the response").with_response(response));
        };
        let operation = if whole { self.operation() } else { Operation::Http };
        match self.judge(&mut response, operation, whole).await {
            Err(error) => return Err(error.with_response(response)),
            Ok(Some(token)) => {
                self.token = Some(token);
                self.replays += 1;
                return Ok(None);
            }
            Ok(None) => {}
        }
        if self.follows(&response) {
            return self.follow(response).await;
        }
        // Most requests end here, at no cost.
        if response.status.as_u16() < 400 {
            return Ok(Some(response));
        }
        if self
            .retries(
                Failed::Status(response.status),
                retry_after(&response, self.client.session().clock().now().wall),
                operation,
            )
            .await
        {
            return Ok(None);
        }
        Ok(Some(response))
    }

    /// What becomes of a failure: the caller gets it, or the request is sent again.
    async fn broke(&mut self, cause: TransportError) -> Result<Option<Response>, Error> {
        let failed = if cause.sent == Sent::No { Failed::NotSent } else { Failed::MaybeSent };
        let operation = self.operation();
        if self.retries(failed, None, operation).await { Ok(None) } else { Err(Error::connection(cause)) }
    }

    fn response(&self, answer: TransportResponse) -> Response {
        Response {
            status: answer.status,
            version: answer.version,
            headers: answer.headers,
            url: self.url.clone(),
            history: self.history.clone(),
            verdict: None,
            replay_refused: None,
            elapsed: self.deadline.now().saturating_sub(self.started),
            deadline: self.deadline.copy(),
            body: Incoming::new(answer.body),
        }
    }

    /// Reads the body where a verdict may be in it. Says whether it did; nothing if the deadline came first.
    async fn read_to_judge(&mut self, response: &mut Response) -> Option<bool> {
        let errors = response.status.as_u16() >= 400;
        let told_in_bodies = self.token.is_some() && self.client.judges_success();
        let limit = match self.reading {
            Reading::Whole => usize::MAX,
            _ if errors => JUDGED,
            Reading::Any if told_in_bodies && may_be_json(&response.headers) => JUDGED,
            _ => return Some(false),
        };
        self.deadline.bound(read_if_json(response, limit, errors)).await?;
        Some(true)
    }

    /// The token to send it again with, if it is; else the response holds what was found.
    async fn judge(
        &mut self,
        response: &mut Response,
        operation: Operation,
        whole: bool,
    ) -> Result<Option<Token>, Error> {
        let Some(token) = &self.token else { return Ok(None) };
        let exchange = Exchange {
            method: &self.method,
            url: &self.url,
            operation,
            replayable: self.body.is_replayable(),
            status: response.status,
            headers: &response.headers,
            body: response.body.read(),
        };
        let session = self.client.session();
        let may_change = !whole && response.status.is_success() && self.client.judges_success();
        if may_change && session.verdict(&exchange) == Verdict::Accepted {
            self.watch(response);
            return Ok(None);
        }
        let judged = self.deadline.bound(session.judge(token, &exchange, self.deadline.at())).await;
        let judged = judged.ok_or_else(|| Error::timeout("waiting for a refresh"))??;
        let (verdict, replay_refused) = match judged {
            Judgement::Replay { token, verdict } if self.replays < REPLAYS => {
                session.sends_again(&verdict);
                return Ok(Some(token));
            }
            Judgement::Replay { verdict, .. } => (verdict, Some(ReplayRefused::LimitReached)),
            Judgement::Keep { verdict, replay_refused } => (verdict, replay_refused),
        };
        response.verdict = Some(verdict);
        response.replay_refused = replay_refused;
        Ok(None)
    }

    /// Accepted by its head; its body, which the caller reads, may say otherwise. The session hears of it then.
    fn watch(&mut self, response: &mut Response) {
        response.verdict = Some(Verdict::Accepted);
        let operation = self.operation();
        let Some(token) = self.token.take() else { return };
        response.body.watch(Watch {
            session: self.client.session().clone(),
            token,
            method: self.method.clone(),
            url: self.url.clone(),
            operation,
            status: response.status,
            headers: response.headers.clone(),
            seen: Vec::new(),
        });
    }

    fn operation(&self) -> Operation {
        let sure = self.reading == Reading::Whole;
        graphql::operation(&self.method, &self.headers, self.body.bytes(), sure)
    }

    /// Whether it is a redirect that can be followed with all that must go along.
    fn follows(&self, response: &Response) -> bool {
        let hop = redirect::next(&self.method, &self.url, response.status, &response.headers);
        self.follow_redirects
            && hop.is_some_and(|hop| {
                let body_stays = !hop.keeps_body || self.body.is_empty();
                body_stays || (self.body.is_replayable() && !hop.downgrades)
            })
    }

    async fn follow(&mut self, mut response: Response) -> Result<Option<Response>, Error> {
        let limit = self.client.settings().max_redirects;
        if self.history.len() >= limit {
            let message =
                format!("more than {limit} redirects; ask for the last URL, or raise max_redirects");
            return Err(Error::new(ErrorKind::TooManyRedirects, message).with_response(response));
        }
        let Some(hop) = redirect::next(&self.method, &self.url, response.status, &response.headers) else {
            return Ok(Some(response));
        };
        if response.content_length().is_some_and(|length| length <= DRAINED) {
            // Read to its end, the connection can be used again.
            self.deadline.bound(response.body.fill(usize::MAX)).await;
        }
        if !hop.keeps_body {
            self.body = Body::default();
            redirect::drop_body_headers(&mut self.headers);
        }
        if hop.leaves_origin {
            // For good: what comes back to the origin comes back without.
            self.token = None;
            redirect::drop_credentials(&mut self.headers, self.client.credential_headers());
        }
        self.method = hop.method;
        let url = std::mem::replace(&mut self.url, hop.url);
        self.history.push(Redirected { url, status: response.status });
        Ok(None)
    }

    /// Whether it is sent again after a transient failure; waits until then.
    async fn retries(&mut self, failed: Failed, retry_after: Option<Duration>, operation: Operation) -> bool {
        let attempt = Attempt {
            sends: self.sends,
            method: &self.method,
            operation,
            idempotency_key: self.headers.contains_key(IDEMPOTENCY_KEY),
            replayable: self.body.is_replayable(),
            failed,
            retry_after,
            left: self.deadline.left(),
        };
        let Decision::Again(delay) = self.client.decide(&attempt, self.deadline.now()) else { return false };
        self.deadline.sleep(delay).await;
        self.sends += 1;
        self.client.session().emit(EventKind::Retried);
        true
    }
}

/// A body whose media type does not tell is JSON by its first byte (spec 2.6).
async fn read_if_json(response: &mut Response, limit: usize, errors: bool) {
    if limit == usize::MAX || errors || is_json(&response.headers) {
        return response.body.fill(limit).await;
    }
    response.body.fill(1).await;
    let first = response.body.read().iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    if matches!(first, Some(b'{' | b'[')) {
        response.body.fill(limit).await;
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let essence = media_type(headers);
    essence.eq_ignore_ascii_case(b"application/json")
        || essence.eq_ignore_ascii_case(b"text/json")
        || essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json")
}

/// JSON, or of a type that servers give when they give no thought to it. Event streams and the like never end.
fn may_be_json(headers: &HeaderMap) -> bool {
    const VAGUE: [&[u8]; 4] = [b"", b"text/plain", b"text/html", b"application/octet-stream"];
    is_json(headers) || VAGUE.iter().any(|vague| media_type(headers).eq_ignore_ascii_case(vague))
}

fn media_type(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), |value| value.as_bytes());
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// What the dialect read, else the header: seconds or a date (RFC 9110 10.2.3).
fn retry_after(response: &Response, now: Wall) -> Option<Duration> {
    if let Some(Verdict::RateLimited { after } | Verdict::Unavailable { after }) = response.verdict
        && after.is_some()
    {
        return after;
    }
    let text = response.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(Duration::from_millis(u64::try_from(now.0).unwrap_or(0))))
}
