//! The connect timeout, per request, for connections of reqwest and of uploads alike.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

use super::TransportRequest;
use super::progress::Progress;
use crate::platform::sleep;

type BoxError = Box<dyn StdError + Send + Sync>;

tokio::task_local! {
    /// What the request says whose task connects.
    static REQUEST: Asked;
}

#[derive(Clone)]
struct Asked {
    timeout: Option<Duration>,
    progress: Option<Progress>,
}

/// What a request says of connecting, for the time of its send; nothing for most.
pub(super) struct Scope(Option<Asked>);

impl Scope {
    pub(super) fn of(request: &TransportRequest) -> Self {
        let TransportRequest { connect_timeout: timeout, progress, .. } = request;
        let said = timeout.is_some() || progress.is_some();
        Self(said.then(|| Asked { timeout: *timeout, progress: progress.clone() }))
    }

    pub(super) async fn run<F: Future>(self, send: F) -> F::Output {
        match self.0 {
            Some(asked) => REQUEST.scope(asked, send).await,
            None => send.await,
        }
    }
}

/// Connects within the time of the request that asks for it, else within the transport's.
pub(crate) async fn within<T, E: Into<BoxError>>(
    usual: Duration,
    connecting: impl Future<Output = Result<T, E>>,
) -> Result<T, BoxError> {
    let asked = REQUEST.try_with(Asked::clone).ok();
    let timeout = asked.as_ref().and_then(|asked| asked.timeout).unwrap_or(usual);
    let _busy = asked.and_then(|asked| asked.progress).map(|progress| progress.busy());
    match sleep::within(timeout, connecting).await {
        Some(connected) => connected.map_err(Into::into),
        None => Err(format!("no connection within {} s", timeout.as_secs_f64()).into()),
    }
}

/// The same for reqwest's connector. Reqwest copies its connector for each request, so what is below is shared: a copy of
/// all of it would cost each request more than everything else here.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) Duration);

pub(super) struct Limited<S> {
    inner: Arc<S>,
    usual: Duration,
}

impl<S> Clone for Limited<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), usual: self.usual }
    }
}

impl<S> Layer<S> for Limit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { inner: Arc::new(inner), usual: self.0 }
    }
}

impl<S, R> Service<R> for Limited<S>
where
    R: Send + 'static,
    S: Service<R, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: R) -> Self::Future {
        let (mut connector, usual) = (S::clone(&self.inner), self.usual);
        let connecting = async move {
            poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(to).await
        };
        Box::pin(within(usual, connecting))
    }
}
