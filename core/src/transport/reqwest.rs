//! [`Transport`] over reqwest: HTTP/1.1 and HTTP/2, a pool, TLS, proxies.
//!
//! Reqwest's own redirects, retries, timeouts and choice of root certificates are switched off.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use ::reqwest as http_client;
use bytes::Bytes;
use futures_core::Stream;
use http_client::{Body, NoProxy, Request, redirect, retry};
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use url::Url;

use super::concurrency::Concurrency;
use super::connecting::{Limit, Scope};
use super::failure::{At, broke_off, of_the_parent};
use super::options::{ProxyChoice, TransportOptions};
use super::progress::Progress;
use super::proxies::{LOOPBACK, Proxies, is_http, is_loopback};
use super::upload::{self, Upload, Uploads};
use super::{
    Connection, Outgoing, Sent, Transport, TransportError, TransportRequest, TransportResponse, coding, tls,
};
use crate::error::Error;
use crate::fork::{OfProcess, PerProcess};
use crate::lock::Mutex;
use crate::platform::boot::boot_time;

/// The default transport.
///
/// It can be shared between runtimes: each runtime gets its own connections, because a connection stops with the
/// runtime that drives it.
///
/// ```
/// use rekindle::transport::{ReqwestTransport, TransportOptions};
///
/// let transport = ReqwestTransport::new(TransportOptions { http2: false, ..TransportOptions::default() })?;
/// # let _ = transport;
/// # Ok::<(), rekindle::Error>(())
/// ```
pub struct ReqwestTransport {
    recipe: Recipe,
    runtimes: PerProcess<Runtimes>,
    concurrency: Option<Concurrency>,
}

#[derive(Default)]
struct Runtimes {
    /// Most programs have one runtime: its clients are found without a lock.
    first: OnceLock<(Id, Clients)>,
    others: Mutex<Others>,
}

#[derive(Default)]
struct Others {
    uses: u64,
    known: Vec<Known>,
}

struct Known {
    id: Id,
    used: u64,
    clients: Arc<Clients>,
}

/// The connections of further runtimes are closed, the least recently used first. Bindings whose callers wait on
/// their own threads have one runtime for each waiting thread.
const RUNTIMES: usize = 128;

impl ReqwestTransport {
    /// Creates a transport. Fails if a root certificate, the proxy or the user agent is invalid.
    ///
    /// ```
    /// use rekindle::transport::{ReqwestTransport, TransportOptions};
    ///
    /// assert!(ReqwestTransport::new(TransportOptions::default()).is_ok());
    ///
    /// let extra_root_certificates = vec![b"no certificate".to_vec()];
    /// let options = TransportOptions { extra_root_certificates, ..TransportOptions::default() };
    /// assert!(ReqwestTransport::new(options).is_err());
    /// ```
    pub fn new(options: TransportOptions) -> Result<Self, Error> {
        let own = options.client_certificate.as_ref();
        let tls = tls::config(&options.extra_root_certificates, own, options.http2)?;
        let proxies = Proxies::new(options.proxy.clone());
        let concurrency = Concurrency::new(options.max_concurrent_requests);
        let recipe = Recipe { options, tls, proxies };
        recipe.check()?;
        Ok(Self { recipe, runtimes: PerProcess::new(), concurrency })
    }

    /// The request, with the clients of the runtime that it is sent from.
    fn begin(
        &self,
        request: TransportRequest,
    ) -> Result<impl Future<Output = http_client::Result<http_client::Response>> + use<>, TransportError>
    {
        self.with_clients(|clients| self.begin_with(clients, request))?
    }

    /// Whether its body may still be in the process of being sent when the response arrives. Proxies other than HTTP
    /// proxies are left to reqwest.
    fn uploads(&self, request: &TransportRequest) -> bool {
        upload::is_long(request)
            && request.connection == Connection::Pooled
            && request.url.username().is_empty()
            && request.url.password().is_none()
            && self.recipe.is_over_http(&request.url)
    }

    fn upload(
        &self,
        request: TransportRequest,
    ) -> Result<impl Future<Output = Result<TransportResponse, TransportError>> + use<>, TransportError> {
        self.with_clients(|clients| {
            let Recipe { options, tls, proxies } = &self.recipe;
            clients.uploads.get_or_init(|| Uploads::new(options, tls, proxies.clone())).send(request)
        })
    }

    fn begin_with(
        &self,
        clients: &Clients,
        request: TransportRequest,
    ) -> Result<impl Future<Output = http_client::Result<http_client::Response>> + use<>, TransportError>
    {
        let direct = self.recipe.options.proxy == ProxyChoice::None || is_loopback(&request.url);
        let client = clients.pick(&self.recipe, request.connection, direct)?;
        let scope = Scope::of(&request);
        Ok(scope.run(client.execute(into_request(request))))
    }

    /// Whether the connections of this runtime may have been closed unnoticed: a runtime that only runs during calls
    /// is stopped in between, and detects nothing.
    fn stood_still(&self) -> bool {
        let still = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread);
        still && self.with_clients(Clients::stood_still).unwrap_or(false)
    }

    fn with_clients<T>(&self, work: impl FnOnce(&Clients) -> T) -> Result<T, TransportError> {
        let id = Handle::try_current().map_err(|_| not_sent("no tokio runtime to send from"))?.id();
        let runtimes = self.runtimes.get(|_| Runtimes::default());
        let (first, clients) = runtimes.first.get_or_init(|| (id, Clients::default()));
        if *first == id {
            Ok(work(clients))
        } else {
            let (clients, _evicted) = runtimes.others.lock().clients(id);
            Ok(work(&clients))
        }
    }
}

impl Others {
    /// The clients of this runtime, and those that were evicted for them, to be dropped without the lock.
    fn clients(&mut self, id: Id) -> (Arc<Clients>, Option<Known>) {
        self.uses += 1;
        let (now, known) = (self.uses, &mut self.known);
        if let Some(known) = known.iter_mut().find(|known| known.id == id) {
            known.used = now;
            return (Arc::clone(&known.clients), None);
        }
        let oldest = (0..known.len()).min_by_key(|at| known[*at].used).filter(|_| known.len() >= RUNTIMES);
        let evicted = oldest.map(|at| known.swap_remove(at));
        let clients = Arc::<Clients>::default();
        known.push(Known { id, used: now, clients: Arc::clone(&clients) });
        (clients, evicted)
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

/// Not written as `async fn`, so that the request is passed directly to reqwest and not moved into a boxed future
/// first.
impl Transport for ReqwestTransport {
    fn send<'s, 'f>(&'s self, request: TransportRequest) -> Answer<'f>
    where
        's: 'f,
    {
        match &self.concurrency {
            Some(concurrency) if request.connection == Connection::Pooled => Box::pin(async move {
                let turn = concurrency.turn(request.progress.as_ref()).await?;
                self.send_now(request).await.map(|response| turn.until_the_end_of(response))
            }),
            _ => self.send_now(request),
        }
    }

    fn keeps_cookies(&self) -> bool {
        false
    }
}

impl ReqwestTransport {
    fn send_now<'s, 'f>(&'s self, request: TransportRequest) -> Answer<'f>
    where
        's: 'f,
    {
        if request.connection == Connection::Pooled && self.stood_still() {
            return Box::pin(async move {
                // Until the request has been sent, the time does not count as the server's silence.
                let busy = request.progress.as_ref().map(Progress::busy);
                catch_up().await;
                drop(busy);
                if self.uploads(&request) {
                    return self.upload(request)?.await;
                }
                self.begin(request)?.await.map(into_response).map_err(failure)
            });
        }
        if self.uploads(&request) {
            let sent = self.upload(request);
            return Box::pin(async move { sent?.await });
        }
        let fresh = request.connection == Connection::Fresh;
        let sent = self.begin(request);
        Box::pin(async move {
            let response = sent?.await.map_err(failure)?;
            Ok(if fresh { as_it_came(response) } else { into_response(response) })
        })
    }
}

/// The runtime gets the system's events first, then the connections, then the pool.
async fn catch_up() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

type Answer<'f> = Pin<Box<dyn Future<Output = Result<TransportResponse, TransportError>> + Send + 'f>>;

/// How clients are created, separately for each runtime.
struct Recipe {
    options: TransportOptions,
    tls: rustls::ClientConfig,
    proxies: Proxies,
}

impl Recipe {
    /// Whether the request is sent directly or through an HTTP proxy, not one of another kind.
    fn is_over_http(&self, url: &Url) -> bool {
        url.as_str().parse().is_ok_and(|uri| self.proxies.on_the_way(&uri).as_ref().is_none_or(is_http))
    }

    fn check(&self) -> Result<(), Error> {
        http::HeaderValue::from_str(&self.options.user_agent)
            .map_err(|_| Error::config("user_agent", "not a header value: remove control characters"))?;
        if self.options.max_concurrent_requests == 0 {
            return Err(Error::config("max_concurrent_requests", "at least 1, or nothing could be sent"));
        }
        if let ProxyChoice::Url(url) = &self.options.proxy {
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Error::config("proxy", "only http and https proxies are supported"));
            }
            proxy(url)
                .map_err(|cause| Error::config("proxy", "not usable").with_source(cause.without_url()))?;
        }
        Ok(())
    }

    fn build(&self, connection: Connection, direct: bool) -> http_client::Result<http_client::Client> {
        let mut builder = http_client::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(redirect::Policy::none())
            // Without this limit each request would be copied for a retry that never happens.
            .retry(retry::never().max_retries_per_request(0))
            .referer(false)
            .tcp_nodelay(true)
            .connector_layer(Limit(self.options.connect_timeout))
            .pool_max_idle_per_host(self.options.max_idle_connections)
            .pool_idle_timeout(self.options.idle_timeout)
            .user_agent(&self.options.user_agent);
        if !self.options.http2 {
            builder = builder.http1_only();
        }
        if connection == Connection::Fresh {
            builder = builder.pool_max_idle_per_host(0);
        }
        match &self.options.proxy {
            _ if direct => builder.no_proxy(),
            ProxyChoice::None => builder.no_proxy(),
            ProxyChoice::System => builder,
            ProxyChoice::Url(url) => builder.proxy(proxy(url)?),
        }
        .build()
    }
}

fn proxy(url: &Url) -> http_client::Result<http_client::Proxy> {
    Ok(http_client::Proxy::all(url.clone())?.no_proxy(NoProxy::from_string(LOOPBACK)))
}

/// One runtime's clients, created when they are first needed.
#[derive(Default)]
struct Clients {
    made: [OnceLock<http_client::Client>; 4],
    uploads: OnceLock<Uploads>,
    /// When one of them was last used, in milliseconds of the boot clock.
    used: AtomicU64,
}

impl Clients {
    /// Returns whether nothing was sent for a while, and resets that.
    fn stood_still(&self) -> bool {
        let now = u64::try_from(boot_time().as_millis()).unwrap_or(u64::MAX);
        now.saturating_sub(self.used.swap(now, Ordering::Relaxed)) > 1
    }

    fn pick(
        &self,
        recipe: &Recipe,
        connection: Connection,
        direct: bool,
    ) -> Result<&http_client::Client, TransportError> {
        let cell = &self.made[usize::from(connection == Connection::Fresh) * 2 + usize::from(direct)];
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = recipe.build(connection, direct).map_err(failure)?;
        Ok(cell.get_or_init(|| client))
    }
}

fn into_request(request: TransportRequest) -> Request {
    let mut out = Request::new(request.method, request.url);
    *out.headers_mut() = request.headers;
    coding::ask(out.headers_mut());
    *out.body_mut() = match request.body {
        Outgoing::Empty => None,
        Outgoing::Bytes(bytes) => Some(Body::from(bytes)),
        Outgoing::Stream(stream, length) => Some(Body::wrap(Upload::new(stream, length))),
    };
    out
}

fn into_response(response: http_client::Response) -> TransportResponse {
    let mut response = as_it_came(response);
    response.body = coding::decoded(&mut response.headers, response.body);
    response
}

/// A token response is decoded by its reader, because its label may be wrong (spec 11.5).
fn as_it_came(mut response: http_client::Response) -> TransportResponse {
    let (status, version) = (response.status(), response.version());
    let headers = std::mem::take(response.headers_mut());
    TransportResponse { status, version, headers, body: Box::pin(Download(OfProcess::new(response))) }
}

/// The body of a response, over a connection of the process that sent the request. Trailers are skipped.
struct Download(OfProcess<http_client::Response>);

impl Stream for Download {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(response) = self.0.get_mut() else { return Poll::Ready(Some(Err(of_the_parent()))) };
        // It has no state between two polls.
        let chunk = ready!(pin!(response.chunk()).poll(context));
        Poll::Ready(chunk.map_err(failure).transpose())
    }
}

fn failure(cause: http_client::Error) -> TransportError {
    let at = match () {
        () if cause.is_builder() => At::Asking,
        () if cause.is_connect() => At::Connecting,
        () => At::Sending,
    };
    let url = cause.url().cloned();
    broke_off(url.as_ref(), at, Box::new(cause.without_url()))
}

fn not_sent(message: &str) -> TransportError {
    TransportError::new(Sent::No, message)
}

#[cfg(test)]
mod tests;
