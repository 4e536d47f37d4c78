//! A middleware for clients of the crate `reqwest-middleware` (feature `reqwest-middleware`).

use async_trait::async_trait;
use http::Extensions;
use rekindle_proto::Operation;
use reqwest::{Request, Response, ResponseBuilderExt};
use reqwest_middleware::{Error, Middleware, Next as Rest, Result};
use url::Url;

use super::{Call, JudgedBody, Next, operation};
use crate::session::Session;

/// Puts a session around a reqwest client: its requests carry a valid token, and are sent again where an old one
/// was turned away.
///
/// A request whose body is a stream is sent once: where its token is turned away, the token is refreshed for the
/// next one, and the caller gets the response. What a GraphQL request does is read from its body; an
/// [`Operation`] among the request's extensions says it where that cannot be read. An error of the session's is
/// `Error::Middleware` with a [`rekindle::Error`](crate::Error) in it.
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
}

impl RekindleMiddleware {
    /// A middleware of this session.
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
        Self { session }
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
        let call = call(&self.session, &request, extensions);
        let token = call.token(request.headers()).await.map_err(Error::middleware)?;
        let Some(mut token) = token else { return rest.run(request, extensions).await };
        loop {
            let again = request.try_clone();
            call.sign(request.headers_mut(), &token).map_err(Error::middleware)?;
            let response = rest.clone().run(request, extensions).await?;
            let url = response.url().clone();
            if url.origin() != call.url.origin() {
                // Redirected to another origin, without our token: its answer says nothing about that.
                return Ok(response);
            }
            match call.judge(&token, response.into()).await.map_err(Error::middleware)? {
                Next::Keep(response) => return Ok(of(response, url)),
                Next::Replay(fresh) => token = fresh,
            }
            request = again.ok_or_else(|| Error::middleware(unclonable()))?;
        }
    }
}

fn call(session: &Session, request: &Request, extensions: &Extensions) -> Call {
    let told = extensions.get::<Operation>().copied();
    let body = request.body().map_or(Some([].as_slice()), reqwest::Body::as_bytes);
    Call {
        session: session.clone(),
        method: request.method().clone(),
        url: request.url().clone(),
        operation: operation(told, request.method(), request.headers(), body),
        replayable: body.is_some(),
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

/// Judging a request whose body cannot be cloned never ends in a replay.
fn unclonable() -> crate::Error {
    crate::Error::new(
        rekindle_proto::ErrorKind::Misuse,
        "the request's body was sent and cannot be sent again: give it as bytes",
    )
}
