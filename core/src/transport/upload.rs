//! Requests whose response may arrive while their body is still being sent.
//!
//! A server may respond after the head and close the connection: the next write fails, and the response is still
//! unread. An HTTP client that gives up at the failed write loses it. Such requests therefore use our own connections,
//! which are read to the end after a failed write (spec 11.1).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use http::header::{ACCEPT, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use super::connecting::Scope;
use super::failure::{At, broke_off, of_the_parent};
use super::options::TransportOptions;
use super::proxies::Proxies;
use super::{ByteStream, Outgoing, TransportError, TransportRequest, TransportResponse, coding};
use crate::fork::OfProcess;
use crate::lock::Mutex;
use crate::platform::connection::Connector;

/// Bodies up to this size have been sent when the response arrives.
const SMALL: usize = 16 * 1024;

/// Whether its body may still be in the process of being sent when the response arrives.
pub(super) fn is_long(request: &TransportRequest) -> bool {
    match &request.body {
        Outgoing::Empty => false,
        Outgoing::Bytes(bytes) => bytes.len() > SMALL,
        Outgoing::Stream(..) => true,
    }
}

/// The connections of one runtime.
pub(super) struct Uploads {
    client: Client<Connector, Upload>,
    proxies: Proxies,
    user_agent: Option<HeaderValue>,
}

impl Uploads {
    pub(super) fn new(options: &TransportOptions, tls: &rustls::ClientConfig, proxies: Proxies) -> Self {
        let user_agent = HeaderValue::from_str(&options.user_agent).ok();
        let connector = Connector::new(tls, options.connect_timeout, proxies.clone(), user_agent.as_ref());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(options.max_idle_connections)
            .pool_idle_timeout(options.idle_timeout)
            .build(connector);
        Self { client, proxies, user_agent }
    }

    /// Sends the request.
    pub(super) fn send(
        &self,
        request: TransportRequest,
    ) -> impl Future<Output = Result<TransportResponse, TransportError>> + use<> {
        let url = request.url.clone();
        let (client, proxies, user_agent) =
            (self.client.clone(), self.proxies.clone(), self.user_agent.clone());
        let scope = Scope::of(&request);
        async move {
            let mut request = into_request(request, user_agent)
                .map_err(|cause| broke_off(Some(&url), At::Asking, Box::new(cause)))?;
            authorize(&mut request, &proxies);
            match scope.run(client.request(request)).await {
                Ok(response) => Ok(into_response(response)),
                Err(cause) => Err(failure(&url, cause)),
            }
        }
    }
}

fn into_request(request: TransportRequest, user_agent: Option<HeaderValue>) -> http::Result<Request<Upload>> {
    let body = match request.body {
        Outgoing::Empty => Upload::new(Box::pin(stream::empty()), Some(0)),
        Outgoing::Bytes(bytes) => {
            let length = Some(bytes.len() as u64);
            Upload::new(Box::pin(stream::once(std::future::ready(Ok(bytes)))), length)
        }
        Outgoing::Stream(stream, length) => Upload::new(stream, length),
    };
    let mut out = Request::builder().method(request.method).uri(request.url.as_str()).body(body)?;
    *out.headers_mut() = request.headers;
    coding::ask(out.headers_mut());
    out.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    if let Some(name) = user_agent {
        out.headers_mut().entry(USER_AGENT).or_insert(name);
    }
    Ok(out)
}

/// The proxy's credentials. For a tunnel they are sent when the tunnel is created.
fn authorize(request: &mut Request<Upload>, proxies: &Proxies) {
    if request.uri().scheme_str() != Some("http") {
        return;
    }
    if let Some(password) = proxies.on_the_way(request.uri()).as_ref().and_then(Intercept::basic_auth) {
        request.headers_mut().entry(PROXY_AUTHORIZATION).or_insert_with(|| password.clone());
    }
}

fn into_response(response: http::Response<Incoming>) -> TransportResponse {
    let (mut head, body) = response.into_parts();
    let body = coding::decoded(&mut head.headers, Box::pin(Download(OfProcess::new(body))));
    TransportResponse { status: head.status, version: head.version, headers: head.headers, body }
}

fn failure(url: &Url, cause: ClientError) -> TransportError {
    let at = if cause.is_connect() { At::Connecting } else { At::Sending };
    broke_off(Some(url), at, Box::new(cause))
}

/// The body of a request. The mutex is never locked: it makes the stream shareable, as reqwest requires.
pub(super) struct Upload {
    stream: Mutex<ByteStream>,
    length: Option<u64>,
}

impl Upload {
    pub(super) fn new(stream: ByteStream, length: Option<u64>) -> Self {
        Self { stream: Mutex::new(stream), length }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let chunk = ready!(self.stream.get_mut().as_mut().poll_next(context));
        if let (Some(Ok(bytes)), Some(left)) = (&chunk, self.length) {
            self.length = Some(left.saturating_sub(bytes.len() as u64));
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The body of a response, over a connection of the process that sent the request. Trailers are skipped.
struct Download(OfProcess<Incoming>);

impl Stream for Download {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = self.0.get_mut() else { return Poll::Ready(Some(Err(of_the_parent()))) };
        loop {
            match ready!(Pin::new(&mut *body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(cause)) => {
                    return Poll::Ready(Some(Err(broke_off(None, At::Sending, Box::new(cause)))));
                }
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }
}
