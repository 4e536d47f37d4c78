//! A middleware for clients of the crate `reqwest-middleware` (feature `reqwest-middleware`).

use async_trait::async_trait;
use http::Extensions;
use rekindle_proto::{ErrorKind, Operation};
use reqwest::{ClientBuilder, Request, Response, ResponseBuilderExt, redirect};
use reqwest_middleware::{
    ClientBuilder as Stack, ClientWithMiddleware, Error, Middleware, Next as Rest, Result,
};
use url::Url;

use super::{JudgedBody, Next, is_turned_away, judge, must_stay};
use crate::call::{self, Call, Content, Hop};
use crate::session::Session;

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// Middleware that adds a session to a reqwest client: requests carry a valid token, and are sent again if an old token
/// was rejected.
///
/// A request with a streaming body is sent once: if its token is rejected, the token is refreshed for the next request,
/// and the caller gets the response. A GraphQL operation is read from the body; if the body cannot be read, set an
/// [`Operation`] in the request's extensions. Errors of the session are `Error::Middleware` with a
/// [`rekindle::Error`](crate::Error) inside.
///
/// The middleware cannot see reqwest's redirects, and reqwest keeps headers that it does not know: with
/// [`new`](Self::new), a token that is sent in a header other than `Authorization`, or is bound to a key, is an error.
/// [`client`](Self::client) builds a client that follows redirects safely.
///
/// ```
/// use rekindle::Session;
/// use rekindle::adapters::reqwest_middleware::RekindleMiddleware;
/// use reqwest_middleware::ClientBuilder;
///
/// # async fn run(api: &str, session: Session) -> Result<(), reqwest_middleware::Error> {
/// let reqwest = reqwest::Client::builder().no_proxy().build()?;
/// let client = ClientBuilder::new(reqwest).with(RekindleMiddleware::new(session)).build();
/// let response = client.get(format!("{api}/data")).send().await?;
/// assert_eq!(response.status(), 200);
/// # Ok(()) }
/// # use rekindle_test_server::{AuthServer, SeedDialect};
/// # let server = AuthServer::builder().dialect(SeedDialect::Json).start().unwrap();
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// # let (api, tokens) = (server.base_url(), server.sign_in());
/// # server.expire_all_access_tokens();
/// # let session = Session::builder("json").token_url(format!("{api}/refresh")).origin(&api);
/// # let session = session.tokens(tokens.access_token, tokens.refresh_token).build().unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(run(&api, session)).unwrap();
/// # assert_eq!(server.counters().refreshes, 1);
/// ```
#[derive(Clone, Debug)]
pub struct RekindleMiddleware {
    session: Session,
    follows: bool,
}

impl RekindleMiddleware {
    /// Creates a middleware for this session.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, adapters::reqwest_middleware::RekindleMiddleware};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .origin("https://api.example.com") // where the token may go
    ///     .build()?;
    /// let middleware = RekindleMiddleware::new(session);
    /// # let _ = middleware; Ok(()) }
    /// ```
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self { session, follows: false }
    }

    /// Builds a client with a middleware for this session. It follows up to ten redirects itself: if one leaves the
    /// origin, no token is sent, and of the request's own headers only those that
    /// [`may_travel`](crate::call::may_travel). `reqwest`'s own redirect policy is replaced.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let _ = rustls::crypto::ring::default_provider().install_default();
    /// use rekindle::{Session, adapters::reqwest_middleware::RekindleMiddleware};
    ///
    /// let session = Session::builder("shopify")
    ///     .variable("shop", "my-shop.myshopify.com")
    ///     .client_id("app")
    ///     .origin("https://my-shop.myshopify.com")
    ///     .build()?;
    /// let client = RekindleMiddleware::client(session, reqwest::Client::builder())?;
    /// # let _ = client; Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Reqwest's error if the client cannot be built.
    pub fn client(
        session: Session,
        reqwest: ClientBuilder,
    ) -> std::result::Result<ClientWithMiddleware, reqwest::Error> {
        let reqwest = reqwest.redirect(redirect::Policy::none()).build()?;
        Ok(Stack::new(reqwest).with(Self { session, follows: true }).build())
    }
}

#[async_trait]
impl Middleware for RekindleMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        rest: Rest<'_>,
    ) -> Result<Response> {
        let mut call = call(&self.session, &request, extensions);
        let mut headers = call.headers().await.map_err(Error::middleware)?;
        if !self.follows {
            must_stay(&headers, "make the client with `RekindleMiddleware::client`")
                .map_err(Error::middleware)?;
        }
        let mut redirects = 0;
        loop {
            let spare = Spare::of(&request);
            headers.apply(request.headers_mut());
            let response = rest.clone().run(request, extensions).await?;
            let url = response.url().clone();
            call.answered_from(&url);
            let response = match judge(&mut call, response.into()).await.map_err(Error::middleware)? {
                Next::SendAgain(fresh) => {
                    headers = fresh;
                    request = spare.again()?;
                    continue;
                }
                Next::Keep(response) => response,
            };
            let Some(hop) = self.next_hop(&call, &spare, &response) else { return Ok(of(response, url)) };
            redirects += 1;
            if redirects > REDIRECTS {
                return Err(Error::middleware(too_many()));
            }
            headers = call.redirected(hop.method.clone(), hop.url.clone()).map_err(Error::middleware)?;
            request = spare.redirected(hop);
        }
    }
}

impl RekindleMiddleware {
    /// The redirect to follow, if there is one and all can go along that must.
    fn next_hop(
        &self,
        call: &Call,
        spare: &Spare,
        response: &http::Response<JudgedBody<reqwest::Body>>,
    ) -> Option<Hop> {
        if !self.follows || is_turned_away(response) {
            return None;
        }
        let hop = call::next_hop(spare.request.method(), call.url(), response.status(), response.headers())?;
        let has_body = !spare.whole || spare.request.body().is_some();
        (!hop.keeps_body || !has_body || spare.whole && !hop.downgrades).then_some(hop)
    }
}

/// The request without our headers, for another send. Not whole: without its body, which can be sent once.
struct Spare {
    request: Request,
    whole: bool,
}

impl Spare {
    fn of(request: &Request) -> Self {
        if let Some(request) = request.try_clone() {
            return Self { request, whole: true };
        }
        let mut copy = Request::new(request.method().clone(), request.url().clone());
        *copy.headers_mut() = request.headers().clone();
        *copy.timeout_mut() = request.timeout().copied();
        *copy.version_mut() = request.version();
        Self { request: copy, whole: false }
    }

    fn again(self) -> Result<Request> {
        if self.whole { Ok(self.request) } else { Err(Error::middleware(unclonable())) }
    }

    fn redirected(mut self, hop: Hop) -> Request {
        let headers = self.request.headers_mut();
        if !hop.keeps_body {
            call::drop_body_headers(headers);
        }
        if hop.leaves_origin {
            call::keep_what_may_travel(headers);
        }
        if !hop.keeps_body {
            *self.request.body_mut() = None;
        }
        *self.request.method_mut() = hop.method;
        *self.request.url_mut() = hop.url;
        self.request
    }
}

fn call(session: &Session, request: &Request, extensions: &Extensions) -> Call {
    let content = match request.body() {
        None => Content::none(),
        Some(body) => {
            body.as_bytes().map_or(Content::Once, |bytes| Content::copy_of(request.method(), bytes))
        }
    };
    let call = session.call(request.method().clone(), request.url().clone(), request.headers(), content);
    match extensions.get::<Operation>() {
        Some(operation) => call.operation(*operation),
        None => call,
    }
}

/// The response as reqwest has it, with its URL.
fn of(response: http::Response<JudgedBody<reqwest::Body>>, url: Url) -> Response {
    let mut response = response.map(reqwest::Body::wrap);
    if let Ok(place) = http::Response::builder().url(url).body(()) {
        response.extensions_mut().extend(place.into_parts().0.extensions);
    }
    Response::from(response)
}

fn too_many() -> crate::Error {
    crate::Error::new(
        ErrorKind::TooManyRedirects,
        format!("more than {REDIRECTS} redirects; ask for the last URL"),
    )
}

/// Judging a request whose body cannot be cloned never ends in a replay.
fn unclonable() -> crate::Error {
    crate::Error::new(
        ErrorKind::Misuse,
        "the request's body was sent and cannot be sent again: give it as bytes",
    )
}
