//! The steps of a request: token, transport, verdict; then return, replay, redirect or retry.

use std::time::Duration;

use futures_util::future::BoxFuture;
use rekindle_proto::event::EventKind;
use rekindle_proto::retry::{Attempt, Decision, Failed};
use rekindle_proto::{ErrorKind, Exchange, Now, Operation, Verdict, Wall};

use super::body::Body;
use super::deadline::Deadline;
use super::idle_timeout::{IdleTimeout, observed};
use super::incoming::{BodyInspector, Incoming};
use super::request::{IDEMPOTENCY_KEY, Reading, Request};
use super::response::{Found, Parts, Response};
use super::{Client, graphql, trace_context};
use crate::call::{self, Follows, Hop, Reads, State};
use crate::error::{Error, Redirected};
use crate::transport::{Sent, TransportError, TransportRequest, TransportResponse};

/// How much of a response is read while its request's body is still being sent.
const SETTLED: usize = 8 * 1024 * 1024;

/// How much of a redirect's body is read; the rest is abandoned.
const DRAINED: u64 = 64 * 1024;

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
            Err(error) => return Err(error.with_response(call.parts.to_error_response())),
        }
    }
}

/// What to do with a response.
enum Next {
    GiveBack,
    SendAgain,
}

/// One request in progress, over all its hops. Its futures are moved and kept by every waiting caller, so large or
/// seldom needed parts of them are boxed.
struct Call {
    client: Client,
    parts: Box<Parts>,
    started: Duration,
    /// Our credential on the request.
    state: State,
    /// For transient failures: the state of the first send and of each retry.
    sends: u32,
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
        if client.settings().traceparent {
            trace_context::add(headers);
        }
        client.0.retries.deposit(now);
        Self { client, parts, started: now, state: State::default(), sends: 1 }
    }

    /// Returns the current response to the caller.
    fn into_response(self) -> Response {
        let mut parts = self.parts;
        parts.request.body.hand_over();
        Response(parts)
    }

    fn now(&self) -> Duration {
        self.client.session().clock().mono()
    }

    async fn take_token(&mut self, now: Now) -> Result<(), Error> {
        let Request { headers, url, .. } = &self.parts.request;
        let session = self.client.session();
        if self.parts.request.is_without_token() {
            self.state.go_without();
        } else if !self.state.begin(session, url, headers, now) {
            let token = Box::pin(session.token_for(url, self.parts.deadline.at()));
            let token = self.parts.deadline.bound(token).await;
            self.state.carry(
                token.ok_or_else(|| self.parts.request.late("waiting for a token, before a response"))??,
            );
        }
        Ok(())
    }

    /// Sends the request once. On success the response is in `parts`; otherwise returns the failure.
    async fn hop(&mut self) -> Result<Option<TransportError>, Error> {
        if self.parts.request.body.is_under_way() {
            // The previous send may still read the body, because its response arrived early or its connection broke:
            // end that reader, so that two readers do not share one source.
            let Parts { deadline, request, .. } = &mut *self.parts;
            let stopped = deadline.bound(Box::pin(request.body.stop())).await;
            stopped.ok_or_else(|| request.late("reading the request's body, before a response"))?;
        }
        let sending = sending(&self.client, &mut self.parts, &self.state)?;
        let answer = self.parts.deadline.bound(sending).await;
        let answer = answer.ok_or_else(|| self.parts.request.late("waiting for the response"))?;
        let elapsed = self.now().saturating_sub(self.started);
        #[cfg(feature = "cookies")]
        if let (Ok(answer), Some(cookies)) = (&answer, cookies_for(&self.client, &self.state)) {
            cookies.take(&self.parts.request.url, &answer.headers);
        }
        Ok(answer.map(|answer| self.parts.answer(answer, elapsed)).err())
    }

    async fn answered(&mut self) -> Result<Next, Error> {
        let Some(whole) = self.read_to_judge().await else {
            return Err(self.parts.request.late("reading the response"));
        };
        let accepted = self.accepts(whole);
        // The fast path, on which most requests end.
        if accepted && self.parts.status.as_u16() < 300 {
            return self.give_back().await;
        }
        // Without its body, a response is not known to be GraphQL; the caller's setting applies anyway.
        let knows = whole || self.parts.request.replay().is_some();
        let operation = if knows { self.operation() } else { Operation::Http };
        Box::pin(self.not_done(operation, accepted)).await
    }

    /// An accepted request ends when its body has been sent.
    async fn give_back(&mut self) -> Result<Next, Error> {
        let Parts { deadline, request, body, .. } = &mut *self.parts;
        if request.body.is_under_way() && request.reading != Reading::Streamed {
            let settled = deadline.bound(Box::pin(body.settle(SETTLED))).await;
            settled.ok_or_else(|| request.late("sending the request's body, after a response"))?;
        }
        Ok(Next::GiveBack)
    }

    async fn not_done(&mut self, operation: Operation, accepted: bool) -> Result<Next, Error> {
        if !accepted && self.judge(operation).await? {
            return Ok(Next::SendAgain);
        }
        // If the redirect leads to the login page, the caller gets the redirect and its verdict (spec 2.11).
        if accepted && self.follows() {
            return self.follow().await;
        }
        let status = self.parts.status;
        if status.as_u16() < 400 {
            return self.give_back().await;
        }
        let after = retry_after(&self.client, &self.parts, self.client.session().clock().now().wall);
        let again = self.retries(Failed::Status(status), after, operation).await;
        Ok(if again { Next::SendAgain } else { Next::GiveBack })
    }

    /// Handles a failure: returns it to the caller, or sends the request again.
    async fn broke(&mut self, cause: TransportError) -> Result<(), Error> {
        let failed = if cause.sent == Sent::No { Failed::NotSent } else { Failed::MaybeSent };
        let operation = self.operation();
        if self.retries(failed, None, operation).await { Ok(()) } else { Err(cause.into()) }
    }

    /// Reads the body if it may contain a verdict. Returns whether it did; `None` if the deadline passed first.
    async fn read_to_judge(&mut self) -> Option<bool> {
        let (status, headers) = (self.parts.status, &self.parts.headers);
        // The body of an error is kept for its reader even if it says nothing about our token.
        let hidden = self.state.token().is_some() && self.client.judges_success();
        let reads = match self.parts.request.reading {
            Reading::Whole => Reads::UpTo(self.parts.request.max_body_bytes),
            Reading::Any => Reads::of(hidden, status, headers),
            Reading::Streamed => Reads::of(false, status, headers),
        };
        if reads == Reads::Nothing {
            return Some(false);
        }
        self.parts.deadline.bound(Box::pin(read(&mut self.parts.body, reads))).await?;
        Some(true)
    }

    /// Whether the response does not reject our token. This does not depend on what the request does.
    fn accepts(&mut self, whole: bool) -> bool {
        let Some(token) = self.state.token() else { return true };
        let session = self.client.session();
        if session.verdict_about(token, &exchange(&self.parts, Operation::Http)) != Verdict::Accepted {
            return false;
        }
        session.take_response_tokens(token, &self.parts.request.url, &self.parts.headers);
        let may_change = !whole && self.parts.status.is_success() && self.client.judges_success();
        if may_change {
            self.watch();
        } else {
            if let Some(token) = self.state.token() {
                session.note_accepted(token, &self.parts.request.url, &self.parts.headers);
            }
        }
        self.parts.verdict = Found::Accepted;
        true
    }

    /// Whether the request is sent again; otherwise the response gets the judgement.
    async fn judge(&mut self, operation: Operation) -> Result<bool, Error> {
        // The rest of the body is inspected meanwhile.
        let mut deadline = std::mem::replace(&mut self.parts.deadline, Deadline::none());
        let exchange = exchange(&self.parts, operation);
        let judging = self.state.judge(self.client.session(), &exchange, deadline.at());
        let judged = deadline.bound(judging).await;
        self.parts.deadline = deadline;
        match judged.ok_or_else(|| self.parts.request.late("waiting for a refresh, after a response"))?? {
            None => Ok(false),
            Some(Follows::SendAgain) => Ok(true),
            Some(Follows::Keep(judged)) => {
                self.parts.verdict = Found::of(Some(judged.verdict));
                self.parts.replay_refused = judged.replay_refused;
                Ok(false)
            }
        }
    }

    /// Accepted by its head; the body, which the caller reads, may still reject the token. The session is notified
    /// then.
    fn watch(&mut self) {
        let operation = self.operation();
        let Some(token) = self.state.take_token() else { return };
        let Parts { request, status, headers, body, .. } = &mut *self.parts;
        body.watch(BodyInspector {
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
        if request.replay() == Some(true) {
            // The caller declared that it may be applied twice: it is treated like a query, which is safe to repeat.
            return Operation::GraphqlQuery;
        }
        let sure = request.reading == Reading::Whole;
        graphql::operation(&request.method, &request.headers, request.body.bytes(), sure)
    }

    /// Whether it is a redirect that can be followed with everything that must be sent again.
    fn follows(&self) -> bool {
        let request = &self.parts.request;
        request.follow_redirects
            && self.hop_to().is_some_and(|hop| {
                let body_stays = !hop.keeps_body || request.body.is_empty();
                body_stays || (request.body.is_replayable() && !hop.downgrades)
            })
    }

    fn hop_to(&self) -> Option<Hop> {
        let Parts { request, status, headers, .. } = &*self.parts;
        call::next_hop(&request.method, &request.url, *status, headers)
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
            // A connection can be reused only after the response was read completely.
            self.parts.deadline.bound(self.parts.body.fill(usize::MAX)).await;
        }
        let Parts { request, status, history, .. } = &mut *self.parts;
        if !hop.keeps_body {
            request.body = Body::default();
            call::drop_body_headers(&mut request.headers);
        }
        if hop.leaves_origin {
            // Permanently: a later hop back to the origin carries no credential either.
            self.state.leave();
            call::keep_what_may_travel(&mut request.headers);
        }
        request.method = hop.method;
        let url = std::mem::replace(&mut request.url, hop.url);
        history.push(Redirected { url, status: *status });
        Ok(Next::SendAgain)
    }

    /// Whether the request is sent again after a transient failure; waits until then.
    async fn retries(&mut self, failed: Failed, retry_after: Option<Duration>, operation: Operation) -> bool {
        let request = &self.parts.request;
        let attempt = Attempt {
            sends: self.sends,
            method: &request.method,
            operation,
            idempotency_key: request.headers.contains_key(IDEMPOTENCY_KEY),
            replayable: request.body.is_left() && request.replay() != Some(false),
            failed,
            retry_after,
            left: self.parts.deadline.left(),
        };
        let now = self.now();
        let Decision::Again(delay) = self.client.0.retries.decide(&attempt, request.own_retry(), now) else {
            return false;
        };
        self.client.session().clock().sleep_until(now.saturating_add(delay)).await;
        self.sends += 1;
        self.client.session().emit(EventKind::Retried);
        true
    }
}

type Sending = Result<TransportResponse, TransportError>;

/// The transport's request is built here, so that no future reserves space for it.
fn sending<'c>(
    client: &'c Client,
    parts: &mut Parts,
    state: &State,
) -> Result<BoxFuture<'c, Sending>, Error> {
    let timeout = parts.deadline.left();
    let request = &mut parts.request;
    let body = request.body.next();
    let body =
        body.ok_or_else(|| Error::new(ErrorKind::Misuse, "the body was sent and cannot be sent again"))?;
    let mut headers = request.headers.clone();
    state.headers(client.session(), &request.method, &request.url)?.apply(&mut headers);
    let hop = TransportRequest::new(request.method.clone(), request.url.clone());
    #[cfg(feature = "cookies")]
    if let Some(cookies) = cookies_for(client, state) {
        cookies.add_to(&request.url, &mut headers);
    }
    let connect_timeout = request.own_connect_timeout().or(client.settings().connect_timeout);
    let hop = TransportRequest { headers, body, timeout, connect_timeout, ..hop };
    let idle = request.own_read_timeout().or(client.settings().read_timeout);
    Ok(match idle.filter(|limit| *limit < Duration::MAX) {
        None => client.transport().send(hop),
        Some(limit) => listening(client, hop, limit),
    })
}

/// The cookie jar, if it applies: once a redirect has left the origin, another server chooses the URLs.
#[cfg(feature = "cookies")]
fn cookies_for<'c>(client: &'c Client, state: &State) -> Option<&'c super::Cookies> {
    client.settings().cookies.as_ref().filter(|_| state.unsigned() != Some(call::Unsigned::LeftOrigin))
}

/// Fails when the server is silent for longer than `limit`.
fn listening(client: &Client, hop: TransportRequest, limit: Duration) -> BoxFuture<'_, Sending> {
    let idle = IdleTimeout::new(client.session().clock(), limit);
    let progress = idle.progress();
    let (body, told) = (observed(hop.body, &progress), Some(progress.clone()));
    let sending = client.transport().send(TransportRequest { body, progress: told, ..hop });
    Box::pin(idle.wait(progress, sending))
}

fn exchange(parts: &Parts, operation: Operation) -> Exchange<'_> {
    Exchange {
        method: &parts.request.method,
        url: &parts.request.url,
        operation,
        replayable: parts.request.body.is_replayable() && parts.request.replay() != Some(false),
        status: parts.status,
        headers: &parts.headers,
        body: parts.body.read(),
    }
}

async fn read(body: &mut Incoming, reads: Reads) {
    match reads {
        Reads::Nothing => {}
        Reads::UpTo(limit) => body.fill(limit).await,
        Reads::IfJson(limit) => {
            body.fill(1).await;
            if Reads::goes_on(body.read()) {
                body.fill(limit).await;
            }
        }
    }
}

/// The verdict, which may be in the body; for a request without our token, what the headers say.
fn retry_after(client: &Client, parts: &Parts, now: Wall) -> Option<Duration> {
    let told = match parts.verdict.get() {
        Some(Verdict::RateLimited { after } | Verdict::Unavailable { after }) => *after,
        _ => None,
    };
    told.or_else(|| client.session().dialect().retry_after(&parts.headers, now))
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::super::tests::stage;
    use super::*;

    /// Memory dominates the cost of a request: with many at once it no longer fits into the processor's cache.
    #[tokio::test]
    async fn a_request_in_flight_takes_little_room() {
        assert!(size_of::<Parts>() <= 656, "{}", size_of::<Parts>());
        let sending = stage([]).client.get("/pupils").send();
        assert!(size_of_val(&sending) <= 320, "{}", size_of_val(&sending));
    }
}
