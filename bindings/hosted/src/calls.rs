//! Requests of the host's own HTTP client, from their first send to their last response.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::{AbortHandle, Abortable};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rekindle::Verdict;
use rekindle::call::{Call, Content, Headers, Next, Reads, keep_what_may_travel, next_hop};
use rekindle::transport::TransportError;
use rekindle::{Client, Error, ErrorKind, ErrorResponse, Host, ReplayRefused, Session, Token};
use rekindle_bindings::call as data;
use serde_json::{Value, json};
use url::Url;

use crate::message::{Beginning, Outgoing, Reading};
use crate::outbox::{SharedOutbox, lock};
use crate::response::Answer;
use crate::shown;

#[derive(Default)]
pub(crate) struct Requests(Mutex<BTreeMap<u64, Request>>);

struct Request {
    /// `None` while an answer of it is awaited.
    call: Option<Call>,
    method: Method,
    headers: HeaderMap,
    success_may_hold_errors: bool,
    /// What a 2xx says of the token is never asked: the host may skip the turn.
    is_quick: bool,
    /// Whose settings hold for it, where its answer is GraphQL.
    graphql: Option<Client>,
    /// Tells its deadline.
    expires: Option<AbortHandle>,
    /// Nothing is held against the token by its last answer.
    is_accepted: bool,
}

/// Whose request it is.
pub(crate) enum Owner {
    Session(Session),
    Client(Client),
}

impl Requests {
    pub(crate) async fn begin(
        &self,
        owner: Owner,
        request: Beginning,
        sent_with: Option<Token>,
        host: &Host,
        outbox: &SharedOutbox,
    ) -> Result<Value, Error> {
        let number = request.request;
        let method = data::method(&request.method)?;
        let mut headers = data::header_map(request.headers)
            .map_err(|name| Error::config("headers", format_args!("{name:?} cannot be sent")))?;
        let content = match request.body {
            Outgoing::None => Content::none(),
            Outgoing::Replayable => Content::Replayable,
            Outgoing::Once => Content::Once,
            Outgoing::Text(text) => Content::from(text),
        };
        let mut call = match &owner {
            Owner::Session(session) => {
                let url = data::url("url", request.url.as_deref().unwrap_or_default())?;
                session.call(method.clone(), url, &headers, content)
            }
            Owner::Client(client) => {
                let path = request.url.as_deref().unwrap_or_else(|| client.graphql_path());
                client.call(method.clone(), path, &mut headers, content)?
            }
        };
        if let Some(timeout) = request.timeout {
            call = call.timeout(timeout);
        }
        call = match request.reading {
            Reading::Any => call,
            Reading::Graphql => call.graphql(),
            Reading::Streamed => call.streamed(),
        };
        if let Some(token) = &sent_with {
            call = call.sent_with(token);
        }
        let added = call.headers().await?;
        let json =
            HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("text/json"))]);
        let success_may_hold_errors = call.reads(StatusCode::OK, &json) != Reads::Nothing;
        let dialect = match &owner {
            Owner::Session(session) => session.dialect(),
            Owner::Client(client) => client.session().dialect(),
        };
        let is_quick = !success_may_hold_errors && !dialect.reads_response_tokens();
        let mut shown = show_headers(&added);
        shown["unsigned"] = json!(call.unsigned().map(rekindle::call::Unsigned::name));
        shown["reads_success"] = success_may_hold_errors.into();
        shown["quick"] = is_quick.into();
        let mut expires = None;
        let mut graphql = None;
        if let Owner::Client(client) = owner {
            shown["url"] = call.url().as_str().into();
            shown["own"] = shown::plain(data::headers(&headers));
            expires = Some(tell_deadline(&call, number, host, outbox));
            graphql = (request.reading == Reading::Graphql).then_some(client);
        }
        let request = Request {
            call: Some(call),
            method,
            headers,
            success_may_hold_errors,
            is_quick,
            graphql,
            expires,
            is_accepted: true,
        };
        lock(&self.0).insert(number, request);
        Ok(shown)
    }

    pub(crate) async fn answered(&self, number: u64, response: Answer) -> Result<Value, Error> {
        let (mut call, graphql) = self.take(number)?;
        let status = data::status(response.status)?;
        let headers = data::lenient_header_map(response.headers.clone());
        let body = response.bytes()?;
        let next = call.answered(status, &headers, &body).await;
        let is_accepted = is_accepted(&next);
        let checked = match (&next, graphql) {
            (Ok(Next::Keep(judged)), Some(client)) if !is_redirect(status) => {
                client.check_graphql(&call, judged.as_ref(), status, &headers, &body).await
            }
            _ => Ok(()),
        };
        self.put_back(number, call);
        self.note(number, is_accepted);
        let next = next?;
        checked?;
        Ok(match next {
            Next::SendAgain(added) => {
                let mut shown = show_headers(&added);
                shown["next"] = "send_again".into();
                shown
            }
            Next::Keep(judged) => json!({
                "next": "keep",
                "verdict": judged.as_ref().map(|judged| shown::verdict(&judged.verdict)),
                "replay_refused": judged.and_then(|judged| judged.replay_refused).map(|refused| refused.name()),
            }),
        })
    }

    /// No response came: the headers with which it is sent again.
    pub(crate) async fn failed(&self, number: u64, cause: TransportError) -> Result<Value, Error> {
        let (mut call, _) = self.take(number)?;
        let added = call.failed(cause).await;
        self.put_back(number, call);
        Ok(show_headers(&added?))
    }

    /// What the beginning of a body says that was handed out; null: nothing else than its head.
    pub(crate) fn passed(&self, number: u64, response: &Answer) -> Result<Value, Error> {
        let requests = lock(&self.0);
        let call = requests.get(&number).and_then(|request| request.call.as_ref());
        let call = call.ok_or_else(|| misuse("there is no such request, or it waits for an answer"))?;
        let (status, headers) =
            (data::status(response.status)?, data::lenient_header_map(response.headers.clone()));
        let verdict = call.passed(status, &headers, &response.bytes()?);
        Ok(verdict.map_or(Value::Null, |verdict| {
            let expired = matches!(verdict, Verdict::Expired { .. });
            let refused = expired.then_some(ReplayRefused::Streamed.name());
            json!({ "verdict": shown::verdict(&verdict), "replay_refused": refused })
        }))
    }

    /// Where it is led, and with which headers; null: it is not led anywhere.
    pub(crate) fn redirected(
        &self,
        number: u64,
        status: u16,
        headers: &[(String, String)],
    ) -> Result<Value, Error> {
        let mut requests = lock(&self.0);
        let request = requests.get_mut(&number).ok_or_else(|| misuse("there is no such request"))?;
        let call = request.call.as_mut().ok_or_else(|| misuse("the request waits for an answer"))?;
        // Where it leads to the login page, the caller gets the redirect and its verdict (spec 2.11).
        if !request.is_accepted {
            return Ok(Value::Null);
        }
        let status = data::status(status)?;
        let headers = data::lenient_header_map(headers.to_vec());
        let Some(hop) = next_hop(&request.method, call.url(), status, &headers) else {
            return Ok(Value::Null);
        };
        let response = ErrorResponse::new(status, call.url().clone());
        let added = call.redirected(hop.method.clone(), hop.url.clone());
        let added = added.map_err(|error| {
            let mut response = response;
            response.headers = headers;
            error.with_response(response)
        })?;
        if hop.leaves_origin {
            keep_what_may_travel(&mut request.headers);
        }
        if !hop.keeps_body {
            for name in BODY_HEADERS {
                request.headers.remove(name);
            }
        }
        request.method = hop.method.clone();
        let mut shown = show_headers(&added);
        shown["own"] = shown::plain(data::headers(&request.headers));
        shown["url"] = hop.url.as_str().into();
        shown["method"] = hop.method.as_str().into();
        shown["keeps_body"] = hop.keeps_body.into();
        shown["downgrades"] = hop.downgrades.into();
        shown["reads_success"] = request.success_may_hold_errors.into();
        shown["quick"] = request.is_quick.into();
        Ok(shown)
    }

    /// The answer comes from elsewhere: the token did not go there, and what may have had an effect is not sent again.
    pub(crate) fn followed(&self, number: u64, url: &str) {
        let Ok(url) = Url::parse(url) else { return };
        if let Some(call) = lock(&self.0).get_mut(&number).and_then(|request| request.call.as_mut()) {
            call.answered_from(&url);
        }
    }

    pub(crate) fn end(&self, number: u64) {
        lock(&self.0).remove(&number);
    }

    fn take(&self, number: u64) -> Result<(Call, Option<Client>), Error> {
        let mut requests = lock(&self.0);
        let request = requests.get_mut(&number);
        let taken =
            request.and_then(|request| request.call.take().map(|call| (call, request.graphql.clone())));
        taken.ok_or_else(|| misuse("there is no such request, or it waits for an answer already"))
    }

    fn note(&self, number: u64, is_accepted: bool) {
        if let Some(request) = lock(&self.0).get_mut(&number) {
            request.is_accepted = is_accepted;
        }
    }

    fn put_back(&self, number: u64, call: Call) {
        if let Some(request) = lock(&self.0).get_mut(&number) {
            request.call = Some(call);
        }
    }
}

fn is_accepted(next: &Result<Next, Error>) -> bool {
    let Ok(Next::Keep(Some(judged))) = next else { return true };
    judged.verdict == Verdict::Accepted
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(expires) = &self.expires {
            expires.abort();
        }
    }
}

/// The host hears of it once the deadline has passed: it breaks off what it is doing for the request.
fn tell_deadline(call: &Call, number: u64, host: &Host, outbox: &SharedOutbox) -> AbortHandle {
    let (handle, registration) = AbortHandle::new_pair();
    let expired = Abortable::new(call.expires(), registration);
    let outbox = outbox.clone();
    host.spawn(async move {
        if let Ok(error) = expired.await {
            let error = shown::error(&error, outbox.spelling());
            outbox.say(json!({ "effect": "expired", "request": number, "error": error }));
        }
    });
    handle
}

fn is_redirect(status: StatusCode) -> bool {
    [301, 302, 303, 307, 308].contains(&status.as_u16())
}

const BODY_HEADERS: [&str; 6] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
    "transfer-encoding",
];

fn show_headers(added: &Headers) -> Value {
    json!({ "headers": data::added(added), "stay_at_redirects": added.stay_at_redirects() })
}

fn misuse(what: &str) -> Error {
    Error::new(ErrorKind::Misuse, what)
}
