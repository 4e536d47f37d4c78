//! The way of a request: token, transport, verdict, and then: give back, replay, follow or retry.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use rekindle_proto::event::EventKind;
use rekindle_proto::retry::{Attempt, Budget, Decision, Failed};
use rekindle_proto::{ErrorKind, Exchange, Now, Operation, Verdict, Wall};

use super::body::Body;
use super::deadline::Deadline;
use super::incoming::{Incoming, Watch};
use super::request::{Reading, Request};
use super::response::{Parts, Redirected, Response};
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

pub(super) async fn send(client: Client, request: Box<Request>) -> Result<Response, Error> {
    let now = client.session().clock().now();
    let mut call = Call::new(client, request, now.mono);
    call.take_token(now).await?;
    loop {
        let next = match call.hop().await? {
            Ok(answer) => call.answered(call.response(answer)).await?,
            Err(cause) => Box::pin(call.broke(cause)).await?,
        };
        if let Some(mut response) = next {
            response.0.deadline = call.deadline;
            return Ok(response);
        }
    }
}

/// One request on its way, over all its hops. Its futures are moved and kept by every caller that waits: what is
/// large or seldom needed in them is boxed.
struct Call {
    client: Client,
    request: Box<Request>,
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
    fn new(client: Client, mut request: Box<Request>, now: Duration) -> Self {
        let deadline = Deadline::new(client.session().clock(), now, request.timeout);
        for (name, value) in &client.settings().default_headers {
            if !request.headers.contains_key(name) {
                request.headers.append(name, value.clone());
            }
        }
        client.budget(Budget::deposit);
        Self {
            client,
            request,
            deadline,
            started: now,
            token: None,
            sends: 1,
            replays: 0,
            history: Vec::new(),
        }
    }

    async fn take_token(&mut self, now: Now) -> Result<(), Error> {
        let (headers, url) = (&self.request.headers, &self.request.url);
        if self.client.credential_headers().iter().any(|name| headers.contains_key(name)) {
            return Ok(());
        }
        let session = self.client.session();
        self.token = session.try_token_at(url, now).map(Token::into_owned);
        if self.token.is_none() && session.owns(url) {
            let token = Box::pin(session.token_for(url, self.deadline.at()));
            let token = self.deadline.bound(token).await;
            self.token = token.ok_or_else(|| Error::timeout("waiting for a token"))??;
        }
        Ok(())
    }

    /// Sends it once.
    async fn hop(&mut self) -> Result<Result<TransportResponse, TransportError>, Error> {
        let body = self.request.body.next();
        let body =
            body.ok_or_else(|| Error::new(ErrorKind::Misuse, "the body was sent and cannot be sent again"))?;
        let mut headers = self.request.headers.clone();
        if let Some(token) = &self.token {
            headers.insert(token.header_name().clone(), token.authorization().clone());
            if let Some(proof) =
                self.client.session().proof(token, &self.request.method, &self.request.url)?
            {
                headers.insert(DPOP, proof);
            }
        }
        let (method, url) = (self.request.method.clone(), self.request.url.clone());
        let request = TransportRequest { method, url, headers, body, connection: Connection::Pooled };
        let answer = self.deadline.bound(self.client.transport().send(request)).await;
        answer.ok_or_else(|| Error::timeout("waiting for the response"))
    }

    /// What becomes of a response: the caller gets it, or (`None`) the request is sent again.
    async fn answered(&mut self, mut response: Response) -> Result<Option<Response>, Error> {
        let Some(whole) = self.read_to_judge(&mut response).await else {
            return Err(Error::timeout("reading the response").with_response(response));
        };
        let accepted = self.accepts(&mut response, whole);
        // Most requests end here, at no cost.
        if accepted && response.0.status.as_u16() < 300 {
            return Ok(Some(response));
        }
        let operation = if whole { self.operation() } else { Operation::Http };
        Box::pin(self.not_done(response, operation, accepted)).await
    }

    async fn not_done(
        &mut self,
        mut response: Response,
        operation: Operation,
        accepted: bool,
    ) -> Result<Option<Response>, Error> {
        if !accepted {
            match self.judge(&mut response, operation).await {
                Err(error) => return Err(error.with_response(response)),
                Ok(Some(token)) => {
                    self.token = Some(token);
                    self.replays += 1;
                    return Ok(None);
                }
                Ok(None) => {}
            }
        }
        if self.follows(&response) {
            return self.follow(response).await;
        }
        let status = response.0.status;
        if status.as_u16() < 400 {
            return Ok(Some(response));
        }
        let after = retry_after(&response, self.client.session().clock().now().wall);
        let again = self.retries(Failed::Status(status), after, operation).await;
        Ok((!again).then_some(response))
    }

    /// What becomes of a failure: the caller gets it, or the request is sent again.
    async fn broke(&mut self, cause: TransportError) -> Result<Option<Response>, Error> {
        let failed = if cause.sent == Sent::No { Failed::NotSent } else { Failed::MaybeSent };
        let operation = self.operation();
        if self.retries(failed, None, operation).await { Ok(None) } else { Err(Error::connection(cause)) }
    }

    fn response(&self, answer: TransportResponse) -> Response {
        Response(Box::new(Parts {
            status: answer.status,
            version: answer.version,
            headers: answer.headers,
            url: self.request.url.clone(),
            history: self.history.clone(),
            verdict: None,
            replay_refused: None,
            elapsed: self.deadline.now().saturating_sub(self.started),
            deadline: self.deadline.copy(),
            body: Incoming::new(answer.body),
        }))
    }

    /// Reads the body where a verdict may be in it. Says whether it did; nothing if the deadline came first.
    async fn read_to_judge(&mut self, response: &mut Response) -> Option<bool> {
        let errors = response.0.status.as_u16() >= 400;
        let told_in_bodies = self.token.is_some() && self.client.judges_success();
        let limit = match self.request.reading {
            Reading::Whole => usize::MAX,
            _ if errors => JUDGED,
            Reading::Any if told_in_bodies && may_be_json(&response.0.headers) => JUDGED,
            _ => return Some(false),
        };
        self.deadline.bound(Box::pin(read_if_json(response, limit, errors))).await?;
        Some(true)
    }

    /// Whether nothing is held against our token. What the request does makes no difference to that.
    fn accepts(&mut self, response: &mut Response, whole: bool) -> bool {
        if self.token.is_none() {
            return true;
        }
        let session = self.client.session();
        if session.verdict(&exchange(&self.request, response, Operation::Http)) != Verdict::Accepted {
            return false;
        }
        let may_change = !whole && response.0.status.is_success() && self.client.judges_success();
        if may_change {
            self.watch(response);
        } else {
            session.note_accepted(&self.request.url, &response.0.headers);
        }
        response.0.verdict = Some(Verdict::Accepted);
        true
    }

    /// The token to send it again with, if it is; else the response holds what was found.
    async fn judge(&mut self, response: &mut Response, operation: Operation) -> Result<Option<Token>, Error> {
        let Some(token) = &self.token else { return Ok(None) };
        let exchange = exchange(&self.request, response, operation);
        let judging = self.client.session().judge(token, &exchange, self.deadline.at());
        let judged = self.deadline.bound(judging).await;
        let judged = judged.ok_or_else(|| Error::timeout("waiting for a refresh"))??;
        let (verdict, replay_refused) = match judged {
            Judgement::Replay { token, verdict } if self.replays < REPLAYS => {
                self.client.session().sends_again(&verdict);
                return Ok(Some(token));
            }
            Judgement::Replay { verdict, .. } => (verdict, Some(ReplayRefused::LimitReached)),
            Judgement::Keep { verdict, replay_refused } => (verdict, replay_refused),
        };
        response.0.verdict = Some(verdict);
        response.0.replay_refused = replay_refused;
        Ok(None)
    }

    /// Accepted by its head; its body, which the caller reads, may say otherwise. The session hears of it then.
    fn watch(&mut self, response: &mut Response) {
        let operation = self.operation();
        let Some(token) = self.token.take() else { return };
        response.0.body.watch(Watch {
            session: self.client.session().clone(),
            token,
            method: self.request.method.clone(),
            url: self.request.url.clone(),
            operation,
            status: response.0.status,
            headers: response.0.headers.clone(),
            seen: Vec::new(),
        });
    }

    fn operation(&self) -> Operation {
        let sure = self.request.reading == Reading::Whole;
        graphql::operation(&self.request.method, &self.request.headers, self.request.body.bytes(), sure)
    }

    /// Whether it is a redirect that can be followed with all that must go along.
    fn follows(&self, response: &Response) -> bool {
        let hop =
            redirect::next(&self.request.method, &self.request.url, response.0.status, &response.0.headers);
        self.request.follow_redirects
            && hop.is_some_and(|hop| {
                let body_stays = !hop.keeps_body || self.request.body.is_empty();
                body_stays || (self.request.body.is_replayable() && !hop.downgrades)
            })
    }

    async fn follow(&mut self, mut response: Response) -> Result<Option<Response>, Error> {
        let limit = self.client.settings().max_redirects;
        if self.history.len() >= limit {
            let message =
                format!("more than {limit} redirects; ask for the last URL, or raise max_redirects");
            return Err(Error::new(ErrorKind::TooManyRedirects, message).with_response(response));
        }
        let Some(hop) =
            redirect::next(&self.request.method, &self.request.url, response.0.status, &response.0.headers)
        else {
            return Ok(Some(response));
        };
        if response.content_length().is_some_and(|length| length <= DRAINED) {
            // Read to its end, the connection can be used again.
            self.deadline.bound(response.0.body.fill(usize::MAX)).await;
        }
        if !hop.keeps_body {
            self.request.body = Body::default();
            redirect::drop_body_headers(&mut self.request.headers);
        }
        if hop.leaves_origin {
            // For good: what comes back to the origin comes back without.
            self.token = None;
            redirect::drop_credentials(&mut self.request.headers, self.client.credential_headers());
        }
        self.request.method = hop.method;
        let url = std::mem::replace(&mut self.request.url, hop.url);
        self.history.push(Redirected { url, status: response.0.status });
        Ok(None)
    }

    /// Whether it is sent again after a transient failure; waits until then.
    async fn retries(&mut self, failed: Failed, retry_after: Option<Duration>, operation: Operation) -> bool {
        let attempt = Attempt {
            sends: self.sends,
            method: &self.request.method,
            operation,
            idempotency_key: self.request.headers.contains_key(IDEMPOTENCY_KEY),
            replayable: self.request.body.is_replayable(),
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

fn exchange<'a>(request: &'a Request, response: &'a Response, operation: Operation) -> Exchange<'a> {
    Exchange {
        method: &request.method,
        url: &request.url,
        operation,
        replayable: request.body.is_replayable(),
        status: response.0.status,
        headers: &response.0.headers,
        body: response.0.body.read(),
    }
}

/// A body whose media type does not tell is JSON by its first byte (spec 2.6).
async fn read_if_json(response: &mut Response, limit: usize, errors: bool) {
    if limit == usize::MAX || errors || is_json(&response.0.headers) {
        return response.0.body.fill(limit).await;
    }
    response.0.body.fill(1).await;
    let first = response.0.body.read().iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    if matches!(first, Some(b'{' | b'[')) {
        response.0.body.fill(limit).await;
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
    if let Some(Verdict::RateLimited { after } | Verdict::Unavailable { after }) = response.0.verdict
        && after.is_some()
    {
        return after;
    }
    let text = response.0.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(Duration::from_millis(u64::try_from(now.0).unwrap_or(0))))
}
