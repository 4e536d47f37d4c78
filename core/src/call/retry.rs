//! What a client's settings add to a call: retries and a redirect limit (spec 8, 9.2).

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rekindle_proto::event::EventKind;
use rekindle_proto::retry::{Attempt, Decision, Failed};
use rekindle_proto::{ErrorKind, Verdict};

use super::{Call, Headers, Judged, Next};
use crate::error::Error;
use crate::retries::Retries;
use crate::transport::{Sent, TransportError};

pub(crate) struct OfClient {
    pub(crate) retries: Arc<Retries>,
    /// For transient failures: the state of the first send and of each retry.
    pub(crate) sends: u32,
    pub(crate) idempotency_key: bool,
    pub(crate) max_redirects: usize,
    pub(crate) redirects: usize,
}

impl Call {
    /// Call this if no response came. Returns, after a pause, the headers for the retry, if it is safe and the client's
    /// settings allow it (spec 8). A call from [`Session::call`](crate::Session::call) is never retried.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::{call::Content, transport::{Sent, TransportError}};
    ///
    /// let client = rekindle::Client::new(session, "https://api.example.com")?;
    /// let mut call = client.call(Method::GET, "/pupils", &mut HeaderMap::new(), Content::none())?;
    /// let refused = TransportError::new(Sent::No, "connection refused");
    /// let headers = call.failed(refused).await?;
    /// # let _ = headers;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Connection if the request is not sent again.
    pub async fn failed(&mut self, cause: TransportError) -> Result<Headers, Error> {
        let failed = if cause.sent == Sent::No { Failed::NotSent } else { Failed::MaybeSent };
        if self.retries(failed, None).await {
            return self.state.headers(&self.session, &self.method, &self.url);
        }
        Err(cause.into())
    }

    /// Resolves at the overall deadline, with the timeout error; never resolves without a deadline. It does not keep
    /// the call busy.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").origin("https://api.example.com").build()?;
    /// use http::{HeaderMap, Method};
    /// use rekindle::call::Content;
    ///
    /// let url = "https://api.example.com/".parse().expect("a URL");
    /// let call = session.call(Method::GET, url, &HeaderMap::new(), Content::none());
    /// let call = call.timeout(std::time::Duration::from_millis(5));
    /// assert!(call.expires().await.is_timeout());
    /// # Ok(()) }
    /// ```
    pub fn expires(&self) -> impl Future<Output = Error> + Send + 'static {
        let timer = self.deadline.map(|at| self.session.clock().sleep_until(at));
        async {
            match timer {
                Some(timer) => timer.await,
                None => std::future::pending().await,
            }
            Error::timeout("waiting for the response")
        }
    }

    /// Returns the response, unless the failure is transient.
    pub(super) async fn kept(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        judged: Option<Judged>,
    ) -> Result<Next, Error> {
        if status.as_u16() >= 400 && self.client.is_some() {
            let told = match judged.as_ref().map(|judged| &judged.verdict) {
                Some(Verdict::RateLimited { after } | Verdict::Unavailable { after }) => *after,
                _ => None,
            };
            let now = self.session.clock().now().wall;
            let after = told.or_else(|| self.session.dialect().retry_after(headers, now));
            // Boxed because it is seldom needed.
            if Box::pin(self.retries(Failed::Status(status), after)).await {
                return Ok(Next::SendAgain(self.state.headers(&self.session, &self.method, &self.url)?));
            }
        }
        Ok(Next::Keep(judged))
    }

    pub(super) fn count_redirect(&mut self) -> Result<(), Error> {
        let Some(client) = &mut self.client else { return Ok(()) };
        if client.redirects >= client.max_redirects {
            let limit = client.max_redirects;
            let message =
                format!("more than {limit} redirects; ask for the last URL, or raise max_redirects");
            return Err(Error::new(ErrorKind::TooManyRedirects, message));
        }
        client.redirects += 1;
        Ok(())
    }

    /// Whether the request is sent again after a transient failure; waits until then.
    async fn retries(&mut self, failed: Failed, retry_after: Option<Duration>) -> bool {
        let Some(client) = &self.client else { return false };
        let now = self.session.clock().mono();
        let attempt = Attempt {
            sends: client.sends,
            method: &self.method,
            operation: self.what_it_does(),
            idempotency_key: client.idempotency_key,
            replayable: self.content.is_replayable() && !self.redirected,
            failed,
            retry_after,
            left: self.deadline.map(|at| at.saturating_sub(now)),
        };
        let Decision::Again(delay) = client.retries.decide(&attempt, None, now) else { return false };
        self.session.clock().sleep_until(now.saturating_add(delay)).await;
        if let Some(client) = &mut self.client {
            client.sends += 1;
        }
        self.session.emit(EventKind::Retried);
        true
    }
}
