//! A layer for clients that are tower services (feature `tower`).

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use rekindle_proto::Operation;
use tower_layer::Layer;
use tower_service::Service;
use url::Url;

use super::{JudgedBody, Next, is_turned_away, judge, must_stay};
use crate::call::{Call, Content};
use crate::session::Session;
use crate::transport::BoxError;

/// Layer that adds a session to a service: requests carry a valid token, and are sent again if an old token was
/// rejected.
///
/// The request's URI must be absolute: its origin decides whether it gets a token. The body is cloned for each send. A
/// JSON POST with a GraphQL response counts as a mutation, unless its extensions contain another [`Operation`]. Errors
/// of the session are boxed [`rekindle::Error`](crate::Error) values.
///
/// Layers that follow redirects belong above this one, so that each hop is a separate request here. A layer below would
/// forward headers that it does not know. Therefore a token that is sent in a header other than `Authorization`, or is
/// bound to a key, is an error until [`without_redirects`](Self::without_redirects) declares that there is no such
/// layer.
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use bytes::Bytes;
/// use rekindle::Session;
/// use rekindle::adapters::tower::RekindleLayer;
/// use tower_layer::Layer;
/// use tower_service::Service;
/// # #[derive(Clone)]
/// # struct MyClient;
/// # impl Service<Request<Full<Bytes>>> for MyClient {
/// #     type Response = Response<Full<Bytes>>;
/// #     type Error = Infallible;
/// #     type Future = std::future::Ready<Result<Self::Response, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
/// #         std::task::Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
/// #         assert_eq!(request.headers()["authorization"], "Bearer at-1");
/// #         std::future::ready(Ok(Response::default()))
/// #     }
/// # }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let session = Session::builder("oauth2")
///     .token_url("https://auth.example.com/oauth/token")
///     .tokens("at-1", "rt-1")
///     .origin("https://api.example.com")
///     .build()?;
/// let mut client = RekindleLayer::new(session).layer(MyClient);
/// let request = Request::get("https://api.example.com/data").body(Full::<Bytes>::default())?;
/// assert_eq!(client.call(request).await?.status(), 200);
/// # Ok(()) }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct RekindleLayer {
    session: Session,
    no_redirects: bool,
}

impl RekindleLayer {
    /// Creates a layer for this session.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, adapters::tower::RekindleLayer};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .origin("https://api.example.com") // where the token may go
    ///     .build()?;
    /// let layer = RekindleLayer::new(session);
    /// # let _ = layer; Ok(()) }
    /// ```
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self { session, no_redirects: false }
    }

    /// Declares that no layer below this one follows redirects.
    ///
    /// ```
    /// # fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, adapters::tower::RekindleLayer};
    ///
    /// let session = Session::builder("shopify")
    ///     .variable("shop", "my-shop.myshopify.com")
    ///     .client_id("app")
    ///     .origin("https://my-shop.myshopify.com")
    ///     .build()?;
    /// let layer = RekindleLayer::new(session).without_redirects(); // its token goes in X-Shopify-Access-Token
    /// # let _ = layer; Ok(()) }
    /// ```
    #[must_use]
    pub fn without_redirects(mut self) -> Self {
        self.no_redirects = true;
        self
    }
}

impl<S> Layer<S> for RekindleLayer {
    type Service = RekindleService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RekindleService { layer: self.clone(), inner }
    }
}

/// A service with a session, created by [`RekindleLayer`].
#[derive(Clone, Debug)]
pub struct RekindleService<S> {
    layer: RekindleLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for RekindleService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Clone + Send + 'static,
    R: http_body::Body + Unpin + Send + 'static,
    R::Error: Send,
{
    type Response = Response<JudgedBody<R>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled ready is the one to be called.
        let ready = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, ready);
        Box::pin(send(self.layer.clone(), ready, request))
    }
}

async fn send<S, B, R>(
    layer: RekindleLayer,
    mut inner: S,
    request: Request<B>,
) -> Result<Response<JudgedBody<R>>, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Clone,
    R: http_body::Body + Unpin,
{
    let (head, body) = request.into_parts();
    let Some(mut call) = call(&layer.session, &head) else {
        let response = inner.call(Request::from_parts(head, body)).await.map_err(Into::into)?;
        return Ok(response.map(JudgedBody::new));
    };
    let mut headers = call.headers().await?;
    if !layer.no_redirects {
        must_stay(&headers, "make sure that no layer below follows them, then set `without_redirects`")?;
    }
    loop {
        let mut request = Request::from_parts(head.clone(), body.clone());
        headers.apply(request.headers_mut());
        let response = inner.call(request).await.map_err(Into::into)?;
        match judge(&mut call, response).await? {
            Next::Keep(mut response) => {
                if response.status().is_redirection() && is_turned_away(&response) {
                    // A layer above that follows redirects hands out what has no Location.
                    response.headers_mut().remove(http::header::LOCATION);
                }
                return Ok(response);
            }
            Next::SendAgain(fresh) => headers = fresh,
        }
        poll_fn(|context| inner.poll_ready(context)).await.map_err(Into::into)?;
    }
}

/// `None`: no absolute URL, so no origin that a token could be for.
fn call(session: &Session, head: &http::request::Parts) -> Option<Call> {
    let url = Url::parse(&head.uri.to_string()).ok()?;
    let call = session.call(head.method.clone(), url, &head.headers, Content::Replayable);
    Some(match head.extensions.get::<Operation>() {
        Some(operation) => call.operation(*operation),
        None => call,
    })
}
