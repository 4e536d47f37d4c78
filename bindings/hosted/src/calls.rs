//! Requests of the host's own HTTP client, from their first send to their last response.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle::call::{Call, Content, Headers, Next, Reads, keep_what_may_travel, next_hop};
use rekindle::{Error, ErrorKind, Session};
use serde_json::{Value, json};
use url::Url;

use crate::message::{Answer, Outgoing, lenient_headers};
use crate::outbox::lock;
use crate::shown;

#[derive(Default)]
pub(crate) struct Requests(Mutex<BTreeMap<u64, Request>>);

struct Request {
    /// `None` while an answer of it is awaited.
    call: Option<Call>,
    method: Method,
    headers: HeaderMap,
    success_may_hold_errors: bool,
}

impl Requests {
    #[allow(clippy::too_many_arguments)]
    pub(crate) async fn begin(
        &self,
        session: &Session,
        number: u64,
        method: &str,
        url: &str,
        headers: Vec<(String, String)>,
        body: Outgoing,
        timeout_ms: Option<u64>,
    ) -> Result<Value, Error> {
        let method = parse_method(method)?;
        let url = Url::parse(url).map_err(|error| {
            Error::new(
                ErrorKind::InvalidConfig,
                format!("url is not a URL ({error}): write it with its scheme"),
            )
        })?;
        let headers = parse_headers(&headers)?;
        let content = match body {
            Outgoing::None => Content::none(),
            Outgoing::Replayable => Content::Replayable,
            Outgoing::Once => Content::Once,
            Outgoing::Text(text) => Content::from(text),
        };
        let mut call = session.call(method.clone(), url, &headers, content);
        if let Some(ms) = timeout_ms {
            call = call.timeout(Duration::from_millis(ms));
        }
        let added = call.headers().await?;
        let json =
            HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("text/json"))]);
        let success_may_hold_errors = call.reads(StatusCode::OK, &json) != Reads::Nothing;
        let mut shown = show_headers(&added);
        shown["unsigned"] = json!(call.unsigned().map(rekindle::call::Unsigned::name));
        shown["reads_success"] = success_may_hold_errors.into();
        let request = Request { call: Some(call), method, headers, success_may_hold_errors };
        lock(&self.0).insert(number, request);
        Ok(shown)
    }

    pub(crate) async fn answered(&self, number: u64, response: Answer) -> Result<Value, Error> {
        let mut call = self.take(number)?;
        let status = parse_status(response.status)?;
        let headers = lenient_headers(&response.headers);
        let body = match &response.body_base64 {
            Some(text) => STANDARD.decode(text).map_err(|_| misuse("body_base64 is not base64"))?,
            None => response.body.into_bytes(),
        };
        let next = call.answered(status, &headers, &body).await;
        self.put_back(number, call);
        Ok(match next? {
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
        let status = parse_status(status)?;
        let Some(hop) = next_hop(&request.method, call.url(), status, &lenient_headers(headers)) else {
            return Ok(Value::Null);
        };
        if hop.leaves_origin {
            keep_what_may_travel(&mut request.headers);
        }
        if !hop.keeps_body {
            for name in BODY_HEADERS {
                request.headers.remove(name);
            }
        }
        let added = call.redirected(hop.method.clone(), hop.url.clone())?;
        request.method = hop.method.clone();
        let own = request.headers.iter().map(|(name, value)| header(name, value));
        let mut shown = show_headers(&added);
        shown["own"] = own.collect();
        shown["url"] = hop.url.as_str().into();
        shown["method"] = hop.method.as_str().into();
        shown["keeps_body"] = hop.keeps_body.into();
        shown["downgrades"] = hop.downgrades.into();
        shown["reads_success"] = request.success_may_hold_errors.into();
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

    fn take(&self, number: u64) -> Result<Call, Error> {
        let mut requests = lock(&self.0);
        let call = requests.get_mut(&number).and_then(|request| request.call.take());
        call.ok_or_else(|| misuse("there is no such request, or it waits for an answer already"))
    }

    fn put_back(&self, number: u64, call: Call) {
        if let Some(request) = lock(&self.0).get_mut(&number) {
            request.call = Some(call);
        }
    }
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
    let pairs = added.iter().map(|(name, value)| header(name, value));
    json!({ "headers": pairs.collect::<Vec<_>>(), "stay_at_redirects": added.stay_at_redirects() })
}

fn header(name: &HeaderName, value: &HeaderValue) -> Value {
    json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
}

fn parse_method(method: &str) -> Result<Method, Error> {
    Method::from_bytes(method.as_bytes())
        .map_err(|_| Error::new(ErrorKind::InvalidConfig, "method is not an HTTP method"))
}

fn parse_status(status: u16) -> Result<StatusCode, Error> {
    StatusCode::from_u16(status).map_err(|_| misuse("status is not an HTTP status"))
}

/// The caller's own: a mistake is told, without the value.
fn parse_headers(pairs: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let bad = || Error::new(ErrorKind::InvalidConfig, format!("header `{name}` cannot be sent"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| bad())?);
    }
    Ok(headers)
}

fn misuse(what: &str) -> Error {
    Error::new(ErrorKind::Misuse, what)
}
