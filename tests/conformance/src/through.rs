//! A request through an HTTP client of one's own: the loop over `Session::call`, and each adapter.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::rt::TokioExecutor;
use rekindle::adapters::reqwest_middleware::RekindleMiddleware;
use rekindle::adapters::tower::RekindleLayer;
use rekindle::call::{self, Content, Judged, Next, Reads};
use rekindle::{Error, ErrorKind, Session};
use rekindle_proto::graphql;
use reqwest::redirect::Policy;
use serde_json::Value;
use tower_layer::Layer as _;
use tower_service::Service as _;
use url::Url;

use crate::case::RequestSpec;
use crate::results;
use crate::stage::Stage;

/// What requests go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Through {
    /// The library's own client.
    #[default]
    Client,
    /// A loop around reqwest, over `Session::call`.
    Call,
    /// The middleware for reqwest-middleware.
    ReqwestMiddleware,
    /// The tower layer around hyper's client, which follows no redirects.
    Tower,
}

impl Through {
    /// All but the library's own client.
    pub const ADAPTERS: [Self; 3] = [Self::Call, Self::ReqwestMiddleware, Self::Tower];

    /// For the names of tests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Call => "call",
            Self::ReqwestMiddleware => "reqwest-middleware",
            Self::Tower => "tower",
        }
    }
}

/// The answer, as it is told; `url` where the client knows it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    url: Option<Url>,
    body: Bytes,
    judged: Option<Judged>,
}

struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
}

#[derive(Clone)]
enum Body {
    None,
    Bytes(Bytes),
    Once(Bytes),
}

/// What comes of a request through that adapter.
pub(crate) async fn send(
    stage: &Stage,
    session: &Session,
    spec: &RequestSpec,
    through: Through,
) -> Result<Value, String> {
    let base = Url::parse(&stage.server.bare().base_url()).map_err(|error| error.to_string())?;
    let request = Request::of(&base, spec)?;
    let follow = spec.follow_redirects.unwrap_or(true);
    let answer = match through {
        Through::Client => return Err("not an adapter".into()),
        Through::Call => by_call(session, request, follow).await,
        Through::ReqwestMiddleware => by_middleware(session, request).await,
        Through::Tower => by_tower(session, request).await,
    };
    Ok(match answer {
        Ok(answer) => results::answer(
            stage,
            (answer.status, answer.url.as_ref(), &answer.headers),
            &answer.body,
            answer.judged.as_ref().map(|judged| (&judged.verdict, judged.replay_refused)),
        ),
        Err(error) => results::error(stage, error).await,
    })
}

async fn by_call(session: &Session, mut request: Request, follow: bool) -> Result<Answer, Error> {
    let content = match &request.body {
        Body::None => Content::none(),
        Body::Bytes(bytes) => Content::from(bytes.clone()),
        Body::Once(_) => Content::Once,
    };
    let mut call = session.call(request.method.clone(), request.url.clone(), &request.headers, content);
    let mut add = call.headers().await?;
    for _ in 0..20 {
        let mut headers = request.headers.clone();
        add.apply(&mut headers);
        let response = reqwest().execute(request.signed(headers)).await.map_err(lost)?;
        let (status, answered) = (response.status(), response.headers().clone());
        let reads = call.reads(status, &answered);
        let body = response.bytes().await.map_err(lost)?;
        let seen = if reads == Reads::Nothing { &[] } else { body.as_ref() };
        let judged = match call.answered(status, &answered, seen).await? {
            Next::SendAgain(fresh) => {
                add = fresh;
                continue;
            }
            Next::Keep(judged) => judged,
        };
        match call::next_hop(&request.method, &request.url, status, &answered).filter(|_| follow) {
            Some(hop) if request.may_follow(&hop) => {
                add = call.redirected(hop.method.clone(), hop.url.clone())?;
                request.follow(hop);
            }
            _ => {
                let url = Some(request.url);
                return Ok(Answer { status, headers: answered, url, body, judged });
            }
        }
    }
    Err(Error::new(ErrorKind::TooManyRedirects, "too many redirects"))
}

async fn by_middleware(session: &Session, request: Request) -> Result<Answer, Error> {
    let plain = RekindleMiddleware::client(session.clone(), builder()).map_err(lost)?;
    let headers = request.headers.clone();
    let response = match plain.execute(request.signed(headers)).await {
        Ok(response) => response,
        Err(reqwest_middleware::Error::Reqwest(error)) => return Err(lost(error)),
        Err(reqwest_middleware::Error::Middleware(error)) => {
            return Err(error.downcast::<Error>().unwrap_or_else(lost));
        }
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let (url, judged) = (Some(response.url().clone()), response.extensions().get::<Judged>().cloned());
    Ok(Answer { status, headers, url, judged, body: response.bytes().await.map_err(lost)? })
}

async fn by_tower(session: &Session, request: Request) -> Result<Answer, Error> {
    let hyper = Hyper::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut service = RekindleLayer::new(session.clone()).without_redirects().layer(hyper);
    let body = match request.body {
        Body::None => Bytes::new(),
        Body::Bytes(bytes) | Body::Once(bytes) => bytes,
    };
    let operation = graphql::detect(&body).filter(|_| request.method == Method::POST);
    let mut plain = http::Request::new(Full::from(body));
    // The layer reads no body: its caller says what the request does.
    if let Some(operation) = operation {
        plain.extensions_mut().insert(operation);
    }
    *plain.method_mut() = request.method;
    *plain.uri_mut() = request.url.as_str().parse().map_err(lost)?;
    *plain.headers_mut() = request.headers;
    let response = service.call(plain).await;
    let response = response.map_err(|error| error.downcast::<Error>().map_or_else(lost, |error| *error))?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(lost)?.to_bytes();
    let judged = head.extensions.get::<Judged>().cloned();
    Ok(Answer { status: head.status, headers: head.headers, url: None, body, judged })
}

impl Request {
    fn of(base: &Url, spec: &RequestSpec) -> Result<Self, String> {
        let url = base.join(&spec.url).map_err(|error| format!("url: {error}"))?;
        let method = spec.method.as_deref().unwrap_or("GET");
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut headers = HeaderMap::new();
        for (name, value) in &spec.headers {
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            headers.insert(name, HeaderValue::try_from(value).map_err(|error| error.to_string())?);
        }
        let typed = |kind: &'static str, text: String, headers: &mut HeaderMap| {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
            Body::Bytes(text.into())
        };
        let body = if let Some(json) = &spec.json {
            typed("application/json", json.to_string(), &mut headers)
        } else if let Some(form) = &spec.form {
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            typed("application/x-www-form-urlencoded", form, &mut headers)
        } else if let Some(text) = &spec.text {
            Body::Bytes(text.clone().into())
        } else {
            spec.stream.clone().map_or(Body::None, |text| Body::Once(text.into()))
        };
        Ok(Self { method, url, headers, body })
    }

    fn signed(&self, headers: HeaderMap) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = match self.body.clone() {
            Body::None => None,
            Body::Bytes(bytes) => Some(bytes.into()),
            Body::Once(bytes) => Some(reqwest::Body::wrap(Full::<Bytes>::from(bytes))),
        };
        request
    }

    fn may_follow(&self, hop: &call::Hop) -> bool {
        !hop.keeps_body || !matches!(self.body, Body::Once(_)) && !hop.downgrades
    }

    fn follow(&mut self, hop: call::Hop) {
        if !hop.keeps_body {
            self.body = Body::None;
            self.headers.remove(CONTENT_TYPE);
        }
        if hop.leaves_origin {
            call::keep_what_may_travel(&mut self.headers);
        }
        (self.method, self.url) = (hop.method, hop.url);
    }
}

fn reqwest() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| builder().redirect(Policy::none()).build().unwrap_or_default())
}

/// Without a pool: each case has a runtime of its own. Without roots, which take longest to load: no case uses TLS.
fn builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).tls_certs_only([])
}

fn lost(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Connection, error.to_string())
}
