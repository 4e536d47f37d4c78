//! The way of a request: token, transport, verdict, and then: give back, replay, follow or retry.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use rekindle_proto::event::EventKind;
use rekindle_proto::retry::{Attempt, Decision, Failed};
use rekindle_proto::{ErrorKind, Exchange, Now, Operation, Verdict, Wall};

use super::body::Body;
use super::deadline::Deadline;
use super::incoming::{Incoming, Watch};
use super::request::{Reading, Request};
use super::response::{Found, Parts, Redirected, Response};
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

pub(super) async fn send(client: Client, parts: Box<Parts>) -> Result<Response, Error> {
    let now = client.session().clock().now();
    let mut call = Call::new(client, parts, now.mono);
    call.take_token(now).await?;
    loop {
        if let Some(cause) = call.hop().await? {
            Box::pin(call.broke(cause)).await?;
            continue;
        }
        match call.answered().await {
            Ok(Next::SendAgain) => {}
            Ok(Next::GiveBack) => return Ok(call.into_response()),
            Err(error) => return Err(error.with_response(call.into_response())),
        }
    }
}

/// What becomes of an answer.
enum Next {
    GiveBack,
    SendAgain,
}

/// One request on its way, over all its hops. Its futures are moved and kept by every caller that waits: what is
/// large or seldom needed in them is boxed.
struct Call {
    client: Client,
    parts: Box<Parts>,
    started: Duration,
    /// Of ours; `None` where it goes without, or with the caller's own credential.
    token: Option<Token>,
    /// For transient failures: the first time, and each retry.
    sends: u32,
    replays: u8,
}

impl Call {
    fn new(client: Client, mut parts: Box<Parts>, now: Duration) -> Self {
        parts.deadline = Deadline::new(client.session().clock(), now, parts.request.timeout);
        let headers = &mut parts.request.headers;
        for (name, value) in &client.settings().default_headers {
            if !headers.contains_key(name) {
                headers.append(name, value.clone());
            }
        }
        client.0.retries.deposit(now);
        Self { client, parts, started: now, token: None, sends: 1, replays: 0 }
    }

    /// As it is.
    fn into_response(self) -> Response {
        let mut parts = self.parts;
        parts.request.body = Body::default();
        Response(parts)
    }

    fn now(&self) -> Duration {
        self.client.session().clock().mono()
    }

    async fn take_token(&mut self, now: Now) -> Result<(), Error> {
        let Request { headers, url, .. } = &self.parts.request;
        if self.client.credential_headers().iter().any(|name| headers.contains_key(name)) {
            return Ok(());
        }
        let session = self.client.session();
        self.token = session.try_token_at(url, now).map(Token::into_owned);
        if self.token.is_none() && session.owns(url) {
            let token = Box::pin(session.token_for(url, self.parts.deadline.at()));
            let token = self.parts.deadline.bound(token).await;
            self.token = token.ok_or_else(|| Error::timeout("waiting for a token"))??;
        }
        Ok(())
    }

    /// Sends it once. The answer is with the other parts then; or else this is what broke.
    async fn hop(&mut self) -> Result<Option<TransportError>, Error> {
        let sending = sending(&self.client, &mut self.parts.request, self.token.as_ref())?;
        let answer = self.parts.deadline.bound(sending).await;
        let answer = answer.ok_or_else(|| Error::timeout("waiting for the response"))?;
        let elapsed = self.now().saturating_sub(self.started);
        Ok(answer.map(|answer| self.parts.answer(answer, elapsed)).err())
    }

    async fn answered(&mut self) -> Result<Next, Error> {
        let Some(whole) = self.read_to_judge().await else {
            return Err(Error::timeout("reading the response"));
        };
        let accepted = self.accepts(whole);
        // Most requests end here, at no cost.
        if accepted && self.parts.status.as_u16() < 300 {
            return Ok(Next::GiveBack);
        }
        let operation = if whole { self.operation() } else { Operation::Http };
        Box::pin(self.not_done(operation, accepted)).await
    }

    async fn not_done(&mut self, operation: Operation, accepted: bool) -> Result<Next, Error> {
        if !accepted && let Some(token) = self.judge(operation).await? {
            self.token = Some(token);
            self.replays += 1;
            return Ok(Next::SendAgain);
        }
        if self.follows() {
            return self.follow().await;
        }
        let status = self.parts.status;
        if status.as_u16() < 400 {
            return Ok(Next::GiveBack);
        }
        let after = retry_after(&self.parts, self.client.session().clock().now().wall);
        let again = self.retries(Failed::Status(status), after, operation).await;
        Ok(if again { Next::SendAgain } else { Next::GiveBack })
    }

    /// What becomes of a failure: the caller gets it, or the request is sent again.
    async fn broke(&mut self, cause: TransportError) -> Result<(), Error> {
        let failed = if cause.sent == Sent::No { Failed::NotSent } else { Failed::MaybeSent };
        let operation = self.operation();
        if self.retries(failed, None, operation).await { Ok(()) } else { Err(Error::connection(cause)) }
    }

    /// Reads the body where a verdict may be in it. Says whether it did; nothing if the deadline came first.
    async fn read_to_judge(&mut self) -> Option<bool> {
        let errors = self.parts.status.as_u16() >= 400;
        let told_in_bodies = self.token.is_some() && self.client.judges_success();
        let limit = match self.parts.request.reading {
            Reading::Whole => usize::MAX,
            _ if errors => JUDGED,
            Reading::Any if told_in_bodies && may_be_json(&self.parts.headers) => JUDGED,
            _ => return Some(false),
        };
        let reading = read_if_json(&self.parts.headers, &mut self.parts.body, limit, errors);
        self.parts.deadline.bound(Box::pin(reading)).await?;
        Some(true)
    }

    /// Whether nothing is held against our token. What the request does makes no difference to that.
    fn accepts(&mut self, whole: bool) -> bool {
        if self.token.is_none() {
            return true;
        }
        let session = self.client.session();
        if session.verdict(&exchange(&self.parts, Operation::Http)) != Verdict::Accepted {
            return false;
        }
        let may_change = !whole && self.parts.status.is_success() && self.client.judges_success();
        if may_change {
            self.watch();
        } else {
            session.note_accepted(&self.parts.request.url, &self.parts.headers);
        }
        self.parts.verdict = Found::Accepted;
        true
    }

    /// The token to send it again with, if it is; else the response holds what was found.
    async fn judge(&mut self, operation: Operation) -> Result<Option<Token>, Error> {
        let Some(token) = &self.token else { return Ok(None) };
        // Meanwhile the rest is looked at.
        let mut deadline = std::mem::replace(&mut self.parts.deadline, Deadline::none());
        let exchange = exchange(&self.parts, operation);
        let judging = self.client.session().judge(token, &exchange, deadline.at());
        let judged = deadline.bound(judging).await;
        self.parts.deadline = deadline;
        let judged = judged.ok_or_else(|| Error::timeout("waiting for a refresh"))??;
        let (verdict, replay_refused) = match judged {
            Judgement::Replay { token, verdict } if self.replays < REPLAYS => {
                self.client.session().sends_again(&verdict);
                return Ok(Some(token));
            }
            Judgement::Replay { verdict, .. } => (verdict, Some(ReplayRefused::LimitReached)),
            Judgement::Keep { verdict, replay_refused } => (verdict, replay_refused),
        };
        self.parts.verdict = Found::Otherwise(Box::new(verdict));
        self.parts.replay_refused = replay_refused;
        Ok(None)
    }

    /// Accepted by its head; its body, which the caller reads, may say otherwise. The session hears of it then.
    fn watch(&mut self) {
        let operation = self.operation();
        let Some(token) = self.token.take() else { return };
        let Parts { request, status, headers, body, .. } = &mut *self.parts;
        body.watch(Watch {
            session: self.client.session().clone(),
            token,
            method: request.method.clone(),
            url: request.url.clone(),
            operation,
            status: *status,
            headers: headers.clone(),
            seen: Vec::new(),
        });
    }

    fn operation(&self) -> Operation {
        let request = &self.parts.request;
        let sure = request.reading == Reading::Whole;
        graphql::operation(&request.method, &request.headers, request.body.bytes(), sure)
    }

    /// Whether it is a redirect that can be followed with all that must go along.
    fn follows(&self) -> bool {
        let request = &self.parts.request;
        request.follow_redirects
            && self.hop_to().is_some_and(|hop| {
                let body_stays = !hop.keeps_body || request.body.is_empty();
                body_stays || (request.body.is_replayable() && !hop.downgrades)
            })
    }

    fn hop_to(&self) -> Option<redirect::Hop> {
        let Parts { request, status, headers, .. } = &*self.parts;
        redirect::next(&request.method, &request.url, *status, headers)
    }

    async fn follow(&mut self) -> Result<Next, Error> {
        let limit = self.client.settings().max_redirects;
        if self.parts.history.len() >= limit {
            let message =
                format!("more than {limit} redirects; ask for the last URL, or raise max_redirects");
            return Err(Error::new(ErrorKind::TooManyRedirects, message));
        }
        let Some(hop) = self.hop_to() else { return Ok(Next::GiveBack) };
        if self.parts.content_length().is_some_and(|length| length <= DRAINED) {
            // Read to its end, the connection can be used again.
            self.parts.deadline.bound(self.parts.body.fill(usize::MAX)).await;
        }
        let Parts { request, status, history, .. } = &mut *self.parts;
        if !hop.keeps_body {
            request.body = Body::default();
            redirect::drop_body_headers(&mut request.headers);
        }
        if hop.leaves_origin {
            // For good: what comes back to the origin comes back without.
            self.token = None;
            redirect::drop_credentials(&mut request.headers, self.client.credential_headers());
        }
        request.method = hop.method;
        let url = std::mem::replace(&mut request.url, hop.url);
        history.push(Redirected { url, status: *status });
        Ok(Next::SendAgain)
    }

    /// Whether it is sent again after a transient failure; waits until then.
    async fn retries(&mut self, failed: Failed, retry_after: Option<Duration>, operation: Operation) -> bool {
        let request = &self.parts.request;
        let attempt = Attempt {
            sends: self.sends,
            method: &request.method,
            operation,
            idempotency_key: request.headers.contains_key(IDEMPOTENCY_KEY),
            replayable: request.body.is_replayable(),
            failed,
            retry_after,
            left: self.parts.deadline.left(),
        };
        let now = self.now();
        let Decision::Again(delay) = self.client.0.retries.decide(&attempt, now) else { return false };
        self.client.session().clock().sleep_until(now.saturating_add(delay)).await;
        self.sends += 1;
        self.client.session().emit(EventKind::Retried);
        true
    }
}

/// What goes out is made here, where no future has to keep room for it.
fn sending<'c>(
    client: &'c Client,
    request: &mut Request,
    token: Option<&Token>,
) -> Result<BoxFuture<'c, Result<TransportResponse, TransportError>>, Error> {
    let body = request.body.next();
    let body =
        body.ok_or_else(|| Error::new(ErrorKind::Misuse, "the body was sent and cannot be sent again"))?;
    let mut headers = request.headers.clone();
    if let Some(token) = token {
        headers.insert(token.header_name().clone(), token.authorization().clone());
        if let Some(proof) = client.session().proof(token, &request.method, &request.url)? {
            headers.insert(DPOP, proof);
        }
    }
    let (method, url) = (request.method.clone(), request.url.clone());
    let request = TransportRequest { method, url, headers, body, connection: Connection::Pooled };
    Ok(client.transport().send(request))
}

fn exchange(parts: &Parts, operation: Operation) -> Exchange<'_> {
    Exchange {
        method: &parts.request.method,
        url: &parts.request.url,
        operation,
        replayable: parts.request.body.is_replayable(),
        status: parts.status,
        headers: &parts.headers,
        body: parts.body.read(),
    }
}

/// A body whose media type does not tell is JSON by its first byte (spec 2.6).
async fn read_if_json(headers: &HeaderMap, body: &mut Incoming, limit: usize, errors: bool) {
    if limit == usize::MAX || errors || is_json(headers) {
        return body.fill(limit).await;
    }
    body.fill(1).await;
    let first = body.read().iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    if matches!(first, Some(b'{' | b'[')) {
        body.fill(limit).await;
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
fn retry_after(parts: &Parts, now: Wall) -> Option<Duration> {
    if let Some(Verdict::RateLimited { after } | Verdict::Unavailable { after }) = parts.verdict.get()
        && after.is_some()
    {
        return *after;
    }
    let text = parts.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(Duration::from_millis(u64::try_from(now.0).unwrap_or(0))))
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::super::tests::stage;
    use super::*;

    /// Its memory is what a request costs beside its own work: of many at once it falls out of the processor's cache.
    #[tokio::test]
    async fn a_request_in_flight_takes_little_room() {
        assert!(size_of::<Parts>() <= 640, "{}", size_of::<Parts>());
        let sending = stage([]).client.get("/pupils").send();
        assert!(size_of_val(&sending) <= 320, "{}", size_of_val(&sending));
    }
}
